//! /etc/hosts for async resolvers that ask DNS themselves.

use std::io;
use std::sync::Arc;

use super::local_names;
use super::lookups::LookupTask;
use super::resolver::{Question, Resolver};
use crate::error::errno_kind;
use crate::literal::parse_port;
use crate::{Domain, Error, ErrorKind, Operation, Result, SocketAddr, Type};

/// The addresses that /etc/hosts has for a name, of a family or of both
/// ([`Domain::UNSPEC`]), sorted as by [`sort_destinations`](super::sort_destinations):
/// for an [`AsyncResolver`](super::AsyncResolver) that asks DNS itself.
///
/// `None` where the file does not have the name: DNS may be asked. An empty list
/// where it has the name in the other family alone: then DNS should not be asked
/// either. Of each family the first 256 are returned. A file that is not there, or
/// that this process may not read, has no names.
///
/// The file is read again when it has changed: one of more than 64 KiB on a
/// [lookup thread](super::lookup_threads), else by the calling task. One of more
/// than 64 MiB, or that is not a regular file, has no names either.
///
/// # Errors
/// A shortage of descriptors, memory or threads kept the file from being read. DNS
/// is not to be asked then: the file may have the name.
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
    let file: Arc<dyn Resolver> = Arc::new(HostsFile);
    match LookupTask::start(&file, question).await {
        Err(error) if error.kind() == ErrorKind::NameNotFound => Ok(None),
        found => found.map(Some),
    }
}

fn unread(error: io::Error) -> Error {
    let kind = errno_kind(error.raw_os_error().unwrap_or_default());
    Error::from_kind(Operation::Lookup, kind).about("/etc/hosts").with_source(error)
}

/// The file as a resolver that may take a while.
#[derive(Debug)]
struct HostsFile;

impl Resolver for HostsFile {
    /// The name is not found where the file does not have it.
    fn resolve(&self, question: &Question) -> Result<Vec<SocketAddr>> {
        let port = parse_port(question.service.bytes()).unwrap_or_default();
        let name = question.host.as_deref().unwrap_or_default();
        let found = local_names::look(name, port, question.family, false).map_err(unread)?;
        found.flatten().ok_or_else(|| Error::from_kind(Operation::Lookup, ErrorKind::NameNotFound))
    }
}
