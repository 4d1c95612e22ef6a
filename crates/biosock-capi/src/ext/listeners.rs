//! biosock_accept(3): accepting from a set of listeners, and stopping it.

use std::ffi::{c_int, c_void};
use std::os::fd::{AsRawFd, IntoRawFd};
use std::ptr;
use std::time::Duration;

use biosock::fd::{self, Options};
use biosock::listeners::{AcceptAdvice, Event};
use biosock::{Socket, SocketAddr};

use super::convert::{self, INHERIT, c_addr};
use super::handle;
use super::listen::biosock_listeners;
use crate::addr::{AddrOut, BIO_ADDR};
use crate::descriptor::INVALID_SOCKET;
use crate::errno;
use crate::failure::Failure;
use crate::host::Host;
use crate::raise::run;
use crate::sites::site;

/// What [`biosock_serve`] reports; biosock_accept(3) describes the fields.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
#[allow(missing_docs, reason = "the manual page has them")]
pub struct biosock_event {
    pub sock: c_int,
    pub error: c_int,
    pub pause_ms: c_int,
    pub reserved: c_int,
    pub peer: *const BIO_ADDR,
}

/// The caller's function for events.
pub type EventFn = unsafe extern "C" fn(user: *mut c_void, event: *const biosock_event);

/// `BIOSOCK_TRY_AGAIN`, `BIOSOCK_PAUSE`, `BIOSOCK_GIVE_UP`
const TRY_AGAIN: c_int = 1;
const PAUSE: c_int = 2;
const GIVE_UP: c_int = 3;

/// `biosock_accept`: the socket of a connection, or -1; stores its peer's address
/// in `peer`.
///
/// # Safety
///
/// `set` is NULL or not yet freed; `peer` is NULL or has room for
/// a whole address.
pub unsafe fn biosock_accept<H: Host>(
    set: *const biosock_listeners,
    peer: *mut BIO_ADDR,
    options: c_int,
    timeout_ms: c_int,
) -> c_int {
    run::<H, _>(site!(c"biosock_accept"), INVALID_SOCKET, || {
        // SAFETY: NULL or a live handle.
        let set = unsafe { borrow(set) }?;
        let flags = convert::options(options, INHERIT)?;
        // As in poll(2), a negative time means indefinitely.
        let timeout = u64::try_from(timeout_ms).ok().map(Duration::from_millis);
        let accepted = match fd::accept_or_cancel(&set.set, flags, timeout, &set.cancel) {
            Err(error) if error.raw_os_error() == Some(libc::EAGAIN) => Err(Failure::Errno(libc::EAGAIN)),
            accepted => accepted?.ok_or(Failure::Errno(libc::ECANCELED)),
        };
        let (socket, from) = accepted?;
        // SAFETY: NULL or room for an address.
        if let Some(peer) = unsafe { AddrOut::new(peer) } {
            store(&peer, &from);
        }
        Ok(convert::into_descriptor(socket, options))
    })
}

/// `biosock_accept_advice`: what to do after accept(2) failed with this errno.
pub fn biosock_accept_advice(error: c_int) -> c_int {
    match fd::accept_advice(error) {
        AcceptAdvice::TryAgain => TRY_AGAIN,
        AcceptAdvice::BackOff => PAUSE,
        AcceptAdvice::GiveUp => GIVE_UP,
    }
}

/// `biosock_serve`: accepts and reports until stopped; 1, or 0 once the set is
/// no longer usable.
///
/// # Safety
///
/// `set` is NULL or one that is not freed before this returns; `tell` may be
/// called with `user`, and returns.
pub unsafe fn biosock_serve<H: Host>(
    set: *const biosock_listeners,
    options: c_int,
    tell: Option<EventFn>,
    user: *mut c_void,
) -> c_int {
    run::<H, _>(site!(c"biosock_serve"), 0, || {
        // SAFETY: NULL or a live handle.
        let set = unsafe { borrow(set) }?;
        let tell = tell.ok_or(Failure::Null("tell"))?;
        let nonblocking = convert::options(options, INHERIT)?.contains(Options::NONBLOCK);
        // SAFETY: the function may be called with `user`.
        let pass_on = |event| with_event(event, options, |event| unsafe { tell(user, event) });
        let mut incoming = set.set.incoming(&set.cancel).nonblocking(nonblocking);
        incoming.try_for_each(|event| event.map(pass_on))?;
        Ok(1)
    })
}

/// Passes an event to C. The caller then owns the descriptor.
fn with_event(event: Event, options: c_int, show: impl FnOnce(*const biosock_event)) {
    let nothing =
        biosock_event { sock: INVALID_SOCKET, error: 0, pause_ms: 0, reserved: 0, peer: ptr::null() };
    match event {
        Event::Connection(socket, peer) => {
            let peer = c_addr(&peer);
            let sock = convert::into_descriptor(socket, options);
            show(&biosock_event { sock, peer: &raw const peer, ..nothing });
        }
        Event::Failure { error, backoff } => {
            let error = error.raw_os_error().unwrap_or(libc::EIO);
            let pause_ms = c_int::try_from(backoff.as_millis()).unwrap_or(c_int::MAX);
            show(&biosock_event { error, pause_ms, ..nothing });
        }
    }
}

