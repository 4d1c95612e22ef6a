//! Each routine with each of its allocations refused: alone, and together with all later ones.
//!
//! Two libraries need not allocate alike, so it is the outcomes that are compared, not which
//! allocation led to them: a case has one step for each outcome that came about.

use super::NONBLOCK;
use crate::api::{Addr, Api};
use crate::interpose::errno_name;
use crate::record::string_words;
use crate::run::Run;
use crate::starve::{attempt, starve};
use crate::world::{self, Keep, Kind, LOOPBACK6, Place, State};
use libc::{addrinfo, c_char, c_int, c_void};
use std::ptr;

pub(crate) fn cases(run: &Run) {
    addresses(run);
    texts(run);
    lookups(run);
    deprecated(run);
    sockets(run);
    helpers(run);
    readers(run);
    memory(run);
}

fn number(value: c_int) -> String {
    value.to_string()
}

fn descriptor(fd: c_int) -> String {
    if fd < 0 { fd.to_string() } else { "a descriptor".to_owned() }
}

fn given<T>(pointer: *mut T) -> String {
    if pointer.is_null() { "NULL".to_owned() } else { "memory".to_owned() }
}

fn nothing<T>(_api: &Api, _result: T) {}

fn close(_api: &Api, fd: c_int) {
    if fd >= 0 {
        world::close(fd);
    }
}

fn free_text(api: &Api, text: *mut c_char) {
    api.CRYPTO_free(text.cast(), c"probe".as_ptr(), 0);
}

fn free_memory(api: &Api, memory: *mut c_void) {
    api.CRYPTO_free(memory, c"probe".as_ptr(), 0);
}

fn addresses(run: &Run) {
    let free = |api: &Api, addr: *mut Addr| api.BIO_ADDR_free(addr);
    starve(run, "BIO_ADDR_new", |_| attempt(|api| api.BIO_ADDR_new(), given, free));
    let places = [
        ("127.0.0.1:80", Place::v4([127, 0, 0, 1], 80)),
        ("[::1]:443", Place::v6(LOOPBACK6, 443)),
        ("unix:path", Place::unix("path")),
        ("unspec", Place::empty()),
        ("family 999", Place::v4([127, 0, 0, 1], 80).with_family(999)),
    ];
    for (what, place) in &places {
        if run.has("BIO_ADDR_dup") {
            starve(run, &format!("BIO_ADDR_dup/{what}"), |_| {
                attempt(|api| api.BIO_ADDR_dup(place.as_addr()), given, free)
            });
        }
        for numeric in [0, 1] {
            starve(run, &format!("BIO_ADDR_hostname_string/{what}/{numeric}"), |_| {
                attempt(
                    |api| api.BIO_ADDR_hostname_string(place.as_addr(), numeric),
                    |text: *mut c_char| string_words(text),
                    free_text,
                )
            });
            starve(run, &format!("BIO_ADDR_service_string/{what}/{numeric}"), |_| {
                attempt(
                    |api| api.BIO_ADDR_service_string(place.as_addr(), numeric),
                    |text: *mut c_char| string_words(text),
                    free_text,
                )
            });
        }
        starve(run, &format!("BIO_ADDR_path_string/{what}"), |_| {
            attempt(
                |api| api.BIO_ADDR_path_string(place.as_addr()),
                |text: *mut c_char| string_words(text),
                free_text,
            )
        });
    }
}

fn texts(run: &Run) {
    type Parts = (c_int, *mut c_char, *mut c_char);
    for text in [c"host:80", c"[::1]:443", c"host", c":80", c"*:*", c"a:b:c", c"[::1", c""] {
        for priority in [0, 1] {
            starve(run, &format!("BIO_parse_hostserv/{text:?}/{priority}"), |_| {
                attempt(
                    |api: &Api| -> Parts {
                        let (mut host, mut service) = (ptr::null_mut(), ptr::null_mut());
                        let (to_host, to_service) = (&raw mut host, &raw mut service);
                        let result = api.BIO_parse_hostserv(text.as_ptr(), to_host, to_service, priority);
                        (result, host, service)
                    },
                    |(result, host, service): Parts| match result {
                        // What is written by a call that fails is not the caller's.
                        1 => format!("1 {} {}", string_words(host), string_words(service)),
                        other => other.to_string(),
                    },
                    |api, (result, host, service)| {
                        if result == 1 {
                            free_text(api, host);
                            free_text(api, service);
                        }
                    },
                )
            });
        }
    }
}

