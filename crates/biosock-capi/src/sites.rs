//! Where errors are raised, as named in the error queue: the numbers and names
//! that ERR_put_error(3) and ERR_set_debug(3) take.

use std::ffi::CStr;

/// A source of errors in this library: one for each C function.
#[derive(Debug, PartialEq, Eq)]
pub struct Site {
    /// The C function's name.
    pub function: &'static CStr,
    /// The function's number in OpenSSL 1.1.1, or 0 where it had none.
    pub code: u8,
    /// The source file.
    pub file: &'static CStr,
    /// The line in it.
    pub line: u32,
    /// Whether failures have messages and always set errno, which success
    /// preserves: true of `<biosock.h>`'s functions, not of OpenSSL's.
    pub(crate) explains: bool,
}

/// The [`Site`] of a C function: its name, and for OpenSSL's functions the
/// number in OpenSSL 1.1.1.
macro_rules! site {
    ($function:literal, $code:literal) => {
        $crate::sites::site!($function, $code, false)
    };
    ($function:literal) => {
        $crate::sites::site!($function, 0, true)
    };
    ($function:literal, $code:literal, $explains:literal) => {{
        static SITE: $crate::sites::Site = $crate::sites::Site {
            function: $function,
            code: $code,
            file: match ::std::ffi::CStr::from_bytes_with_nul(concat!(file!(), "\0").as_bytes()) {
                Ok(file) => file,
                Err(_) => panic!("the compiler gave a file name with a NUL"),
            },
            line: line!(),
            explains: $explains,
        };
        &SITE
    }};
}
pub(crate) use site;

// Sites that entries of other functions name too, if one function does the work
// of another.
pub(crate) const ADDR_STRINGS: &Site = site!(c"addr_strings", 134);
pub(crate) const BIO_ACCEPT_EX: &Site = site!(c"BIO_accept_ex", 137);
pub(crate) const BIO_BIND: &Site = site!(c"BIO_bind", 147);
pub(crate) const BIO_LISTEN: &Site = site!(c"BIO_listen", 139);
pub(crate) const BIO_LOOKUP_EX: &Site = site!(c"BIO_lookup_ex", 143);
pub(crate) const BIO_PARSE_HOSTSERV: &Site = site!(c"BIO_parse_hostserv", 136);
pub(crate) const BIO_SOCKET: &Site = site!(c"BIO_socket", 140);
pub(crate) const BIO_SOCKET_IOCTL: &Site = site!(c"BIO_socket_ioctl", 0);
