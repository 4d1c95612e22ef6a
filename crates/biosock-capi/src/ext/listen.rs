//! biosock_listen(3): a set of listeners from a name, addresses or descriptors.

use std::ffi::{c_char, c_int};
use std::mem::ManuallyDrop;
use std::os::fd::{FromRawFd, IntoRawFd, OwnedFd};
use std::ptr;

use biosock::fd::Options;
use biosock::listeners::{Listen, Listeners};
use biosock::{Cancel, KeepAlive, Socket};

use super::convert::{self, INHERIT, NO_REUSEADDR, Target};
use super::handle;
use super::sized_struct::{self, SizedStruct};
use crate::addr::BIO_ADDR;
use crate::failure::Failure;
use crate::host::Host;
use crate::lookup::BIO_ADDRINFO;
use crate::raise::run;
use crate::sites::{Site, site};

/// How to listen; biosock_listen(3) describes the fields.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
#[allow(missing_docs, reason = "the manual page has them")]
pub struct biosock_listen_options {
    pub size: usize,
    pub options: c_int,
    pub family: c_int,
    pub backlog: c_int,
    pub reserved: c_int,
    pub device: *const c_char,
}

// SAFETY: it meets the trait's requirements.
unsafe impl SizedStruct for biosock_listen_options {
    const NAME: &'static str = "biosock_listen_options";
    const INIT: &'static str = "BIOSOCK_LISTEN_OPTIONS_INIT";
}

/// Listening sockets to accept from together, and what stops that.
#[derive(Debug)]
pub struct biosock_listeners {
    pub(super) set: Listeners,
    pub(super) cancel: Cancel,
}

/// `biosock_listen`: listens on every address of a target; NULL on failure.
///
/// # Safety
///
/// `target` is NULL or a NUL-terminated string; `options` is NULL or as large as
/// its `size` says, with valid pointers.
pub unsafe fn biosock_listen<H: Host>(
    target: *const c_char,
    options: *const biosock_listen_options,
) -> *mut biosock_listeners {
    // SAFETY: NULL or a C string.
    let open = |listen: &Listen| match unsafe { convert::target(target) }? {
        Target::Utf8(text) => Ok(listen.listen(text)?),
        Target::Path(path) => Ok(listen.listen_addrs(&[path])?),
    };
    // SAFETY: NULL, or as large as they say, with valid pointers.
    unsafe { run_listen::<H>(site!(c"biosock_listen"), options, open) }
}

/// `biosock_listen_addrs`: listens on each of these addresses; NULL on failure.
///
/// # Safety
///
/// `addrs` points to `count` pointers to addresses; `options` as for
/// [`biosock_listen`].
pub unsafe fn biosock_listen_addrs<H: Host>(
    addrs: *const *const BIO_ADDR,
    count: usize,
    options: *const biosock_listen_options,
) -> *mut biosock_listeners {
    let open = |listen: &Listen| {
        // SAFETY: `count` pointers to addresses.
        match unsafe { convert::addrs(addrs, count) }? {
            addrs if addrs.is_empty() => Err(Failure::invalid("no address to listen on")),
            addrs => Ok(listen.listen_addrs(&addrs)?),
        }
    };
    // SAFETY: NULL, or as large as they say, with valid pointers.
    unsafe { run_listen::<H>(site!(c"biosock_listen_addrs"), options, open) }
}

/// `biosock_listen_addrinfo`: the same for a lookup's list.
///
/// # Safety
///
/// `list` is NULL or a list from a lookup; `options` as for [`biosock_listen`].
pub unsafe fn biosock_listen_addrinfo<H: Host>(
    list: *const BIO_ADDRINFO,
    options: *const biosock_listen_options,
) -> *mut biosock_listeners {
    let open = |listen: &Listen| {
        // SAFETY: NULL or a list.
        match unsafe { convert::chain(list) }? {
            addrs if addrs.is_empty() => Err(Failure::Null("list")),
            addrs => Ok(listen.listen_addrs(&addrs)?),
        }
    };
    // SAFETY: NULL, or as large as they say, with valid pointers.
    unsafe { run_listen::<H>(site!(c"biosock_listen_addrinfo"), options, open) }
}

/// `biosock_listen_shards`: `count` sets on the same addresses, written to
/// `shards`; 1, or 0 and none.
///
/// # Safety
///
/// As for [`biosock_listen`]; `shards` has room for `count` pointers.
pub unsafe fn biosock_listen_shards<H: Host>(
    target: *const c_char,
    options: *const biosock_listen_options,
    shards: *mut *mut biosock_listeners,
    count: usize,
) -> c_int {
    run::<H, _>(site!(c"biosock_listen_shards"), 0, || {
        if shards.is_null() {
            return Err(Failure::Null("shards"));
        }
        // SAFETY: NULL, or as large as it says.
        let options = unsafe { sized_struct::read(options) }?;
        // SAFETY: NULL or a C string.
        let Target::Utf8(target) = unsafe { convert::target(target) }? else {
            return Err(Failure::invalid("a Unix path has no shards"));
        };
        // SAFETY: the caller's pointers are valid.
        let listen = unsafe { listen(&options) }?;
        let cancels = (0..count).map(|_| Cancel::new()).collect::<Result<Vec<_>, _>>()?;
        let sets = listen.shards(count, target)?.into_iter().zip(cancels);
        for (index, (set, cancel)) in sets.enumerate() {
            // SAFETY: there are `count` sets at most.
            let place = unsafe { shards.add(index) };
            // SAFETY: within the caller's array.
            unsafe { place.write(boxed(set, cancel, options.options)) };
        }
        Ok(1)
    })
}

