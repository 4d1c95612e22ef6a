//! Names for the numbers in notes.

use libc::c_int;

/// `ECONNREFUSED` for 111, and so on; the bare number where no case needs the name.
pub(crate) fn errno(value: c_int) -> String {
    const NAMES: &[(c_int, &str)] = &[
        (libc::EPERM, "EPERM"),
        (libc::ENOENT, "ENOENT"),
        (libc::EINTR, "EINTR"),
        (libc::EIO, "EIO"),
        (libc::EBADF, "EBADF"),
        (libc::EAGAIN, "EAGAIN"),
        (libc::ENOMEM, "ENOMEM"),
        (libc::EACCES, "EACCES"),
        (libc::EFAULT, "EFAULT"),
        (libc::EEXIST, "EEXIST"),
        (libc::ENOTDIR, "ENOTDIR"),
        (libc::EINVAL, "EINVAL"),
        (libc::ENFILE, "ENFILE"),
        (libc::EMFILE, "EMFILE"),
        (libc::ENOTTY, "ENOTTY"),
        (libc::EPIPE, "EPIPE"),
        (libc::EPROTO, "EPROTO"),
        (libc::ENAMETOOLONG, "ENAMETOOLONG"),
        (libc::ENOTSOCK, "ENOTSOCK"),
        (libc::EDESTADDRREQ, "EDESTADDRREQ"),
        (libc::EPROTOTYPE, "EPROTOTYPE"),
        (libc::ENOPROTOOPT, "ENOPROTOOPT"),
        (libc::EPROTONOSUPPORT, "EPROTONOSUPPORT"),
        (libc::ESOCKTNOSUPPORT, "ESOCKTNOSUPPORT"),
        (libc::EOPNOTSUPP, "EOPNOTSUPP"),
        (libc::EAFNOSUPPORT, "EAFNOSUPPORT"),
        (libc::EADDRINUSE, "EADDRINUSE"),
        (libc::EADDRNOTAVAIL, "EADDRNOTAVAIL"),
        (libc::ENETDOWN, "ENETDOWN"),
        (libc::ENETUNREACH, "ENETUNREACH"),
        (libc::ECONNABORTED, "ECONNABORTED"),
        (libc::ECONNRESET, "ECONNRESET"),
        (libc::ENOBUFS, "ENOBUFS"),
        (libc::EISCONN, "EISCONN"),
        (libc::ENOTCONN, "ENOTCONN"),
        (libc::ETIMEDOUT, "ETIMEDOUT"),
        (libc::ECONNREFUSED, "ECONNREFUSED"),
        (libc::EHOSTUNREACH, "EHOSTUNREACH"),
        (libc::EALREADY, "EALREADY"),
        (libc::EINPROGRESS, "EINPROGRESS"),
    ];
    named(NAMES, value)
}

pub(super) fn option(level: c_int, name: c_int) -> String {
    let names: &[(c_int, &str)] = match level {
        libc::SOL_SOCKET => &[
            (libc::SO_TYPE, "SO_TYPE"),
            (libc::SO_ERROR, "SO_ERROR"),
            (libc::SO_REUSEADDR, "SO_REUSEADDR"),
            (libc::SO_KEEPALIVE, "SO_KEEPALIVE"),
        ],
        libc::IPPROTO_TCP => &[
            (libc::TCP_NODELAY, "TCP_NODELAY"),
            (libc::TCP_FASTOPEN, "TCP_FASTOPEN"),
            (libc::TCP_FASTOPEN_CONNECT, "TCP_FASTOPEN_CONNECT"),
        ],
        libc::IPPROTO_IPV6 => &[(libc::IPV6_V6ONLY, "IPV6_V6ONLY")],
        _ => &[],
    };
    match names.iter().find(|(value, _)| *value == name) {
        Some((_, text)) => (*text).to_owned(),
        None => format!("option {level}/{name}"),
    }
}

pub(super) fn request(value: libc::c_ulong) -> String {
    match value {
        libc::FIONBIO => "FIONBIO".to_owned(),
        libc::FIONREAD => "FIONREAD".to_owned(),
        other => other.to_string(),
    }
}

pub(super) fn command(value: c_int) -> String {
    const NAMES: &[(c_int, &str)] = &[
        (libc::F_GETFL, "F_GETFL"),
        (libc::F_SETFL, "F_SETFL"),
        (libc::F_GETFD, "F_GETFD"),
        (libc::F_SETFD, "F_SETFD"),
    ];
    named(NAMES, value)
}

/// The flags of getaddrinfo's hints.
pub(super) fn hints(flags: c_int) -> String {
    const FLAGS: &[(c_int, &str)] = &[
        (libc::AI_PASSIVE, "AI_PASSIVE"),
        (libc::AI_CANONNAME, "AI_CANONNAME"),
        (libc::AI_NUMERICHOST, "AI_NUMERICHOST"),
        (libc::AI_NUMERICSERV, "AI_NUMERICSERV"),
        (libc::AI_ADDRCONFIG, "AI_ADDRCONFIG"),
        (libc::AI_V4MAPPED, "AI_V4MAPPED"),
        (libc::AI_ALL, "AI_ALL"),
    ];
    flag_words(FLAGS, flags)
}

/// The flags of getnameinfo.
pub(super) fn name_flags(flags: c_int) -> String {
    const FLAGS: &[(c_int, &str)] = &[
        (libc::NI_NUMERICHOST, "NI_NUMERICHOST"),
        (libc::NI_NUMERICSERV, "NI_NUMERICSERV"),
        (libc::NI_DGRAM, "NI_DGRAM"),
        (libc::NI_NAMEREQD, "NI_NAMEREQD"),
        (libc::NI_NOFQDN, "NI_NOFQDN"),
    ];
    flag_words(FLAGS, flags)
}

/// getaddrinfo's result.
pub(super) fn eai(value: c_int) -> String {
    const NAMES: &[(c_int, &str)] = &[
        (libc::EAI_BADFLAGS, "EAI_BADFLAGS"),
        (libc::EAI_NONAME, "EAI_NONAME"),
        (libc::EAI_AGAIN, "EAI_AGAIN"),
        (libc::EAI_FAIL, "EAI_FAIL"),
        (libc::EAI_FAMILY, "EAI_FAMILY"),
        (libc::EAI_SOCKTYPE, "EAI_SOCKTYPE"),
        (libc::EAI_SERVICE, "EAI_SERVICE"),
        (libc::EAI_MEMORY, "EAI_MEMORY"),
        (libc::EAI_SYSTEM, "EAI_SYSTEM"),
        (libc::EAI_OVERFLOW, "EAI_OVERFLOW"),
        (-5, "EAI_NODATA"),
        (-9, "EAI_ADDRFAMILY"),
    ];
    named(NAMES, value)
}

fn named(names: &[(c_int, &str)], value: c_int) -> String {
    match names.iter().find(|(number, _)| *number == value) {
        Some((_, text)) => (*text).to_owned(),
        None => value.to_string(),
    }
}

fn flag_words(names: &[(c_int, &str)], flags: c_int) -> String {
    let mut words = Vec::new();
    let mut rest = flags;
    for (bit, name) in names {
        if rest & bit != 0 {
            words.push((*name).to_owned());
            rest &= !bit;
        }
    }
    if rest != 0 || words.is_empty() {
        words.push(format!("{rest:#x}"));
    }
    words.join("|")
}
