//! Tests that no call reads beyond an address: its bytes end at an inaccessible
//! page (SIGSEGV).

use std::os::fd::AsFd;
use std::ptr::{self, NonNull};

use crate::fd::Options;
use crate::fd::{self, SockAddr};
use crate::{Domain, Protocol, Type};

/// Two pages, of which the second is inaccessible.
struct Guarded {
    pages: NonNull<u8>,
    page: usize,
}

impl Guarded {
    fn new() -> Self {
        // SAFETY: only returns a number.
        let page = usize::try_from(unsafe { libc::sysconf(libc::_SC_PAGESIZE) }).unwrap();
        let (access, kind) = (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS);
        // SAFETY: new memory, wherever the kernel places it.
        let pages = unsafe { libc::mmap(ptr::null_mut(), 2 * page, access, kind, -1, 0) };
        assert_ne!(pages, libc::MAP_FAILED);
        // SAFETY: within the memory just mapped.
        let second = unsafe { pages.cast::<u8>().add(page) };
        // SAFETY: the second page of that memory.
        assert_eq!(unsafe { libc::mprotect(second.cast(), page, libc::PROT_NONE) }, 0);
        Self { pages: NonNull::new(pages.cast()).unwrap(), page }
    }

    /// Copies bytes to the end of the readable page.
    fn hold(&mut self, bytes: &[u8]) -> &[u8] {
        // SAFETY: the first page is readable and writable, and borrowed with `self`.
        let page = unsafe { std::slice::from_raw_parts_mut(self.pages.as_ptr(), self.page) };
        let at = page.len() - bytes.len();
        page[at..].copy_from_slice(bytes);
        &page[at..]
    }
}

impl Drop for Guarded {
    fn drop(&mut self) {
        // SAFETY: both pages belong to this value, and nothing borrows them any more.
        unsafe { libc::munmap(self.pages.as_ptr().cast(), 2 * self.page) };
    }
}

/// Addresses of every family and length, without any NUL.
fn addresses() -> impl Iterator<Item = Vec<u8>> {
    let families = [libc::AF_UNIX, libc::AF_INET, libc::AF_INET6, libc::AF_UNSPEC, libc::AF_NETLINK, 9999];
    families.into_iter().flat_map(|family| {
        let family = libc::sa_family_t::try_from(family).unwrap().to_ne_bytes();
        (0..=300).map(move |len| family.into_iter().chain(std::iter::repeat(b'x')).take(len).collect())
    })
}

#[test]
fn names_are_read_only_up_to_the_end_of_the_address() {
    let mut guarded = Guarded::new();
    for bytes in addresses() {
        let addr = SockAddr::from_bytes(guarded.hold(&bytes));
        // For others, a name would be looked up, possibly from a server.
        let is_ip = [Some(Domain::IPV4), Some(Domain::IPV6)].contains(&addr.family());
        for numeric in [true, is_ip] {
            let _ = fd::raw_names_of(addr, numeric);
            let _ = fd::names_of(addr, numeric);
        }
        let _ = (addr.to_addr(), addr.family());
    }
}

/// The kernel copies as many bytes as the given length.
#[test]
fn system_calls_read_only_up_to_the_end_of_the_address() {
    let mut guarded = Guarded::new();
    for bytes in addresses() {
        let addr = SockAddr::from_bytes(guarded.hold(&bytes));
        for domain in [Domain::UNIX, Domain::IPV4, Domain::IPV6] {
            // Datagrams: connecting sends nothing.
            let socket = fd::socket(domain, Type::DGRAM, Protocol::DEFAULT).unwrap();
            let _ = fd::connect(socket.as_fd(), addr, Options::empty());
        }
        // Binding a Unix address would create a file.
        if addr.family() != Some(Domain::UNIX) {
            let socket = fd::socket(Domain::IPV4, Type::DGRAM, Protocol::DEFAULT).unwrap();
            let _ = fd::bind(socket.as_fd(), addr, Options::empty());
        }
    }
}

/// The names of an AF_UNIX address consist of its bytes only, not of what follows
/// them.
#[test]
fn a_path_without_a_nul_is_read_only_up_to_its_end() {
    let heap = b"\x01\x00/sock|SECRET-OF-OTHERS\0".to_vec();
    let names = fd::raw_names_of(SockAddr::from_bytes(&heap[..7]), true).unwrap();
    assert_eq!((names.host(), names.service()), (&b"localhost"[..], &b"/sock"[..]));
    let long = [&b"\x01\x00"[..], &[b'x'; 31]].concat();
    let names = fd::raw_names_of(SockAddr::from_bytes(&long), true).unwrap();
    assert_eq!(names.service(), [b'x'; 31], "as much as the system has room for");
}
