//! The files that configure name lookups. Each process has its own copies
//! ([`PerProcess`]).

use super::cached::Cached;
use super::gai::GaiConf;
use super::hosts::{Hosts, Sources};
use crate::sys::PerProcess;

/// This process' copies.
pub(super) fn files() -> &'static Files {
    static FILES: PerProcess<Files> = PerProcess::new();
    FILES.get()
}

#[derive(Debug)]
pub(super) struct Files {
    pub(super) hosts: Cached<Hosts>,
    pub(super) nsswitch: Cached<Sources>,
    pub(super) gai: GaiConf,
}

impl Default for Files {
    fn default() -> Self {
        Self {
            hosts: Cached::new("/etc/hosts"),
            nsswitch: Cached::new("/etc/nsswitch.conf"),
            gai: GaiConf::new("/etc/gai.conf"),
        }
    }
}
