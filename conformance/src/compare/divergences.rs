//! The deliberate differences: ours does as documented, or better, and says so here.
//!
//! A rule excuses fields with their values on both sides; whatever else differs in the case is
//! reported. That holds for every rule: a comparison plants faults in each case that one excuses.

use super::fields::{ABSENT, Field};
use super::judge::{Judge, list};
use serde_json::Value;

/// A deliberate difference.
pub struct Divergence {
    /// Its name, as in DIVERGENCES.md.
    pub id: &'static str,
    /// A case that shows it, as in DIVERGENCES.md.
    pub case: &'static str,
    /// Why ours does otherwise.
    pub why: &'static str,
    /// Whether it can be met in a case.
    pub(super) covers: fn(&Judge, &str) -> bool,
    /// Whether it is what a field of such a case shows.
    pub(super) excuses: fn(&Judge, &str, &Field<'_>) -> bool,
}

/// Every one of them; a full run must meet each.
pub const DIVERGENCES: &[Divergence] = &[
    Divergence {
        id: "null-is-refused",
        case: "connect/NULL/fresh",
        why: "a null pointer is refused before anything else, where the original crashes or goes on",
        covers: |_, id| id.contains("NULL"),
        excuses: null_is_refused,
    },
    Divergence {
        id: "unnamed-unix",
        case: "sock_info/unix/fresh",
        why: "of an unnamed Unix peer the original shows bytes that nobody wrote; ours has none",
        covers: |_, id| id.starts_with("accept/unix/text/") || id.starts_with("sock_info/unix"),
        excuses: |_, _, field| match &*field.name {
            "seen.text" => field.original.starts_with("\"localhost:") && field.ours == "localhost:0",
            "seen.addr" => field.original.starts_with("unix:@") && field.ours == "unix:@",
            _ => false,
        },
    },
    Divergence {
        id: "lookup-unix-length",
        case: "lookup_ex/108 letters/NULL/CLIENT/UNIX/STREAM/0",
        why: "a path of 108 bytes is a path, and a longer one fails instead of naming no address",
        covers: |_, id| path_without_room(id).is_some(),
        excuses: lookup_unix_length,
    },
    Divergence {
        id: "get-accept-socket",
        case: "get_accept_socket/\"127.0.0.1:0\"/0",
        why: "1.1.1 tests its lookup the wrong way round: it fails for good names and goes on for bad",
        covers: |judge, id| {
            const WHERE: [&str; 2] = ["get_accept_socket/", "starved/BIO_get_accept_socket/"];
            judge.original_is_111 && WHERE.iter().any(|group| id.starts_with(group))
        },
        excuses: get_accept_socket,
    },
    Divergence {
        id: "text-of-another-library",
        case: "texts/reason of another library",
        why: "alone there are no other libraries, and no texts of their reasons",
        covers: |judge, id| judge.ours_is_alone && id == "texts/reason of another library",
        excuses: |_, _, field| match &*field.name {
            "result" => field.step == 0 && field.ours == "NULL",
            "seen.text" => only_the_end_differs(field, "::", "reason(100)"),
            _ => false,
        },
    },
    Divergence {
        id: "alone-is-newest",
        case: "texts/BIO reason 106",
        why: "alone, ours does as the newest 3.x, also where older ones lack a text or an entry",
        covers: |judge, id| {
            const WHERE: [&str; 3] = ["texts/", "memory/huge", "closesocket/"];
            let there = WHERE.iter().any(|group| id.starts_with(group));
            judge.ours_is_alone && !judge.original_is_new && there
        },
        excuses: alone_is_newest,
    },
    Divergence {
        id: "lookup-out-of-memory",
        case: "lookup_ex/fault/NULL/UNSPEC/CLIENT/MEMORY",
        why: "the resolver's lack of memory is told as its other failures are, as since 3.2",
        covers: |judge, id| {
            !judge.original_is_new && id.starts_with("lookup_ex/fault/") && id.ends_with("/MEMORY")
        },
        excuses: |_, _, field| {
            field.name == "queue"
                && matches!(field.queue_before(), [one] if one["reason_text"] == "malloc failure")
                && matches!(field.queue(), [one] if is_entry(one, BIO, "system lib")
                    && one["function"] == "BIO_lookup_ex"
                    && one["data"] == "Memory allocation failure")
        },
    },
    Divergence {
        id: "flags-of-no-data",
        case: "peek",
        why: "ours allocates nothing for an entry without data, and its flags do not say that it did",
        covers: |judge, id| judge.ours_is_alone && id == "peek",
        excuses: |_, _, field| field.is("seen.flags", "1", "0"),
    },
    Divergence {
        id: "rawmake-length",
        case: "ADDR_rawmake/path/2 of path",
        why: "the length given is the number of bytes read, not where a NUL comes",
        covers: |_, id| id.starts_with("ADDR_rawmake/path/"),
        excuses: rawmake_length,
    },
    Divergence {
        id: "fast-open",
        case: "connect/tcp4/fresh/listening/TFO",
        why: "an original without TCP Fast Open ignores the flag",
        covers: |judge, id| !judge.original_is_new && (id.contains("TFO") || id.contains("0x3f")),
        excuses: fast_open,
    },
    Divergence {
        id: "starved",
        case: "starved/BIO_connect/fresh",
        why: "refused memory, ours tells the failure where the original loses the entry, its texts or errno",
        covers: |_, id| id.starts_with("starved/"),
        // Its cases are sets of outcomes: see `starved`.
        excuses: |_, _, _| false,
    },
    Divergence {
        id: "wait-by-poll",
        case: "socket_wait/tcp4/closed/0/in a second",
        why: "3.0 waits by select, which fails for a closed descriptor instead of telling it ready",
        covers: |judge, id| {
            !judge.original_is_new && id.starts_with("socket_wait/") && id.contains("/closed/")
        },
        excuses: |_, _, field| field.is("result", "-1", "1") || field.is("errno", "EBADF", "untouched"),
    },
];

/// The libraries that entries are of.
const BIO: u64 = 32;
const SYSTEM: u64 = 2;

/// The reason `unable to tfo`, for which 1.1.1 has no text.
const UNABLE_TO_TFO: u64 = 109;

fn is_entry(entry: &Value, lib: u64, reason: &str) -> bool {
    entry["lib"] == lib && entry["reason_text"] == reason
}

/// The failure value, errno left alone, and one entry on the queue: nothing else was done.
/// The original did what it did there, or died; after a death ours alone goes on.
fn null_is_refused(judge: &Judge, id: &str, field: &Field<'_>) -> bool {
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

/// `passed a null parameter`, said by the function that was called. 1.1.1 has numbers for some
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
fn path_without_room(id: &str) -> Option<(usize, &str)> {
    let rest = id.strip_prefix("lookup_ex/")?;
    let (len, rest) = rest.split_once(" letters/")?;
    let len = len.parse().ok().filter(|len| [108, 109].contains(len))?;
    Some((len, rest.split_once("/UNIX/")?.1))
}

fn lookup_unix_length(_: &Judge, id: &str, field: &Field<'_>) -> bool {
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

fn get_accept_socket(_: &Judge, id: &str, field: &Field<'_>) -> bool {
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

/// Both are the same up to the last `mark`, after which ours has `end`.
fn only_the_end_differs(field: &Field<'_>, mark: &str, end: &str) -> bool {
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

fn alone_is_newest(judge: &Judge, id: &str, field: &Field<'_>) -> bool {
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

fn rawmake_length(_: &Judge, id: &str, field: &Field<'_>) -> bool {
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

/// Either the option is on in ours and everything else is the same, or setting it failed: then
/// ours says so and stops there, neither bound nor connected.
fn fast_open(_: &Judge, _: &str, field: &Field<'_>) -> bool {
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

/// Setting the option was what ours asked last, and its two entries say why that failed.
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

#[cfg(test)]
mod tests {
    use super::super::plant::plants;
    use super::{DIVERGENCES, Judge};
    use serde_json::{Value, json};

    const OVER_OLD: Judge =
        Judge { same_numbering: true, original_is_new: false, original_is_111: false, ours_is_alone: true };

    fn connected(properties: &str) -> Value {
        let step = json!({ "call": "BIO_connect(fresh tcp4, listening, TFO)", "result": "1", "errno": "untouched",
            "opened": 0, "queue": [], "trace": [], "seen": { "socket": properties } });
        json!({ "steps": [step] })
    }

    /// `scripts/conformance` does the same in every case that is excused.
    #[test]
    fn a_rule_excuses_its_fields_and_values_only() {
        const ID: &str = "connect/tcp4/fresh/listening/TFO";
        let original = connected("keepalive=0 fastopen_connect=0 peer=127.0.0.1:listener");
        let ours = connected("keepalive=0 fastopen_connect=1 peer=127.0.0.1:listener");
        let excused = |ours: &Value| OVER_OLD.divergence(ID, &original, ours).map(|rule| rule.id);
        assert_eq!(excused(&ours), Some("fast-open"));
        let planted = plants(ID, &original, &ours);
        assert!(planted.len() > 8, "planted only {}", planted.len());
        for (what, case) in planted {
            assert_eq!(excused(&case), None, "{what}");
        }
    }

    /// In one row: the rule's name in brackets, and the case that shows it.
    #[test]
    fn the_document_has_each_with_its_case() {
        let document = include_str!("../../../DIVERGENCES.md");
        for one in DIVERGENCES {
            let case = format!("`{}`", one.case);
            let named = |row: &&str| row.contains(one.id) && row.contains(&case);
            assert!(document.lines().find(named).is_some(), "DIVERGENCES.md lacks {} with {case}", one.id);
        }
    }
}