fn lookups(run: &Run) {
    let names = [
        (None, Some(c"80")),
        (Some(c"127.0.0.1"), Some(c"443")),
        (Some(c"::1"), Some(c"443")),
        (Some(c"localhost"), Some(c"443")),
        (Some(c"localhost"), Some(c"http")),
        (Some(c"no such name"), None),
        (Some(c"path"), None),
    ];
    for (host, service) in names {
        for (family, name) in [(0, "UNSPEC"), (libc::AF_INET, "INET"), (libc::AF_UNIX, "UNIX"), (999, "999")]
        {
            if family == libc::AF_UNIX && host.is_none() {
                continue;
            }
            let pointer = |text: Option<&std::ffi::CStr>| text.map_or(ptr::null(), |text| text.as_ptr());
            starve(run, &format!("BIO_lookup_ex/{host:?}/{service:?}/{name}"), |_| {
                attempt(
                    |api| {
                        let mut list: *mut addrinfo = ptr::null_mut();
                        let (host, service) = (pointer(host), pointer(service));
                        let result =
                            api.BIO_lookup_ex(host, service, 0, family, libc::SOCK_STREAM, 0, &raw mut list);
                        (result, list)
                    },
                    |(result, list): (c_int, *mut addrinfo)| format!("{result} {}", given(list)),
                    |api, (_, list)| api.BIO_ADDRINFO_free(list),
                )
            });
        }
    }
}

fn deprecated(run: &Run) {
    starve(run, "BIO_gethostbyname", |_| {
        attempt(|api: &Api| api.BIO_gethostbyname(c"localhost".as_ptr()), given, nothing)
    });
    for text in [c"80", c"http", c"nosuchservice"] {
        starve(run, &format!("BIO_get_port/{text:?}"), |_| {
            attempt(
                |api| {
                    let mut port = 0;
                    api.BIO_get_port(text.as_ptr(), &raw mut port)
                },
                number,
                nothing,
            )
        });
    }
    for text in [c"127.0.0.1", c"localhost", c"no such name"] {
        starve(run, &format!("BIO_get_host_ip/{text:?}"), |_| {
            attempt(
                |api| {
                    let mut ip = [0_u8; 4];
                    api.BIO_get_host_ip(text.as_ptr(), ip.as_mut_ptr())
                },
                number,
                nothing,
            )
        });
    }
    for text in [c"127.0.0.1:0", c"localhost:0", c"*:0", c"a:b:c", c"no such name:0"] {
        starve(run, &format!("BIO_get_accept_socket/{text:?}"), |_| {
            attempt(|api| api.BIO_get_accept_socket(text.as_ptr().cast_mut(), 1), descriptor, close)
        });
    }
    accepting(run);
}

/// A listener for which so many clients wait as attempts are made.
fn pending(keep: &mut Keep, kind: Kind) -> c_int {
    let (listener, place) = keep.listener(kind);
    world::set_nonblocking(listener);
    for _ in 0..crate::starve::TIMES {
        let client = keep.make(kind, State::Fresh);
        world::connect(client, &place);
    }
    world::ready(listener);
    listener
}

fn accepting(run: &Run) {
    type Accepted = (c_int, *mut c_char);
    let tell = |(fd, text): Accepted| {
        let text = string_words(text);
        // The client's port differs from run to run.
        format!("{} {}", descriptor(fd), text.rsplit_once(':').map_or(text.as_str(), |(host, _)| host))
    };
    let give_back = |api: &Api, (fd, text): Accepted| {
        close(api, fd);
        free_text(api, text);
    };
    for kind in [Kind::Tcp4, Kind::Tcp6] {
        starve(run, &format!("BIO_accept/{}", kind.name()), |keep| {
            let listener = pending(keep, kind);
            attempt(
                move |api: &Api| {
                    let mut text = ptr::null_mut();
                    (api.BIO_accept(listener, &raw mut text), text)
                },
                tell,
                give_back,
            )
        });
    }
    for state in [State::Fresh, State::Closed, State::Negative] {
        starve(run, &format!("BIO_accept/{}", state.name()), |keep| {
            let fd = keep.make(Kind::Tcp4, state);
            attempt(
                move |api: &Api| {
                    let mut text = ptr::null_mut();
                    (api.BIO_accept(fd, &raw mut text), text)
                },
                tell,
                give_back,
            )
        });
    }
    starve(run, "BIO_accept_ex/tcp4", |keep| {
        let listener = pending(keep, Kind::Tcp4);
        attempt(
            move |api: &Api| api.BIO_accept_ex(listener, Place::empty().as_mut_addr(), NONBLOCK),
            descriptor,
            close,
        )
    });
}

