//! The deliberate differences: ours does as documented, or better, and says so here.

use super::judge::{Judge, list, steps};
use super::starved;
use serde_json::Value;

/// A deliberate difference.
pub struct Divergence {
    /// Its name, as in DIVERGENCES.md.
    pub id: &'static str,
    /// A case that shows it, as in DIVERGENCES.md.
    pub case: &'static str,
    /// Why ours does otherwise.
    pub why: &'static str,
    pub(super) explains: fn(&Judge, &str, &Value, &Value) -> bool,
}

/// Every one of them; a full run must meet each.
pub const DIVERGENCES: &[Divergence] = &[
    Divergence {
        id: "null-is-refused",
        case: "connect/NULL/fresh",
        why: "a null pointer is refused before anything else, where the original crashes or goes on",
        explains: |_, id, _, ours| id.contains("NULL") && reasons(ours).contains(&"passed a null parameter"),
    },
    Divergence {
        id: "unnamed-unix",
        case: "sock_info/unix/fresh",
        why: "of an unnamed Unix peer the original shows bytes that nobody wrote; ours has none",
        explains: |_, id, _, ours| {
            let unnamed = |text: &str| ours.to_string().contains(text);
            (id.starts_with("accept/unix/text/") && unnamed("localhost:"))
                || (id.starts_with("sock_info/unix") && unnamed("unix:@\""))
        },
    },
    Divergence {
        id: "lookup-unix-length",
        case: "lookup_ex/108 letters/NULL/CLIENT/UNIX/STREAM/0",
        why: "a path of 108 bytes is a path, and a longer one fails instead of naming no address",
        explains: |_, id, _, _| {
            let too_long = ["lookup_ex/108 letters/", "lookup_ex/109 letters/"];
            too_long.iter().any(|group| id.starts_with(group)) && id.contains("/UNIX/")
        },
    },
    Divergence {
        id: "get-accept-socket",
        case: "get_accept_socket/\"127.0.0.1:0\"/0",
        why: "1.1.1 tests its look-up the wrong way round: it fails for good names and goes on for bad",
        explains: |judge, id, _, _| {
            const WHERE: [&str; 2] = ["get_accept_socket/", "starved/BIO_get_accept_socket/"];
            judge.original_is_111 && WHERE.iter().any(|group| id.starts_with(group))
        },
    },
    Divergence {
        id: "text-of-another-library",
        case: "texts/reason of another library",
        why: "alone there are no other libraries, and no texts of their reasons",
        explains: |judge, id, _, _| judge.ours_is_alone && id == "texts/reason of another library",
    },
    Divergence {
        id: "alone-is-newest",
        case: "texts/BIO reason 106",
        why: "alone, ours does as the newest 3.x, also where older ones lack a text or an entry",
        explains: |judge, id, _, _| {
            const WHERE: [&str; 3] = ["texts/", "memory/huge", "closesocket/"];
            let there = WHERE.iter().any(|group| id.starts_with(group));
            judge.ours_is_alone && !judge.original_is_new && there
        },
    },
    Divergence {
        id: "lookup-out-of-memory",
        case: "lookup_ex/fault/NULL/UNSPEC/CLIENT/MEMORY",
        why: "the resolver's lack of memory is told as its other failures are, as since 3.2",
        explains: |judge, id, _, _| {
            !judge.original_is_new && id.starts_with("lookup_ex/fault/") && id.ends_with("/MEMORY")
        },
    },
    Divergence {
        id: "flags-of-no-data",
        case: "peek",
        why: "ours allocates nothing for an entry without data, and its flags do not say that it did",
        explains: |judge, id, _, ours| {
            let flags = steps(ours).iter().any(|step| step["seen"]["flags"] == "0");
            judge.ours_is_alone && id == "peek" && flags
        },
    },
    Divergence {
        id: "rawmake-length",
        case: "ADDR_rawmake/path/2 of path",
        why: "the length given is the number of bytes read, not where a NUL comes",
        explains: |_, id, _, _| {
            const WHERE: [&str; 3] = ["0 of path", "2 of path", "abstract"];
            id.strip_prefix("ADDR_rawmake/path/").is_some_and(|rest| WHERE.contains(&rest))
        },
    },
    Divergence {
        id: "fast-open",
        case: "connect/tcp4/fresh/listening/TFO",
        why: "an original without TCP Fast Open ignores the flag",
        explains: |judge, id, _, _| !judge.original_is_new && (id.contains("TFO") || id.contains("0x3f")),
    },
    Divergence {
        id: "starved",
        case: "starved/BIO_connect/fresh",
        why: "refused memory, ours tells the failure where the original loses the entry, its texts or errno",
        explains: |_, id, original, ours| starved::is_starved(id) && starved::is_no_worse(original, ours),
    },
    Divergence {
        id: "wait-by-poll",
        case: "socket_wait/tcp4/closed/0/in a second",
        why: "3.0 waits by select, which fails for a closed descriptor instead of telling it ready",
        explains: |judge, id, _, _| {
            !judge.original_is_new && id.starts_with("socket_wait/") && id.contains("/closed/")
        },
    },
];

fn reasons(case: &Value) -> Vec<&str> {
    let entries = steps(case).iter().flat_map(|step| list(&step["queue"]));
    entries.filter_map(|entry| entry["reason_text"].as_str()).collect()
}

#[cfg(test)]
mod tests {
    use super::DIVERGENCES;

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
