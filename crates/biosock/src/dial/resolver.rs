//! What resolves names for a dial.

use std::fmt;

use crate::{Domain, Result, SocketAddr, Type};

/// A question to a resolver.
///
/// ```
/// use biosock::dial::{Question, Resolver, SystemResolver};
/// use biosock::{Domain, Type};
///
/// let question = Question { host: None, service: "80".into(), family: Domain::IPV4, socktype: Type::STREAM };
/// assert_eq!(SystemResolver.resolve(&question)?[0].to_string(), "127.0.0.1:80");
/// # Ok::<(), biosock::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Question {
    /// The host name; `None` for the loopback addresses.
    pub host: Option<String>,
    /// The service name or port.
    pub service: String,
    /// The requested family; each family is queried separately.
    pub family: Domain,
    /// The socket type.
    pub socktype: Type,
}

/// Resolves names. A dial queries it for each family on one of biosock's threads
/// ([`lookup_threads`](super::lookup_threads)), so an implementation may block; if it
/// panics, the lookup fails. An identical question to the same resolver (the same
/// [`Arc`](std::sync::Arc)) within 5 s shares the answer; a later one is asked anew,
/// even if the first has not returned (each one that has not doubles the 5 s). What is
/// [known locally](Self::known) needs no thread.
///
/// ```
/// use std::sync::Arc;
/// use biosock::dial::{Dialer, Question, Resolver};
/// use biosock::{Domain, Result, SocketAddr};
///
/// /// Knows one name.
/// struct Fixed;
///
/// impl Resolver for Fixed {
///     fn resolve(&self, question: &Question) -> Result<Vec<SocketAddr>> {
///         Ok(match question.family {
///             Domain::IPV4 => vec!["127.0.0.1:1".parse()?],
///             _ => vec![],
///         })
///     }
/// }
///
/// let failed = Dialer::new().resolver(Arc::new(Fixed)).dial("anything:1").unwrap_err();
/// assert_eq!(failed.report().attempts.len(), 1);
/// ```
pub trait Resolver: Send + Sync {
    /// The addresses of one family, in the order to try them (RFC 6724).
    ///
    /// # Errors
    /// Any failure; the dial goes on with the other family.
    ///
    /// ```
    /// use biosock::dial::{Question, Resolver, SystemResolver};
    /// use biosock::{Domain, Type};
    ///
    /// let question = Question { host: None, service: "no-such".into(), family: Domain::IPV4, socktype: Type::STREAM };
    /// assert!(SystemResolver.resolve(&question).is_err());
    /// ```
    fn resolve(&self, question: &Question) -> Result<Vec<SocketAddr>>;

    /// The addresses if they are known locally, as in a cache, of the question's family
    /// or of both ([`Domain::UNSPEC`]), each in the order to try them: an empty list if
    /// it is known that there are none. A dial with this resolver calls this first, on
    /// its caller's thread or the runtime's, so it must not block; on `None`, the
    /// default, it calls [`resolve`](Self::resolve), on threads.
    ///
    /// ```
    /// use biosock::dial::{Question, Resolver, SystemResolver};
    /// use biosock::{Domain, Type};
    ///
    /// let host = Some("name.of.dns.example".into());
    /// let question = Question { host, service: "80".into(), family: Domain::UNSPEC, socktype: Type::STREAM };
    /// assert!(SystemResolver.known(&question).is_none());
    /// ```
    fn known(&self, question: &Question) -> Option<Vec<SocketAddr>> {
        let _ = question;
        None
    }
}

impl fmt::Debug for dyn Resolver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Resolver")
    }
}
