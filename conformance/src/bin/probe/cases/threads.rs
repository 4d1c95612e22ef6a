//! Many threads at once: each has a queue of its own, and no call disturbs another's.

use crate::api::Api;
use crate::queue;
use crate::record::Record;
use crate::run::Run;
use crate::world::{self, Kind, Place, State};
use libc::{addrinfo, c_int};
use serde_json::Value;
use std::collections::BTreeMap;
use std::ptr;
use std::sync::Barrier;
use std::thread;

const THREADS: usize = 8;
const ROUNDS: usize = 50;

pub(crate) fn cases(run: &Run) {
    queues(run);
    kept(run);
    lookups(run);
    sockets(run);
    one_listener(run);
}

/// Ways to fail, each with entries of its own.
fn fail(api: &Api, way: usize) -> c_int {
    let place = Place::v4([127, 0, 0, 1], 0);
    let closed = world::closed_descriptor();
    match way % 8 {
        0 => api.BIO_connect(-1, place.as_addr(), 0),
        1 => api.BIO_bind(closed, place.as_addr(), 0),
        2 => api.BIO_listen(closed, place.as_addr(), 0),
        3 => api.BIO_parse_hostserv(c"a:b:c".as_ptr(), ptr::null_mut(), ptr::null_mut(), 0),
        4 => api.BIO_socket(999, libc::SOCK_STREAM, 0, 0),
        5 => api.BIO_parse_hostserv(c"[::1".as_ptr(), ptr::null_mut(), ptr::null_mut(), 0),
        6 => api.BIO_get_port(c"nosuchservice".as_ptr(), ptr::null_mut()),
        _ => api.BIO_accept_ex(closed, ptr::null_mut(), 0),
    }
}

/// What one thread saw in all rounds: each distinct outcome, and how often.
type Seen = BTreeMap<String, usize>;

/// Runs `body` in every thread, all of them starting each round together.
fn together(body: impl Fn(usize) -> (c_int, Vec<Value>) + Sync) -> Vec<Seen> {
    let barrier = Barrier::new(THREADS);
    let work = |number: usize| {
        let mut seen = Seen::new();
        for _ in 0..ROUNDS {
            barrier.wait();
            let (result, entries) = body(number);
            *seen
                .entry(Value::from(vec![Value::from(result), Value::from(entries)]).to_string())
                .or_default() += 1;
        }
        seen
    };
    thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS).map(|number| scope.spawn(move || work(number))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap_or_default()).collect()
    })
}

/// A step for each outcome of each thread, its entries where those of a call would be.
fn tell(r: &mut Record<'_>, what: &str, seen: Vec<Seen>) {
    for (number, seen) in seen.into_iter().enumerate() {
        for (outcome, times) in seen {
            let outcome: Value = serde_json::from_str(&outcome).unwrap_or_default();
            let call = format!("thread {number}: {what}, {times} times");
            r.told(&call, &outcome[0].to_string(), outcome[1].clone());
        }
    }
}

fn queues(run: &Run) {
    run.risky("threads/queues", |r| {
        let api = *r.api;
        let seen = together(|number| {
            let result = fail(&api, number);
            (result, queue::drain(&api))
        });
        tell(r, "a way to fail of its own", seen);
        r.void("the main thread's queue afterwards", || {});
    });
}

/// What a thread leaves on its queue ends with it, and no other thread's changes.
fn kept(run: &Run) {
    run.risky("threads/ended", |r| {
        let api = *r.api;
        r.int("a failure before, and threads that end with a full queue", || {
            let result = fail(&api, 3);
            thread::scope(|scope| {
                for number in 0..THREADS {
                    scope.spawn(move || (0..20).for_each(|_| _ = fail(&api, number)));
                }
            });
            result
        });
    });
}

fn lookups(run: &Run) {
    run.risky("threads/lookups", |r| {
        let api = *r.api;
        let names = [c"127.0.0.1", c"::1", c"localhost", c"path"];
        let seen = together(|number| {
            let family = if number % 4 == 3 { libc::AF_UNIX } else { libc::AF_UNSPEC };
            let host = names[number % 4].as_ptr();
            let mut list: *mut addrinfo = ptr::null_mut();
            let kind = libc::SOCK_STREAM;
            let found = api.BIO_lookup_ex(host, c"443".as_ptr(), 0, family, kind, 0, &raw mut list);
            let first = api.BIO_ADDRINFO_family(list);
            api.BIO_ADDRINFO_free(list);
            (found * 1000 + first, queue::drain(&api))
        });
        tell(r, "a lookup, 1000 and the first address's family", seen);
    });
}

/// A connection from nothing to the end, by each thread for itself.
fn sockets(run: &Run) {
    for kind in [Kind::Tcp4, Kind::Tcp6] {
        run.risky(&format!("threads/sockets/{}", kind.name()), |r| {
            let api = *r.api;
            let before = world::open_descriptors();
            let seen = together(|_| (connection(&api, kind), queue::drain(&api)));
            tell(r, "socket, listen, connect, accept, close: how many worked", seen);
            r.see("left open", world::open_descriptors() - before);
        });
    }
}

fn connection(api: &Api, kind: Kind) -> c_int {
    let socket = || api.BIO_socket(kind.family(), kind.socktype(), 0, 0);
    let (listener, client) = (socket(), socket());
    let listening = api.BIO_listen(listener, kind.fresh_place().as_addr(), 0);
    let connected = api.BIO_connect(client, Place::local(listener).as_addr(), 0);
    let mut peer = Place::empty();
    let accepted = api.BIO_accept_ex(listener, peer.as_mut_addr(), 0);
    let closed: c_int = [accepted, client, listener].map(|fd| api.BIO_closesocket(fd)).iter().sum();
    listening + connected + c_int::from(accepted >= 0) + closed
}

/// Fewer clients than threads: each is accepted by one, and the others are to try again.
fn one_listener(run: &Run) {
    const CLIENTS: usize = 5;
    run.risky("threads/one listener", |r| {
        let api = *r.api;
        let (listener, place) = r.keep.listener(Kind::Tcp4);
        world::set_nonblocking(listener);
        for _ in 0..CLIENTS {
            let client = r.keep.make(Kind::Tcp4, State::Fresh);
            world::connect(client, &place);
        }
        let barrier = Barrier::new(THREADS);
        let accept = || {
            barrier.wait();
            let mut peer = Place::empty();
            let fd = api.BIO_accept_ex(listener, peer.as_mut_addr(), 0);
            (fd, crate::interpose::errno(), queue::drain(&api).len())
        };
        let mut got: Vec<(c_int, c_int, usize)> = thread::scope(|scope| {
            let threads: Vec<_> = (0..THREADS).map(|_| scope.spawn(accept)).collect();
            threads.into_iter().filter_map(|thread| thread.join().ok()).collect()
        });
        got.sort_unstable();
        for (fd, errno, entries) in got {
            let again = fd < 0 && errno == libc::EAGAIN;
            let result = if fd >= 0 { "a descriptor" } else { "-1" };
            let call = format!("BIO_accept_ex() by a thread, again: {again}, entries: {entries}");
            r.told(&call, result, Value::Array(Vec::new()));
            r.keep.keep(fd);
        }
    });
}
