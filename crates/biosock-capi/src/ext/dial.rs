//! biosock_dial(3): connecting to a name, or to addresses.

use std::ffi::{c_char, c_int};
use std::ptr;
use std::str::FromStr;
use std::time::Duration;

use biosock::dial::{DialError, Dialed, Dialer, Pace, lookup_threads, set_lookup_threads};
use biosock::fd::Options;
use biosock::{KeepAlive, Type};

use super::cancel::biosock_cancel;
use super::convert::{self, INHERIT, MPTCP, Target};
use super::handle;
use super::history::biosock_memory;
use super::pin;
use super::report::biosock_report;
use super::sized_struct::{self, SizedStruct};
use crate::addr::BIO_ADDR;
use crate::descriptor::INVALID_SOCKET;
use crate::errno;
use crate::failure::Failure;
use crate::host::Host;
use crate::lookup::BIO_ADDRINFO;
use crate::out::Out;
use crate::raise::run;
use crate::sites::{Site, site};

/// How to dial; biosock_dial(3) describes the fields.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
#[allow(missing_docs, reason = "the manual page has them")]
pub struct biosock_dial_options {
    pub size: usize,
    pub options: c_int,
    pub timeout_ms: c_int,
    pub attempt_delay_ms: c_int,
    pub resolution_delay_ms: c_int,
    pub max_attempts: c_int,
    pub family: c_int,
    pub socktype: c_int,
    pub keepalive_idle_ms: c_int,
    pub keepalive_interval_ms: c_int,
    pub keepalive_probes: c_int,
    pub source_v4: *const c_char,
    pub source_v6: *const c_char,
    pub device: *const c_char,
    pub memory: *mut biosock_memory,
    pub cancel: *mut biosock_cancel,
    pub report: *mut *mut biosock_report,
}

// SAFETY: it meets the trait's requirements.
unsafe impl SizedStruct for biosock_dial_options {
    const NAME: &'static str = "biosock_dial_options";
    const INIT: &'static str = "BIOSOCK_DIAL_OPTIONS_INIT";
}

/// `biosock_dial`: a connection to `host:service` or `unix:PATH`, or -1.
///
/// # Safety
///
/// `target` is NULL or a NUL-terminated string; `options` is NULL or as large as
/// its `size` says, with valid pointers.
pub unsafe fn biosock_dial<H: Host>(target: *const c_char, options: *const biosock_dial_options) -> c_int {
    // SAFETY: NULL or a C string.
    let dial = |dialer: &Dialer| match unsafe { convert::target(target) }? {
        Target::Utf8(text) => {
            pin::stay_loaded();
            Ok(dialer.dial(text))
        }
        Target::Path(path) => Ok(dialer.dial_addrs(&[path])),
    };
    // SAFETY: NULL, or as large as they say, with valid pointers.
    unsafe { run_dial::<H>(site!(c"biosock_dial"), options, dial) }
}

/// `biosock_dial_addrs`: a connection to the first of these addresses that
/// answers, or -1.
///
/// # Safety
///
/// `addrs` points to `count` pointers to addresses; `options` as for
/// [`biosock_dial`].
pub unsafe fn biosock_dial_addrs<H: Host>(
    addrs: *const *const BIO_ADDR,
    count: usize,
    options: *const biosock_dial_options,
) -> c_int {
    // SAFETY: `count` pointers to addresses.
    let dial = |dialer: &Dialer| Ok(dialer.dial_addrs(&unsafe { convert::addrs(addrs, count) }?));
    // SAFETY: NULL, or as large as they say, with valid pointers.
    unsafe { run_dial::<H>(site!(c"biosock_dial_addrs"), options, dial) }
}

/// `biosock_dial_addrinfo`: the same for a lookup's list.
///
/// # Safety
///
/// `list` is NULL or a list from a lookup; `options` as for [`biosock_dial`].
pub unsafe fn biosock_dial_addrinfo<H: Host>(
    list: *const BIO_ADDRINFO,
    options: *const biosock_dial_options,
) -> c_int {
    // SAFETY: NULL or a list.
    let dial = |dialer: &Dialer| Ok(dialer.dial_addrs(&unsafe { convert::chain(list) }?));
    // SAFETY: NULL, or as large as they say, with valid pointers.
    unsafe { run_dial::<H>(site!(c"biosock_dial_addrinfo"), options, dial) }
}

/// `biosock_lookup_threads`: sets the maximum number of threads for the lookups
/// of all dials and returns the previous one; 0 changes nothing.
pub fn biosock_lookup_threads(most: usize) -> usize {
    errno::keeping(|| {
        let before = lookup_threads();
        if most != 0 {
            set_lookup_threads(most);
        }
        before
    })
}

