//! What turns names into addresses for a dial.

use std::fmt;

use crate::{Domain, Result, SocketAddr, Type};

/// A question that a dial asks.
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
    /// The host's name; `None` for the loopback addresses.
    pub host: Option<String>,
    /// The service's name or port.
    pub service: String,
    /// The family whose addresses are wanted; each is asked for apart.
    pub family: Domain,
    /// The type of socket.
    pub socktype: Type,
}

/// Turns names into addresses. A dial asks for each family on a thread of
/// biosock's ([`lookup_threads`](super::lookup_threads)), so an implementation
/// may block; a panic of it is a lookup that failed. An equal question that a
/// dial asks the same resolver (the same [`Arc`](std::sync::Arc)) within 5 s
/// shares the answer; a later one is asked anew, even while the first has not
/// returned. What is [known locally](Self::known) needs no thread.
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
    /// Whatever went wrong; the dial goes on with the other family.
    ///
    /// ```
    /// use biosock::dial::{Question, Resolver, SystemResolver};
    /// use biosock::{Domain, Type};
    ///
    /// let question = Question { host: None, service: "no-such".into(), family: Domain::IPV4, socktype: Type::STREAM };
    /// assert!(SystemResolver.resolve(&question).is_err());
    /// ```
    fn resolve(&self, question: &Question) -> Result<Vec<SocketAddr>>;

    /// The addresses where they are known locally, as in a cache, of the question's
    /// family or of both ([`Domain::UNSPEC`]), each in the order to try them: none
    /// where it is known that there are none. A dial that this resolver serves
    /// asks it first, on its caller's thread or the runtime's, so it must not
    /// block; on `None`, as here, [`resolve`](Self::resolve) is asked, on threads.
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
