//! What each deliberate difference excuses: the fields, with the values on both sides.

use super::fields::{ABSENT, Field};
use super::judge::{Judge, list};
use serde_json::Value;

/// The libraries that entries are of.
pub(super) const BIO: u64 = 32;
const SYSTEM: u64 = 2;

/// The reason `unable to tfo`, for which 1.1.1 has no text.
const UNABLE_TO_TFO: u64 = 109;

pub(super) fn is_entry(entry: &Value, lib: u64, reason: &str) -> bool {
    entry["lib"] == lib && entry["reason_text"] == reason
}

/// The failure value, errno left alone, and one entry on the queue: nothing else was done.
/// The original did what it did there, or died; after a death biosock alone goes on.
pub(super) fn null_is_refused(judge: &Judge, id: &str, field: &Field<'_>) -> bool {
    if field.name == "died" {
        return field.original == "died of signal 11" && field.ours == ABSENT;
    }
    let goes_on = field.original == ABSENT;
    let refused = matches!(field.queue(), [one] if is_refusal(judge, one, &field.call["call"]));
    let called = field.call["call"].as_str().unwrap_or_default();
    let freed = goes_on && field.queue().is_empty() && called.starts_with("BIO_ADDRINFO_free(");
    (refused || freed)
        && match &*field.name {
            "call" => goes_on,
            "result" if goes_on => ["0", "-1", "NULL", "void"].contains(&&*field.ours),
            "result" => field.is("result", "1", "0"),
            "errno" => field.ours == "untouched",
            "opened" => field.ours == "0",
            "queue" => true,
            "seen.list" => id == "lookup_ex/NULL/unix" && field.ours.is_empty(),
            _ => false,
        }
}

/// `passed a null parameter`, raised by the function that was called. 1.1.1 has numbers for some
/// functions only, and other functions' names for some numbers.
fn is_refusal(judge: &Judge, entry: &Value, call: &Value) -> bool {
    let function = entry["function"].as_str().unwrap_or_default();
    let called = call.as_str().unwrap_or_default();
    let known = called.starts_with(&format!("{function}(")) || function == "addr_strings";
    entry["reason_text"] == "passed a null parameter"
        && entry["data"] == ""
        && (known || (judge.original_is_111 && judge.same_numbering))
}

/// The path of a lookup that leaves no room for a NUL, or none at all, and the rest of its name.
pub(super) fn path_without_room(id: &str) -> Option<(usize, &str)> {
    let rest = id.strip_prefix("lookup_ex/")?;
    let (len, rest) = rest.split_once(" letters/")?;
    let len = len.parse().ok().filter(|len| [108, 109].contains(len))?;
    Some((len, rest.split_once("/UNIX/")?.1))
}

pub(super) fn lookup_unix_length(_: &Judge, id: &str, field: &Field<'_>) -> bool {
    let Some((len, asked)) = path_without_room(id) else { return false };
    let kind = asked.split('/').next().unwrap_or_default();
    let kind = match kind {
        "STREAM" => "1",
        "DGRAM" => "2",
        "RAW" => "3",
        other => other,
    };
    let list = |address: &str| format!("1 {kind} 0 {address}");
    let (none, found) = (list("unspec"), list(&format!("unix:{}", "p".repeat(len))));
    let failure = |queue: &[Value]| matches!(queue, [one] if is_entry(one, BIO, "BIO lib") && one["function"] == "BIO_lookup_ex");
    match (len, &*field.name) {
        // 4.0 fails; older ones find an address of no family.
        (108, "result") => field.is("result", "0", "1"),
        (108, "queue") => failure(field.queue_before()) && field.queue().is_empty(),
        (108, "seen.list") => field.ours == found && [&*none, ""].contains(&&*field.original),
        (109, _) if !failure(field.queue()) => false,
        (109, "result") => field.is("result", "1", "0"),
        (109, "queue") => field.queue_before().is_empty(),
        (109, "seen.list") => field.ours.is_empty() && field.original == none,
        _ => false,
    }
}

pub(super) fn get_accept_socket(_: &Judge, id: &str, field: &Field<'_>) -> bool {
    let Some((name, mode)) = id["get_accept_socket/".len()..].rsplit_once('/') else { return false };
    let unavailable = if name.contains("198.51.100.1") { "EADDRNOTAVAIL" } else { "EADDRINUSE" };
    let good = field.call["result"] == "a descriptor";
    match &*field.name {
        "result" => field.is("result", "-1", "a descriptor"),
        "opened" => good && field.is("opened", "0", "1"),
        "seen.socket" => field.original == "no open descriptor" && field.ours == listening(name, mode == "0"),
        "errno" => field.is("errno", "untouched", unavailable) && is_unable_to_bind(field),
        // For a bad name it goes on, to a socket of no family.
        "queue" => {
            is_unable_to_bind(field)
                || matches!((field.queue_before(), field.queue()), ([one, system, last], [ours])
                    if one["lib"] == ours["lib"] && one["data"] == ours["data"]
                        && one["function"] == ours["function"]
                        && one["reason_text"] == ours["reason_text"]
                        && is_entry(last, BIO, "unable to create socket") && system["lib"] == SYSTEM)
        }
        _ => false,
    }
}