/// Dials with the options, and stores the report if the caller wants it.
///
/// # Safety
///
/// `options` is as for [`biosock_dial`].
unsafe fn run_dial<H: Host>(
    site: &'static Site,
    options: *const biosock_dial_options,
    dial: impl FnOnce(&Dialer) -> Result<Result<Dialed, DialError>, Failure>,
) -> c_int {
    run::<H, _>(site, INVALID_SOCKET, || {
        // SAFETY: NULL, or as large as it says.
        let options = unsafe { sized_struct::read(options) }?;
        // SAFETY: NULL or valid for writing.
        let report = unsafe { Out::new(options.report) };
        report.set(ptr::null_mut());
        // SAFETY: the caller's pointers are valid.
        let ended = dial(&unsafe { dialer(&options) }?)?;
        if !report.is_null() {
            report.set(biosock_report::of(&ended));
        }
        Ok(convert::into_descriptor(ended?.socket, options.options))
    })
}

/// # Safety
///
/// The options' pointers are valid.
unsafe fn dialer(given: &biosock_dial_options) -> Result<Dialer, Failure> {
    let flags = convert::options(given.options, INHERIT | MPTCP)?;
    let usual_times = flags.contains(Options::KEEPALIVE).then(KeepAlive::default);
    let mut dialer = Dialer::new()
        .nodelay(flags.contains(Options::NODELAY))
        .tfo(flags.contains(Options::TFO))
        .nonblocking(flags.contains(Options::NONBLOCK))
        .reuseaddr(flags.contains(Options::REUSEADDR))
        .mptcp(given.options & MPTCP != 0)
        .pace(pace(given)?)
        .family(convert::family(given.family)?)
        .socktype(socktype(given.socktype)?)
        .keepalive(keep_alive(given)?.or(usual_times));
    if let Some(timeout) = convert::time("timeout_ms", given.timeout_ms)? {
        dialer = dialer.timeout(timeout);
    }
    // SAFETY: NULL or a C string.
    if let Some(source) = unsafe { parsed("source_v4", given.source_v4, "an IPv4 address") }? {
        dialer = dialer.source_v4(source);
    }
    // SAFETY: NULL or a C string.
    if let Some(source) = unsafe { parsed("source_v6", given.source_v6, "an IPv6 address") }? {
        dialer = dialer.source_v6(source);
    }
    // SAFETY: NULL or a C string.
    if let Some(device) = unsafe { convert::utf8("device", given.device) }? {
        dialer = dialer.device(device);
    }
    // SAFETY: NULL or a live handle.
    if let Some(memory) = unsafe { handle::get(given.memory) } {
        dialer = dialer.history(memory.0.clone());
    }
    // SAFETY: NULL or a live handle.
    if let Some(cancel) = unsafe { handle::get(given.cancel) } {
        dialer = dialer.cancel(cancel.0.clone());
    }
    Ok(dialer)
}

fn pace(given: &biosock_dial_options) -> Result<Pace, Failure> {
    let usual = Pace::default();
    let most = convert::positive("max_attempts", given.max_attempts)?;
    Ok(Pace {
        attempt_delay: convert::time("attempt_delay_ms", given.attempt_delay_ms)?
            .unwrap_or(usual.attempt_delay),
        resolution_delay: match given.resolution_delay_ms {
            // 0 means the default, so not waiting needs another number.
            ..0 => Duration::ZERO,
            given => convert::time("resolution_delay_ms", given)?.unwrap_or(usual.resolution_delay),
        },
        max_attempts: most.map_or(usual.max_attempts, |most| most as usize),
    })
}

fn socktype(given: c_int) -> Result<Type, Failure> {
    match given {
        0 => Ok(Type::STREAM),
        libc::SOCK_STREAM | libc::SOCK_DGRAM | libc::SOCK_SEQPACKET => Ok(Type::from_raw(given)),
        _ => Err(Failure::invalid(format_args!(
            "socktype {given} is not SOCK_STREAM, SOCK_DGRAM or SOCK_SEQPACKET"
        ))),
    }
}

/// The keep-alive times, if any is given, rounded up to the whole seconds that
/// the OS uses.
fn keep_alive(given: &biosock_dial_options) -> Result<Option<KeepAlive>, Failure> {
    let seconds = |name, given| {
        let time = convert::positive(name, given)?;
        Ok::<_, Failure>(time.map(|time| Duration::from_secs(time.div_ceil(1000).into())))
    };
    let times = KeepAlive {
        idle: seconds("keepalive_idle_ms", given.keepalive_idle_ms)?,
        interval: seconds("keepalive_interval_ms", given.keepalive_interval_ms)?,
        probes: convert::positive("keepalive_probes", given.keepalive_probes)?,
    };
    Ok(Some(times).filter(|times| *times != KeepAlive::default()))
}

/// A caller's string, parsed; `None` for NULL.
///
/// # Safety
///
/// `text` is NULL or a NUL-terminated string.
unsafe fn parsed<T: FromStr>(name: &str, text: *const c_char, what: &str) -> Result<Option<T>, Failure> {
    // SAFETY: NULL or a C string.
    let Some(text) = unsafe { convert::utf8(name, text) }? else { return Ok(None) };
    let bad = |_| Failure::invalid(format_args!("{name} is not {what}: {}", convert::Shown(text.as_bytes())));
    text.parse().map(Some).map_err(bad)
}
