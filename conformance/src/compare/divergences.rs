//! The deliberate differences, where biosock does as documented, or better.
//!
//! A rule excuses fields with their values on both sides; whatever else differs in the case is
//! reported. That holds for every rule: a comparison plants faults in each case that one excuses.

use super::fields::Field;
use super::judge::Judge;
use super::rules::{
    BIO, alone_is_newest, fast_open, get_accept_socket, is_entry, lookup_unix_length, null_is_refused,
    only_the_end_differs, path_without_room, rawmake_length,
};

/// A deliberate difference.
pub struct Divergence {
    /// Its name, as in DIVERGENCES.md.
    pub id: &'static str,
    /// A case that shows it, as in DIVERGENCES.md.
    pub case: &'static str,
    /// Why biosock differs.
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
        why: "a null pointer is refused before anything else, where the original crashes or fails later",
        covers: |_, id| id.contains("NULL"),
        excuses: null_is_refused,
    },
    Divergence {
        id: "unnamed-unix",
        case: "sock_info/unix/fresh",
        why: "for an unnamed Unix peer the original returns uninitialised bytes; biosock returns none",
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
        why: "1.1.1 inverts a condition: it fails for valid names and continues for invalid ones",
        covers: |judge, id| {
            const WHERE: [&str; 2] = ["get_accept_socket/", "starved/BIO_get_accept_socket/"];
            judge.original_is_111 && WHERE.iter().any(|group| id.starts_with(group))
        },
        excuses: get_accept_socket,
    },
    Divergence {
        id: "text-of-another-library",
        case: "texts/reason of another library",
        why: "alone, there are no other libraries and no strings for their reasons",
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
        why: "alone, biosock behaves as the latest 3.x, even if older ones lack a string or an entry",
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
        why: "out of memory in the resolver is reported like its other failures, as since 3.2",
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
        why: "biosock allocates nothing for an entry without data, and its flags reflect that",
        covers: |judge, id| judge.ours_is_alone && id == "peek",
        excuses: |_, _, field| field.is("seen.flags", "1", "0"),
    },
    Divergence {
        id: "rawmake-length",
        case: "ADDR_rawmake/path/2 of path",
        why: "exactly the given length is read, not up to a NUL",
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
        why: "out of memory, biosock reports the failure where the original loses the entry, its strings or errno",
        covers: |_, id| id.starts_with("starved/"),
        // Its cases are sets of outcomes: see `starved`.
        excuses: |_, _, _| false,
    },
    Divergence {
        id: "wait-by-poll",
        case: "socket_wait/tcp4/closed/0/in a second",
        why: "3.0 waits by select, which fails for a closed descriptor instead of reporting it ready",
        covers: |judge, id| {
            !judge.original_is_new && id.starts_with("socket_wait/") && id.contains("/closed/")
        },
        excuses: |_, _, field| field.is("result", "-1", "1") || field.is("errno", "EBADF", "untouched"),
    },
];

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