/// # Safety
///
/// `options` is as for [`biosock_listen`].
unsafe fn run_listen<H: Host>(
    site: &'static Site,
    options: *const biosock_listen_options,
    open: impl FnOnce(&Listen) -> Result<Listeners, Failure>,
) -> *mut biosock_listeners {
    run::<H, _>(site, ptr::null_mut(), || {
        // SAFETY: NULL, or as large as it says.
        let options = unsafe { sized_struct::read(options) }?;
        // First, as a socket file would be left behind if this failed later.
        let cancel = Cancel::new()?;
        // SAFETY: the pointers are valid, as those of the caller's options.
        let set = open(&unsafe { listen(&options) }?)?;
        Ok(boxed(set, cancel, options.options))
    })
}

/// # Safety
///
/// The options' pointers are valid.
unsafe fn listen(given: &biosock_listen_options) -> Result<Listen, Failure> {
    if given.reserved != 0 {
        return Err(Failure::invalid(format_args!("reserved is {}, not 0", given.reserved)));
    }
    let flags = convert::options(given.options, INHERIT | NO_REUSEADDR)?;
    let mut listen = Listen::new()
        .keepalive(flags.contains(Options::KEEPALIVE).then(KeepAlive::default))
        .nodelay(flags.contains(Options::NODELAY))
        .tfo(flags.contains(Options::TFO))
        .reuseaddr(given.options & NO_REUSEADDR == 0)
        .family(convert::family(given.family)?);
    if let Some(backlog) = convert::positive("backlog", given.backlog)? {
        listen = listen.backlog(backlog);
    }
    // SAFETY: NULL or a C string.
    if let Some(device) = unsafe { convert::utf8("device", given.device) }? {
        listen = listen.device(device);
    }
    Ok(listen)
}

/// A set for the caller to free.
fn boxed(set: Listeners, cancel: Cancel, options: c_int) -> *mut biosock_listeners {
    if options & INHERIT != 0 {
        set.sockets().iter().for_each(convert::inherit);
    }
    handle::give(biosock_listeners { set, cancel })
}

/// `biosock_listeners_take_over`: a set of sockets that are already listening,
/// made non-blocking; NULL on failure, and then the caller still owns them.
///
/// # Safety
///
/// `fds` points to `count` descriptors, which the set then owns.
pub unsafe fn biosock_listeners_take_over<H: Host>(
    fds: *const c_int,
    count: usize,
) -> *mut biosock_listeners {
    run::<H, _>(site!(c"biosock_listeners_take_over"), ptr::null_mut(), || {
        if count == 0 {
            return Err(Failure::invalid("no descriptor to take over"));
        }
        if fds.is_null() {
            return Err(Failure::Null("fds"));
        }
        // SAFETY: not NULL, so `count` descriptors.
        let fds = checked(unsafe { convert::elements(fds, count) })?;
        let cancel = Cancel::new()?;
        // SAFETY: open, each once, and now the set's.
        let owned = fds.iter().map(|fd| unsafe { OwnedFd::from_raw_fd(*fd) });
        let taken = Listeners::try_take_over(owned.map(Socket::from).collect());
        let set = taken.map_err(|failed| {
            let (error, sockets) = failed.into_parts();
            // The caller still owns them.
            sockets.into_iter().map(Socket::into_raw_fd).for_each(drop);
            error
        })?;
        Ok(boxed(set, cancel, 0))
    })
}

/// Checks all descriptors for what the core could refuse, before the set owns
/// any of them.
fn checked(given: impl Iterator<Item = c_int>) -> Result<Vec<c_int>, Failure> {
    let mut fds = Vec::new();
    for fd in given {
        if fd < 0 {
            return Err(Failure::invalid(format_args!("descriptor {fd} is negative")));
        }
        if fds.contains(&fd) {
            return Err(Failure::invalid(format_args!("descriptor {fd} is given twice")));
        }
        // SAFETY: not negative; it is not closed at the end, and the kernel
        // checks whether it is open.
        let socket = ManuallyDrop::new(Socket::from(unsafe { OwnedFd::from_raw_fd(fd) }));
        let about = |error| Failure::Descriptor(fd, error);
        if !socket.is_listening().map_err(about)? {
            return Err(Failure::invalid(format_args!("descriptor {fd} does not listen")));
        }
        fds.push(fd);
    }
    Ok(fds)
}

/// `biosock_listeners_passed`: stores in `set` the set that a service manager
/// passed to this process, or NULL if it passed none; 1, or 0.
///
/// # Safety
///
/// `set` is NULL or valid for writing. Nothing changes the environment meanwhile.
pub unsafe fn biosock_listeners_passed<H: Host>(set: *mut *mut biosock_listeners) -> c_int {
    run::<H, _>(site!(c"biosock_listeners_passed"), 0, || {
        if set.is_null() {
            return Err(Failure::Null("set"));
        }
        // First, as sockets are passed only once.
        let cancel = Cancel::new()?;
        let passed = Listeners::inherited()?.map_or(ptr::null_mut(), |set| boxed(set, cancel, 0));
        // SAFETY: not NULL, so valid for writing.
        unsafe { set.write(passed) };
        Ok(1)
    })
}