fn sockets(run: &Run) {
    for (family, name) in [(libc::AF_INET, "INET"), (999, "999")] {
        starve(run, &format!("BIO_socket/{name}"), |_| {
            attempt(|api| api.BIO_socket(family, libc::SOCK_STREAM, 0, 0), descriptor, close)
        });
    }
    for state in [State::Fresh, State::Closed, State::NotSocket, State::Negative] {
        for routine in ["BIO_connect", "BIO_bind", "BIO_listen"] {
            starve(run, &format!("{routine}/{}", state.name()), |keep| {
                let place = keep.refusing(Kind::Tcp4);
                let fd = keep.make(Kind::Tcp4, state);
                attempt(
                    move |api: &Api| match routine {
                        "BIO_connect" => api.BIO_connect(fd, place.as_addr(), 0),
                        "BIO_bind" => api.BIO_bind(fd, place.as_addr(), 0),
                        _ => api.BIO_listen(fd, place.as_addr(), 0),
                    },
                    number,
                    nothing,
                )
            });
        }
        starve(run, &format!("BIO_accept_ex/{}", state.name()), |keep| {
            let fd = keep.make(Kind::Tcp4, state);
            attempt(
                move |api: &Api| api.BIO_accept_ex(fd, Place::empty().as_mut_addr(), 0),
                descriptor,
                close,
            )
        });
        starve(run, &format!("BIO_closesocket/{}", state.name()), |_| {
            attempt(
                move |api: &Api| match state {
                    State::Fresh => api.BIO_closesocket(Kind::Tcp4.socket()),
                    _ => api.BIO_closesocket(world::closed_descriptor()),
                },
                number,
                nothing,
            )
        });
    }
}

fn helpers(run: &Run) {
    starve(run, "BIO_sock_init", |_| attempt(|api: &Api| api.BIO_sock_init(), number, nothing));
    for state in [State::Fresh, State::Closed] {
        let name = state.name();
        starve(run, &format!("BIO_sock_info/{name}"), |keep| {
            let fd = keep.make(Kind::Tcp4, state);
            attempt(
                move |api: &Api| {
                    let mut place = Place::empty();
                    let mut union = place.as_mut_addr();
                    api.BIO_sock_info(fd, 0, (&raw mut union).cast())
                },
                number,
                nothing,
            )
        });
        starve(run, &format!("BIO_socket_ioctl/{name}"), |keep| {
            let fd = keep.make(Kind::Tcp4, state);
            let request = libc::FIONBIO as libc::c_long;
            attempt(
                move |api: &Api| {
                    let mut on: c_int = 1;
                    api.BIO_socket_ioctl(fd, request, (&raw mut on).cast())
                },
                number,
                nothing,
            )
        });
        if run.has("BIO_socket_wait") {
            starve(run, &format!("BIO_socket_wait/{name}"), |keep| {
                let fd = keep.make(Kind::Tcp4, state);
                attempt(move |api: &Api| api.BIO_socket_wait(fd, 0, 1), number, nothing)
            });
        }
        starve(run, &format!("BIO_socket_nbio/{name}"), |keep| {
            let fd = keep.make(Kind::Tcp4, state);
            attempt(move |api: &Api| api.BIO_socket_nbio(fd, 1), number, nothing)
        });
        starve(run, &format!("BIO_set_tcp_ndelay/{name}"), |keep| {
            let fd = keep.make(Kind::Tcp4, state);
            attempt(move |api: &Api| api.BIO_set_tcp_ndelay(fd, 1), number, nothing)
        });
        starve(run, &format!("BIO_sock_error/{name}"), |keep| {
            let fd = keep.make(Kind::Tcp4, state);
            attempt(move |api: &Api| api.BIO_sock_error(fd), errno_name, nothing)
        });
    }
}

/// What reads an address, and what reads the queue.
fn readers(run: &Run) {
    starve(run, "BIO_ADDR_rawmake", |_| {
        attempt(
            |api: &Api| {
                let (mut place, bytes) = (Place::empty(), [127_u8, 0, 0, 1]);
                let addr = place.as_mut_addr();
                api.BIO_ADDR_rawmake(addr, libc::AF_INET, bytes.as_ptr().cast(), bytes.len(), 0)
            },
            number,
            nothing,
        )
    });
    let code = if crate::queue::is_old(&run.api) { 0x2008_A067 } else { 0x1000_0067 };
    starve(run, "ERR_error_string", |_| {
        attempt(
            |api: &Api| api.ERR_error_string(code, ptr::null_mut()),
            |text: *mut c_char| given(text),
            nothing,
        )
    });
    // Not ERR_print_errors_cb: refused memory, the original's prints without an end, since
    // each failure to print is one more entry.
}

/// The allocator itself.
fn memory(run: &Run) {
    let file = c"probe".as_ptr();
    starve(run, "CRYPTO_malloc", |_| attempt(|api| api.CRYPTO_malloc(100, file, 0), given, free_memory));
    starve(run, "CRYPTO_zalloc", |_| attempt(|api| api.CRYPTO_zalloc(100, file, 0), given, free_memory));
    starve(run, "CRYPTO_strdup", |_| {
        attempt(
            |api| api.CRYPTO_strdup(c"text".as_ptr(), file, 0),
            |text: *mut c_char| string_words(text),
            free_text,
        )
    });
    starve(run, "CRYPTO_strndup", |_| {
        attempt(
            |api| api.CRYPTO_strndup(c"text".as_ptr(), 2, file, 0),
            |text: *mut c_char| string_words(text),
            free_text,
        )
    });
}
