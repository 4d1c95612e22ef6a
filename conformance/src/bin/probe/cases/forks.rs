//! fork(2) between calls: child and parent go on, each with its own queue.

use crate::api::Api;
use crate::queue;
use crate::record::Record;
use crate::run::{Run, in_child};
use crate::world::{self, Kind, Place, State};
use libc::c_int;
use serde_json::{Value, json};
use std::ptr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

pub(crate) fn cases(run: &Run) {
    queues(run);
    sockets(run);
    amid_threads(run);
}

type Way = fn(&Api) -> c_int;

const WAYS: [(&str, Way); 4] = [
    ("invalid socket", |api| api.BIO_connect(-1, Place::v4([127, 0, 0, 1], 0).as_addr(), 0)),
    ("closed socket", |api| {
        api.BIO_bind(world::closed_descriptor(), Place::v4([127, 0, 0, 1], 0).as_addr(), 0)
    }),
    ("ambiguous text", |api| api.BIO_parse_hostserv(c"a:b:c".as_ptr(), ptr::null_mut(), ptr::null_mut(), 0)),
    ("unknown service", |api| {
        let mut port = 0;
        api.BIO_get_port(c"nosuchservice".as_ptr(), &raw mut port)
    }),
];

/// What a child saw, as steps of the parent's case.
fn tell(r: &mut Record<'_>, what: &str, told: &Value) {
    let result = told["result"].as_str().map_or_else(|| told["result"].to_string(), str::to_owned);
    r.told(what, &result, told["queue"].clone());
}

fn queues(run: &Run) {
    for (before, first) in WAYS {
        for (after, second) in WAYS {
            run.risky(&format!("fork/queue/{before}/{after}"), |r| {
                let api = *r.api;
                let mut told = Value::Null;
                r.int(format!("{before}; fork; the parent goes on with: {after}"), || {
                    first(&api);
                    told = in_child(|| {
                        let result = second(&api);
                        json!({ "result": result, "queue": queue::drain(&api) })
                    });
                    second(&api)
                });
                tell(r, &format!("{before}; fork; the child goes on with: {after}"), &told);
            });
        }
    }
}

/// The child connects, with a socket and an address from before it was born.
fn sockets(run: &Run) {
    for kind in [Kind::Tcp4, Kind::Tcp6, Kind::Unix] {
        run.risky(&format!("fork/sockets/{}", kind.name()), |r| {
            let api = *r.api;
            let (listener, place) = r.keep.listener(kind);
            let client = r.keep.make(kind, State::Fresh);
            let told = in_child(|| {
                let result = api.BIO_connect(client, place.as_addr(), 0);
                let closed = api.BIO_closesocket(listener);
                json!({ "result": format!("{result}, {closed}"), "queue": queue::drain(&api) })
            });
            tell(r, "the child: BIO_connect(), BIO_closesocket(listener)", &told);
            let mut from = Place::empty();
            let pointer = from.as_mut_addr();
            let call = format!("the parent: BIO_accept_ex({})", kind.name());
            let fd = r.descriptor(call, || api.BIO_accept_ex(listener, pointer, 0));
            r.see_socket(fd);
            r.int("the parent: BIO_connect() once more", || api.BIO_connect(client, place.as_addr(), 0));
        });
    }
}

/// Other threads are amid calls when the process is copied; the copy can go on nevertheless.
fn amid_threads(run: &Run) {
    const FORKS: usize = 10;
    run.risky("fork/amid threads", |r| {
        let api = *r.api;
        let stop = AtomicBool::new(false);
        let told: Vec<Value> = thread::scope(|scope| {
            for number in 0..2 {
                let (stop, api) = (&stop, &api);
                scope.spawn(move || {
                    while !stop.load(Ordering::SeqCst) {
                        WAYS[number % 3].1(api);
                    }
                });
            }
            let told = (0..FORKS).map(|_| in_child(|| child_amid_threads(&api))).collect();
            stop.store(true, Ordering::SeqCst);
            told
        });
        for (number, told) in told.iter().enumerate() {
            tell(r, &format!("child {number}: an ambiguous text, and a thread of its own"), told);
        }
        r.void("the parent's queue", || {});
    });
}

fn child_amid_threads(api: &Api) -> Value {
    let result = WAYS[2].1(api);
    let copy = *api;
    let thread = thread::spawn(move || WAYS[1].1(&copy));
    let other = thread.join().unwrap_or(-9);
    json!({ "result": format!("{result}, {other}"), "queue": queue::drain(api) })
}
