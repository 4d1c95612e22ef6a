//! The deliberate differences: ours does as documented, or better, and says so here.

use super::judge::{Judge, list, steps};
use serde_json::Value;

/// A deliberate difference.
pub struct Divergence {
    /// Its name, as in DIVERGENCES.md.
    pub id: &'static str,
    /// Why ours does otherwise.
    pub why: &'static str,
    pub(super) explains: fn(&Judge, &str, &Value, &Value) -> bool,
}

/// Every one of them; a full run must meet each.
pub const DIVERGENCES: &[Divergence] = &[
    Divergence {
        id: "null-is-refused",
        why: "a null pointer is refused before anything else, where the original crashes or goes on",
        explains: |_, id, _, ours| id.contains("NULL") && reasons(ours).contains(&"passed a null parameter"),
    },
    Divergence {
        id: "unnamed-unix",
        why: "of an unnamed Unix peer the original shows bytes that nobody wrote; ours has none",
        explains: |_, id, _, ours| {
            let unnamed = |text: &str| ours.to_string().contains(text);
            (id.starts_with("accept/unix/text/") && unnamed("localhost:"))
                || (id.starts_with("sock_info/unix") && unnamed("unix:@\""))
        },
    },
    Divergence {
        id: "lookup-unix-length",
        why: "a path of 108 bytes is a path, and a longer one fails instead of naming no address",
        explains: |_, id, _, _| id.starts_with("lookup_ex/\"pppp") && id.contains("/UNIX/"),
    },
    Divergence {
        id: "get-accept-socket",
        why: "1.1.1 fails for every good name, by an inverted test",
        explains: |judge, id, original, ours| {
            !judge.original_is_new
                && id.starts_with("get_accept_socket/")
                && result(original) == "-1"
                && list(&steps(original)[0]["queue"]).is_empty()
                && steps(ours).len() == 1
        },
    },
    Divergence {
        id: "rawmake-length",
        why: "the length given is the number of bytes read, and 108 bytes of path are a path",
        explains: |_, id, _, _| {
            id.starts_with("ADDR_rawmake/AF_UNIX/") || id.starts_with("ADDR_rawmake/path/")
        },
    },
    Divergence {
        id: "fast-open",
        why: "an original without TCP Fast Open ignores the flag",
        explains: |judge, id, _, _| !judge.original_is_new && (id.contains("TFO") || id.contains("0x3f")),
    },
    Divergence {
        id: "wait-by-poll",
        why: "3.0 waits by select, which fails for a closed descriptor instead of telling it ready",
        explains: |judge, id, _, _| !judge.original_is_new && id.starts_with("socket_wait/"),
    },
];

fn reasons(case: &Value) -> Vec<&str> {
    let entries = steps(case).iter().flat_map(|step| list(&step["queue"]));
    entries.filter_map(|entry| entry["reason_text"].as_str()).collect()
}

fn result(case: &Value) -> &str {
    steps(case).first().and_then(|step| step["result"].as_str()).unwrap_or_default()
}
