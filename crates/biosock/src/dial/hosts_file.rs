//! /etc/hosts, for async resolvers that query DNS themselves.

use std::io;
use std::sync::Arc;

use super::local_names;
use super::lookups::LookupTask;
use super::resolver::{Question, Resolver};
use crate::error::errno_kind;
use crate::literal::parse_port;
use crate::sys::PerProcess;
use crate::{Domain, Error, ErrorKind, Operation, Result, SocketAddr, Type};

/// The addresses that /etc/hosts has for a name, of one family or of both
/// ([`Domain::UNSPEC`]), sorted as by [`sort_destinations`](super::sort_destinations):
/// for an [`AsyncResolver`](super::AsyncResolver) that queries DNS itself.
///
/// `None` if the file does not have the name: then query DNS. An empty list if it has
/// the name only in the other family: then do not query DNS. At most the first 256
/// addresses of each family are returned. A file that does not exist, or that this
/// process may not read, has no names.
///
/// The file is read again when it has changed: on a [lookup
/// thread](super::lookup_threads) if it is larger than 64 KiB, otherwise by the calling
/// task. A file that is larger than 64 MiB, or not a regular file, has no names either.
///
/// # Errors
/// A shortage of descriptors, memory or threads prevented reading the file. Do not
/// query DNS then: the file may have the name.
///
/// ```
/// use biosock::Domain;
/// use biosock::dial::hosts_file;
///
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// assert_eq!(hosts_file("no-such-name.invalid", 443, Domain::UNSPEC).await?, None);
/// # Ok::<(), biosock::Error>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub async fn hosts_file(name: &str, port: u16, family: Domain) -> Result<Option<Vec<SocketAddr>>> {
    if let Some(found) = local_names::look(name, port, family, true).map_err(unread)? {
        return Ok(found);
    }
    let (host, service) = (Some(name.into()), port.to_string());
    let question = Question { host, service, family, socktype: Type::ANY };
    // A single one, so that identical queries share a lookup.
    static FILE: PerProcess<Arc<HostsFile>> = PerProcess::new();
    let file: Arc<dyn Resolver> = Arc::clone(FILE.get()) as _;
    match LookupTask::start(&file, question).await {
        Err(error) if error.kind() == ErrorKind::NameNotFound => Ok(None),
        found => found.map(Some),
    }
}

fn unread(error: io::Error) -> Error {
    let kind = errno_kind(error.raw_os_error().unwrap_or_default());
    Error::from_kind(Operation::Lookup, kind).about("/etc/hosts").with_source(error)
}

/// The file as a blocking resolver.
#[derive(Debug, Default)]
struct HostsFile;

impl Resolver for HostsFile {
    /// NameNotFound if the file does not have the name.
    fn resolve(&self, question: &Question) -> Result<Vec<SocketAddr>> {
        let port = parse_port(question.service.bytes()).unwrap_or_default();
        let name = question.host.as_deref().unwrap_or_default();
        let found = local_names::look(name, port, question.family, false).map_err(unread)?;
        found.flatten().ok_or_else(|| Error::from_kind(Operation::Lookup, ErrorKind::NameNotFound))
    }
}
