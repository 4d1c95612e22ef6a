//! What is left of an error if memory is refused.

use std::error::Error as _;
use std::io::Write as _;

use super::*;
use crate::sys::without_memory;
use crate::{HostServ, Lookup, Priority, Protocol, Socket, Type};

/// An error's message, written while memory is refused.
struct Shown {
    room: [u8; 256],
    len: usize,
}

fn show(value: &dyn fmt::Display) -> Shown {
    let mut room = [0; 256];
    let mut rest = &mut room[..];
    write!(rest, "{value}").unwrap();
    let len = 256 - rest.len();
    Shown { room, len }
}

impl Shown {
    fn as_str(&self) -> &str {
        std::str::from_utf8(&self.room[..self.len]).unwrap()
    }
}

#[test]
fn an_error_is_three_words() {
    assert!(size_of::<Error>() <= 24);
    assert!(size_of::<Result<()>>() <= 24);
    assert!(size_of::<Option<Error>>() <= 24);
}

#[test]
fn refused_memory_leaves_code_errno_and_operation() {
    let addr: SocketAddr = "127.0.0.1:1".parse().unwrap();
    let errors = without_memory(|| {
        let refused =
            |errno| Error::system_call(Operation::Connect, Syscall::Connect, errno, Reason::Connect);
        let name = |system, shortage| {
            let operation = Operation::Lookup;
            Error::resolver_call(operation, libc::EAI_SYSTEM, system, shortage, lossy(&[b"host"]))
        };
        [
            refused(libc::ECONNREFUSED).at(&addr),
            Error::refused(Operation::Listen, Refusal::NoAddress).about("a name"),
            Error::explained(Operation::Lookup, ErrorKind::OutOfResources, "host", "because"),
            Error::bad_text(Reason::NoPortDefined, b"host", 4, "add one"),
            Error::unsupported_family(Operation::Lookup, Domain::UNIX),
            name(Some(libc::ENOMEM), None),
            name(None, Some(libc::ENOMEM)),
            name(None, None),
        ]
    });
    let messages = errors.each_ref().map(ToString::to_string);
    let expected = [
        "connect: connection refused (ECONNREFUSED)",
        "listen: no address to listen on",
        "look up: out of resources",
        "parse: no port defined",
        "look up: unsupported protocol family",
        "look up: cannot allocate memory (ENOMEM)",
        "look up: cannot allocate memory (ENOMEM)",
        "look up: system error (EAI_SYSTEM)",
    ];
    assert_eq!(messages, expected);
    assert_eq!(
        errors.each_ref().map(|error| error.operation()),
        [
            Operation::Connect,
            Operation::Listen,
            Operation::Lookup,
            Operation::Parse,
            Operation::Lookup,
            Operation::Lookup,
            Operation::Lookup,
            Operation::Lookup,
        ]
    );
    let errnos = errors.each_ref().map(Error::raw_os_error);
    let (refused, memory) = (Some(libc::ECONNREFUSED), Some(libc::ENOMEM));
    assert_eq!(errnos, [refused, None, None, None, None, memory, memory, None]);
    assert_eq!(errors[3].reason(), Some(Reason::NoPortDefined));
    assert_eq!(errors[7].resolver().map(ResolverError::code), Some(libc::EAI_SYSTEM));
    assert!(errors.iter().all(|error| error.address().is_none() && error.source().is_none()));
}

#[test]
fn calls_fail_without_memory_as_with_it() {
    let nobody: SocketAddr = "127.0.0.1:1".parse().unwrap();
    let socket = Socket::stream_for(&nobody).unwrap();
    let held = || {
        [
            socket.connect(&nobody).unwrap_err(),
            socket.bind_device("no-such-device").unwrap_err(),
            Socket::new(Domain::from_raw(9999), Type::STREAM, Protocol::DEFAULT).unwrap_err(),
            "127.0.0.1:x".parse::<SocketAddr>().unwrap_err(),
            HostServ::parse("a:b:c", Priority::Host).unwrap_err(),
            Lookup::new().host("127.0.0.1").service("65536").run().unwrap_err(),
        ]
    };
    let (with, without) = (held(), without_memory(held));
    for (with, without) in with.iter().zip(&without) {
        assert_eq!(without.kind(), with.kind(), "{with}");
        assert_eq!(without.operation(), with.operation());
        assert_eq!(without.raw_os_error(), with.raw_os_error());
        assert!(without.entries().eq(with.entries()));
        let (verb, _) = with.operation().words();
        assert!(without.to_string().starts_with(&format!("{verb}: ")), "{without}");
    }
}

/// A clone loses what there is no memory for; the original keeps everything and still
/// shows it.
#[test]
fn a_whole_error_is_shown_and_cloned_without_memory() {
    let nobody: SocketAddr = "127.0.0.1:1".parse().unwrap();
    let socket = Socket::stream_for(&nobody).unwrap();
    let failed = socket.connect(&nobody).unwrap_err();
    let bad = "127.0.0.1:x".parse::<SocketAddr>().unwrap_err();
    let looked_up =
        Error::from_kind(Operation::Lookup, ErrorKind::TryAgain).about("host").with_source("cause");
    for error in [failed, bad, looked_up] {
        let whole = error.to_string();
        let (shown, clone) = without_memory(|| (show(&error), error.clone()));
        assert_eq!(shown.as_str(), whole);
        assert_eq!((clone.kind(), clone.operation()), (error.kind(), error.operation()));
        assert_eq!(clone.raw_os_error(), error.raw_os_error());
        assert!(clone.to_string().len() < whole.len(), "{clone}");
        let with = error.clone();
        assert_eq!(with.to_string(), whole);
        assert_eq!(with.source().is_some(), error.source().is_some());
    }
}
