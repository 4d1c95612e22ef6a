//! Lets the probe's own `connect`, `close` and the like be found before libc's.

/// The C library's functions that the probe watches; `src/bin/probe/interpose` defines each.
const WATCHED: [&str; 24] = [
    "accept",
    "accept4",
    "bind",
    "calloc",
    "close",
    "connect",
    "fcntl",
    "fcntl64",
    "free",
    "getaddrinfo",
    "gethostbyname",
    "getnameinfo",
    "getpeername",
    "getsockname",
    "getsockopt",
    "ioctl",
    "listen",
    "malloc",
    "poll",
    "ppoll",
    "realloc",
    "select",
    "setsockopt",
    "socket",
];

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    for name in WATCHED {
        println!("cargo::rustc-link-arg-bin=probe=-Wl,--export-dynamic-symbol={name}");
    }
}
