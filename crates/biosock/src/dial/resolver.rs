//! Who turns names into addresses for a dial.

use std::fmt;

use super::hosts;
use crate::literal::parse_port;
use crate::{Domain, Lookup, Result, SocketAddr, Type};

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
/// returned. What is [known locally](Self::at_hand) needs no thread.
///
/// ```
/// use std::sync::Arc;
/// use biosock::dial::{Dialer, Question, Resolver};
/// use biosock::{Domain, Result, SocketAddr};
///
/// /// Knows one name.
/// #[derive(Debug)]
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
pub trait Resolver: Send + Sync + fmt::Debug {
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

    /// The addresses where they are at hand, as in a cache, of the question's
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
    /// assert!(SystemResolver.at_hand(&question).is_none());
    /// ```
    fn at_hand(&self, question: &Question) -> Option<Vec<SocketAddr>> {
        let _ = question;
        None
    }
}

/// The system's resolver, getaddrinfo(3), by [`Lookup`].
///
/// A name that hosts(5) has is asked for in both families at once, and the
/// other family's addresses are left out: asked for one family alone,
/// getaddrinfo would go on to DNS where the file has the other. Such a name is
/// [at hand](Resolver::at_hand), read from the file without getaddrinfo, where
/// the port is in figures and nsswitch.conf(5) has the file go first.
///
/// ```
/// # use biosock::dial::{Question, Resolver, SystemResolver};
/// # use biosock::{Domain, Type};
/// let question = Question { host: Some("localhost".into()), service: "1".into(), family: Domain::IPV4, socktype: Type::STREAM };
/// assert!(!SystemResolver.resolve(&question)?.is_empty());
/// # Ok::<(), biosock::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemResolver;

impl Resolver for SystemResolver {
    fn resolve(&self, question: &Question) -> Result<Vec<SocketAddr>> {
        let lookup =
            Lookup::new().service(&question.service).family(question.family).socktype(question.socktype);
        let lookup = question.host.as_ref().map_or(lookup, |host| lookup.host(host));
        let in_hosts = question.host.as_deref().is_some_and(hosts::has);
        let lookup = if in_hosts { lookup.every_family() } else { lookup };
        let of_family =
            |addr: &SocketAddr| question.family == Domain::UNSPEC || addr.family() == question.family;
        Ok(lookup.run()?.into_iter().map(|found| found.addr).filter(of_family).collect())
    }

    fn at_hand(&self, question: &Question) -> Option<Vec<SocketAddr>> {
        // The names of services may be a directory server's to know.
        let port = parse_port(question.service.bytes())?;
        let host = question.host.as_deref().filter(|_| hosts::go_first())?;
        hosts::destinations(host, port, question.family)
    }
}
