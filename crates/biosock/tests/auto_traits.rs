//! The auto traits of the public types, for use by threads and tasks.

use biosock::dial::{
    AddressHistory, Attempt, DialError, DialFailure, Dialed, Dialer, LookupReport, Outcome, Pace, Question,
    Report, Resolver, SystemResolver,
};
use biosock::listeners::{AcceptAdvice, Event, Incoming, Listen, Listeners, SocketFile, TakeOverError};
use biosock::{
    AddrInfo, Cancel, ConnectOptions, Connecting, ConvertError, Domain, Error, ErrorKind, Family, HostServ,
    Interest, KeepAlive, ListenOptions, Lookup, Names, Operation, Part, PeerCredentials, Priority, Protocol,
    QueueEntry, RawAddress, Reason, ResolverError, Shutdown, Socket, SocketAddr, Syscall, SystemError, Type,
    UnixAddr,
};

fn is_shared<T: Send + Sync + Unpin>() {}

macro_rules! are_shared {
    ($($kind:ty),* $(,)?) => { $(is_shared::<$kind>();)* };
}

/// The compiler checks it.
#[test]
fn every_public_type_is_send_sync_and_unpin() {
    are_shared!(
        AddrInfo,
        Cancel,
        ConnectOptions,
        Connecting,
        ConvertError,
        Domain,
        Error,
        ErrorKind,
        Family,
        HostServ<&str>,
        Interest,
        KeepAlive,
        ListenOptions,
        Lookup<'_>,
        Names,
        Operation,
        Part<&str>,
        PeerCredentials,
        Priority,
        Protocol,
        QueueEntry,
        RawAddress,
        Reason,
        ResolverError,
        Shutdown,
        Socket,
        SocketAddr,
        Syscall,
        SystemError,
        Type,
        UnixAddr,
    );
    are_shared!(
        Attempt,
        DialError,
        DialFailure,
        Dialed,
        Dialer,
        LookupReport,
        AddressHistory,
        Outcome,
        Pace,
        Question,
        Report,
        Box<dyn Resolver>,
        SystemResolver,
    );
    are_shared!(AcceptAdvice, Event, Incoming<'_>, Listen, Listeners, SocketFile, TakeOverError);
}

#[cfg(feature = "tokio")]
#[test]
fn tasks_of_any_runtime_may_wait() {
    use biosock::dial::{AsyncResolver, Resolving};
    use biosock::listeners::AsyncListeners;

    fn moves<T: Send>(_: &T) {}

    are_shared!(AsyncListeners, Box<dyn AsyncResolver>, Dialed<tokio::net::TcpStream>);
    let cancel = Cancel::new().unwrap();
    let dialer = Dialer::new();
    moves(&cancel.cancelled());
    moves(&dialer.dial_async("localhost:1"));
    moves(&dialer.dial_stream_async("localhost:1"));
    let accept = |mut listeners: AsyncListeners, cancel: Cancel| {
        moves(&listeners.accept());
        moves(&listeners.serve(&cancel, drop));
    };
    let resolving: Resolving<'_> = Box::pin(async { Ok(vec![]) });
    moves(&resolving);
    let _ = accept;
}