/// A socket that waits for connections, as it is described; without `BIO_BIND_REUSEADDR` in
/// mode 0 only.
fn listening(name: &str, plain: bool) -> String {
    let (only, place) = match name.trim_matches('"') {
        "127.0.0.1:0" | "127.0.0.1:" | "localhost:0" => ("", "127.0.0.1"),
        "[::1]:0" => ("v6only=1 ", "[::1]"),
        "[::]:0" => ("v6only=0 ", "[::]"),
        _ => ("", "0.0.0.0"),
    };
    let reuse = u8::from(!plain);
    format!(
        "nonblock=0 cloexec=0 keepalive=0 nodelay=0 reuseaddr={reuse} reuseport=0 {only}fastopen=0 \
         fastopen_connect=0 listening=1 error=0 name={place}:some peer=none"
    )
}

fn is_unable_to_bind(field: &Field<'_>) -> bool {
    let errno = match field.call["errno"].as_str() {
        Some("EADDRNOTAVAIL") => libc::EADDRNOTAVAIL,
        _ => libc::EADDRINUSE,
    };
    field.queue_before().is_empty()
        && matches!(field.queue(), [system, last]
            if system["lib"] == SYSTEM && system["reason"] == errno
                && is_entry(last, BIO, "unable to bind socket") && last["function"] == "BIO_bind")
}

/// Both are the same up to the last `mark`, after which biosock has `end`.
pub(super) fn only_the_end_differs(field: &Field<'_>, mark: &str, end: &str) -> bool {
    let (original, ours) = (field.original.rsplit_once(mark), field.ours.rsplit_once(mark));
    matches!((original, ours), (Some((before, _)), Some((same, last))) if before == same && last == end)
}

/// Reasons of BIO that came after 3.0.
const NEWER: [(u16, &str); 7] = [
    (106, "tfo disabled"),
    (108, "tfo no kernel support"),
    (109, "unable to tfo"),
    (111, "local address not available"),
    (112, "non-fatal or transient error"),
    (150, "port mismatch"),
    (151, "peer address not available"),
];

pub(super) fn alone_is_newest(judge: &Judge, id: &str, field: &Field<'_>) -> bool {
    let newer = NEWER.iter().find(|(reason, _)| id == format!("texts/BIO reason {reason}"));
    if let Some((_, text)) = newer {
        return (field.step == 0 && field.is("result", "NULL", text))
            || (field.name == "seen.text" && only_the_end_differs(field, "::", text));
    }
    match id {
        // Since 3.2 the number is without the reason's flags.
        "texts/code 0x7fffffff" => {
            field.name == "seen.text" && only_the_end_differs(field, "::", "reason(262143)")
        }
        "texts/code 0xffffffff" => {
            field.name == "seen.text" && only_the_end_differs(field, "::", "reason(2139357183)")
        }
        "memory/huge" => {
            field.name == "queue"
                && field.queue_before().is_empty()
                && matches!(field.queue(), [one] if one["reason_text"] == "malloc failure")
        }
        // Where nothing was open, 1.1.1 asks the system all the same.
        _ if id.starts_with("closesocket/") && id.contains("/-") => {
            judge.original_is_111 && field.is("errno", "EBADF", "untouched")
        }
        _ => false,
    }
}

pub(super) fn rawmake_length(_: &Judge, id: &str, field: &Field<'_>) -> bool {
    let is = |name, original, ours| field.is(name, original, ours);
    match &id["ADDR_rawmake/path/".len()..] {
        "2 of path" => {
            is("seen.addr", "unix:path", "unix:pa")
                || is("seen.bytes", "[70, 61, 74, 68]", "[70, 61]")
                || is("seen.length", "4", "2")
                || is("result", "\"path\"", "\"pa\"")
        }
        "0 of path" => {
            is("seen.addr", "unix:path", "unix:@")
                || is("seen.bytes", "[70, 61, 74, 68]", "[]")
                || is("seen.length", "4", "0")
                || (field.step == 5 && is("seen.length", "4", "untouched"))
                || is("result", "\"path\"", "\"0\"")
                || (field.step == 15 && is("result", "\"path\"", "\"\""))
        }
        "abstract" => is("seen.addr", "unix:@", "unix:@abstract"),
        _ => false,
    }
}

/// Either the option is on in biosock and everything else is the same, or setting it failed: then
/// biosock reports that and stops there, neither bound nor connected.
pub(super) fn fast_open(_: &Judge, _: &str, field: &Field<'_>) -> bool {
    if field.is("socket.fastopen_connect", "0", "1") {
        return true;
    }
    let backlog = libc::SOMAXCONN.to_string();
    if field.is("socket.fastopen", "0", &backlog) {
        return true;
    }
    let errno = field.call["errno"].as_str().unwrap_or_default();
    is_unable_to_tfo(field)
        && match &*field.name {
            "result" => field.is("result", "1", "0"),
            "errno" => field.asked_last().ends_with(&format!(" = {errno}")),
            "queue" => true,
            "socket.name" => ["0.0.0.0:0", "[::]:0", "unix:"].contains(&&*field.ours),
            "socket.peer" => field.ours == "none",
            _ => false,
        }
}

/// Setting the option was biosock's last system call, and its two entries have why that failed.
fn is_unable_to_tfo(field: &Field<'_>) -> bool {
    let asked = field.asked_last();
    let Some((call, errno)) = asked.rsplit_once(" = ") else { return false };
    let caller = list(&field.call["queue"]).last().map(|entry| &entry["function"]);
    let called = field.call["call"].as_str().unwrap_or_default();
    call.starts_with("setsockopt(TCP_FASTOPEN")
        && field.call["result"] == "0"
        && field.call["errno"] == errno
        && caller.and_then(Value::as_str).is_some_and(|name| called.starts_with(&format!("{name}(")))
        && matches!(field.queue(), [system, last]
            if system["lib"] == SYSTEM && last["lib"] == BIO && last["reason"] == UNABLE_TO_TFO
                && last["data"] == "")
}
