//! The system's resolver.

use super::local_names;
use super::resolver::{Question, Resolver};
use crate::literal::parse_port;
use crate::{Domain, Family, Lookup, Result, SocketAddr};

/// The system's resolver, getaddrinfo(3), through [`Lookup`].
///
/// A name in hosts(5) is looked up in both families at once, and the other family's
/// addresses are dropped: for one family alone, getaddrinfo(3) would query DNS if the
/// file has only the other. Such a name is [known locally](Resolver::known), read from
/// the file without getaddrinfo(3), if the port is numeric and nsswitch.conf(5) has the
/// file go first.
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
        let lookup = Lookup::new()
            .service(&question.service)
            .family(Family::try_from(question.family)?)
            .socktype(question.socktype);
        let lookup = question.host.as_ref().map_or(lookup, |host| lookup.host(host));
        let in_hosts = question.host.as_deref().is_some_and(local_names::has);
        let lookup = if in_hosts { lookup.every_family() } else { lookup };
        let of_family =
            |addr: &SocketAddr| question.family == Domain::UNSPEC || addr.family() == question.family;
        Ok(lookup.run()?.into_iter().map(|found| found.addr).filter(of_family).collect())
    }

    fn known(&self, question: &Question) -> Option<Vec<SocketAddr>> {
        // Service names may come from a directory server.
        let port = parse_port(question.service.bytes())?;
        let host = question.host.as_deref().filter(|_| local_names::go_first())?;
        local_names::destinations(host, port, question.family)
    }
}
