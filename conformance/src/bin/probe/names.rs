//! Names by this machine's files alone, so that no name server has a part in what
//! is compared: one that is slow for a moment is a difference otherwise.

use std::ffi::{CStr, CString};
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::ptr;

const NSSWITCH: &CStr = c"/etc/nsswitch.conf";

/// Has nsswitch.conf(5) ask no name server, for this process and those that it starts.
/// That takes a mount namespace: without the privilege for one, names are as ever, and
/// standard error says so.
pub(crate) fn by_files_alone() {
    if let Err(error) = replace() {
        eprintln!("probe: a name server may be asked, too: {error}");
    }
}

fn replace() -> io::Result<()> {
    let path = std::env::temp_dir().join(format!("biosock-probe-{}.conf", std::process::id()));
    let text = fs::read_to_string(NSSWITCH.to_str().map_err(io::Error::other)?)?;
    let others = text.lines().filter(|line| !line.trim_start().starts_with("hosts:"));
    let text: Vec<_> = others.chain(["hosts: files"]).map(|line| format!("{line}\n")).collect();
    // SAFETY: it changes this process alone, which has one thread so far.
    passed(unsafe { libc::unshare(libc::CLONE_NEWNS) })?;
    // What is mounted here stays here.
    mount(c"none", c"/", libc::MS_REC | libc::MS_PRIVATE)?;
    fs::write(&path, text.concat())?;
    let from = CString::new(path.as_os_str().as_bytes()).map_err(io::Error::other)?;
    let mounted = mount(&from, NSSWITCH, libc::MS_BIND);
    // The mount keeps the file.
    fs::remove_file(&path)?;
    mounted
}

fn mount(from: &CStr, to: &CStr, flags: libc::c_ulong) -> io::Result<()> {
    // SAFETY: both strings end in NUL, and these flags need neither a type nor data.
    passed(unsafe { libc::mount(from.as_ptr(), to.as_ptr(), ptr::null(), flags, ptr::null()) })
}

fn passed(result: libc::c_int) -> io::Result<()> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}
