//! The two system calls that no safe crate offers.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::OpenOptionsExt;

use rustix::thread::{UnshareFlags, unshare_unsafe};

/// Moves the calling thread, and what it starts from now on, to its own network and
/// mount namespaces.
///
/// # Errors
/// unshare(2)'s: EPERM except for root.
pub fn leave_namespaces() -> io::Result<()> {
    let flags = UnshareFlags::NEWNET | UnshareFlags::NEWNS;
    // SAFETY: the descriptor table stays shared (no CLONE_FILES), which is all that
    // memory safety depends on here.
    unsafe { unshare_unsafe(flags) }.map_err(io::Error::from)
}

/// A TAP device of this name in the calling thread's network: each read of the file
/// returns a frame that the network sent. Closing the file removes it.
///
/// # Errors
/// open(2)'s of /dev/net/tun, and those of its TUNSETIFF.
pub fn tap(name: &str) -> io::Result<File> {
    let tap =
        OpenOptions::new().read(true).write(true).custom_flags(libc::O_NONBLOCK).open("/dev/net/tun")?;
    let mut request = request_for(name)?;
    // SAFETY: the descriptor is open, and TUNSETIFF reads and writes one ifreq, which
    // `request` is, and which outlives the call.
    let status = unsafe { libc::ioctl(tap.as_raw_fd(), libc::TUNSETIFF, &raw mut request) };
    if status < 0 { Err(io::Error::last_os_error()) } else { Ok(tap) }
}

fn request_for(name: &str) -> io::Result<libc::ifreq> {
    let mut ifr_name = [0; libc::IFNAMSIZ];
    if name.len() >= ifr_name.len() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, format!("{name} is too long for a device")));
    }
    for (to, from) in ifr_name.iter_mut().zip(name.bytes()) {
        *to = from as libc::c_char;
    }
    let ifru_flags = (libc::IFF_TAP | libc::IFF_NO_PI) as libc::c_short;
    Ok(libc::ifreq { ifr_name, ifr_ifru: libc::__c_anonymous_ifr_ifru { ifru_flags } })
}