/// `biosock_listeners_count`: how many sockets there are; 0 for NULL.
///
/// # Safety
///
/// `set` is NULL or not yet freed.
pub unsafe fn biosock_listeners_count(set: *const biosock_listeners) -> usize {
    // SAFETY: NULL or a live handle.
    unsafe { handle::get(set) }.map_or(0, |set| set.set.sockets().len())
}

/// `biosock_listeners_fd`: the socket with this index, still owned by the set; or -1.
///
/// # Safety
///
/// `set` is NULL or not yet freed.
pub unsafe fn biosock_listeners_fd<H: Host>(set: *const biosock_listeners, index: usize) -> c_int {
    run::<H, _>(site!(c"biosock_listeners_fd"), INVALID_SOCKET, || {
        // SAFETY: NULL or a live handle.
        Ok(socket(unsafe { borrow(set) }?, index)?.as_raw_fd())
    })
}

/// `biosock_listeners_addr`: the address that this socket listens on; 1, or 0.
///
/// # Safety
///
/// `set` is NULL or not yet freed; `addr` is NULL or has room for
/// a whole address.
pub unsafe fn biosock_listeners_addr<H: Host>(
    set: *const biosock_listeners,
    index: usize,
    addr: *mut BIO_ADDR,
) -> c_int {
    run::<H, _>(site!(c"biosock_listeners_addr"), 0, || {
        // SAFETY: NULL or room for an address.
        let addr = unsafe { AddrOut::new(addr) }.ok_or(Failure::Null("addr"))?;
        // SAFETY: NULL or a live handle.
        let bound = socket(unsafe { borrow(set) }?, index)?.local_addr()?;
        store(&addr, &bound);
        Ok(1)
    })
}

/// `biosock_listeners_inheritable`: stores in `fds` copies of the sockets that
/// executed programs inherit; 1, or 0 and none.
///
/// # Safety
///
/// `set` is NULL or not yet freed; `fds` has room for `room`
/// descriptors.
pub unsafe fn biosock_listeners_inheritable<H: Host>(
    set: *const biosock_listeners,
    fds: *mut c_int,
    room: usize,
) -> c_int {
    run::<H, _>(site!(c"biosock_listeners_inheritable"), 0, || {
        // SAFETY: NULL or a live handle.
        let set = unsafe { borrow(set) }?;
        let count = set.set.sockets().len();
        if fds.is_null() {
            return Err(Failure::Null("fds"));
        }
        if room < count {
            return Err(Failure::invalid(format_args!("room for {room} of {count} descriptors")));
        }
        for (index, copy) in set.set.inheritable()?.into_iter().enumerate() {
            // SAFETY: there is room for all.
            let place = unsafe { fds.add(index) };
            // SAFETY: within the caller's array.
            unsafe { place.write(copy.into_raw_fd()) };
        }
        Ok(1)
    })
}

/// `biosock_listeners_unlink`: removes the socket files of the set; 1, or 0.
///
/// # Safety
///
/// `set` is NULL or not yet freed.
pub unsafe fn biosock_listeners_unlink<H: Host>(set: *const biosock_listeners) -> c_int {
    run::<H, _>(site!(c"biosock_listeners_unlink"), 0, || {
        // SAFETY: NULL or a live handle.
        let removed = unsafe { borrow(set) }?.set.unlink();
        removed.map(|()| 1).map_err(|error| Failure::Io("calling unlink()", error))
    })
}

/// `biosock_listeners_stop`: stops accepting. It writes to a descriptor and sets
/// a flag, so a signal handler may call it. Processes share it after fork(2). NULL
/// is ignored.
///
/// # Safety
///
/// `set` is NULL or not yet freed.
pub unsafe fn biosock_listeners_stop(set: *const biosock_listeners) {
    // SAFETY: NULL or a live handle.
    if let Some(set) = unsafe { handle::get(set) } {
        errno::keeping(|| set.cancel.cancel());
    }
}

/// `biosock_listeners_free`: closes the sockets; NULL is ignored.
///
/// # Safety
///
/// `set` is NULL, or not yet freed and not being accepted from, and is not used
/// again.
pub unsafe fn biosock_listeners_free(set: *mut biosock_listeners) {
    // SAFETY: NULL or a live handle, not used again.
    unsafe { handle::free(set) };
}

/// # Safety
///
/// `set` is NULL or not yet freed.
unsafe fn borrow<'a>(set: *const biosock_listeners) -> Result<&'a biosock_listeners, Failure> {
    // SAFETY: NULL or a live handle.
    unsafe { handle::get(set) }.ok_or(Failure::Null("set"))
}

fn socket(set: &biosock_listeners, index: usize) -> Result<&Socket, Failure> {
    let sockets = set.set.sockets();
    let none =
        || Failure::invalid(format_args!("no socket {index}; there are {}, counted from 0", sockets.len()));
    sockets.get(index).ok_or_else(none)
}

fn store(place: &AddrOut<'_>, addr: &SocketAddr) {
    addr.with_sockaddr(|addr| place.store(addr.as_bytes()));
}
