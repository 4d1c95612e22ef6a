//! Strings for a terminal: escaped, clipped, with a unit.

use std::borrow::Cow;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::time::Duration;

use biosock::needs_escape;

/// The string with characters that [`needs_escape`] selects written as `\u{1b}`.
pub(crate) fn escape(text: &str) -> Cow<'_, str> {
    if !text.contains(needs_escape) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        if needs_escape(c) { out.extend(c.escape_default()) } else { out.push(c) }
    }
    Cow::Owned(out)
}

/// A string clipped to the length that messages allow, since a peer or an
/// argument can be of any length: the beginning and the end, which says what was
/// wrong.
pub(crate) fn clipped(text: &str) -> Cow<'_, str> {
    if text.len() <= LONGEST {
        return Cow::Borrowed(text);
    }
    let (mut head, mut tail) = (LONGEST * 2 / 3, text.len() - LONGEST / 3);
    while !text.is_char_boundary(head) {
        head -= 1;
    }
    while !text.is_char_boundary(tail) {
        tail += 1;
    }
    Cow::Owned(format!("{} … {}", &text[..head], &text[tail..]))
}

/// The longest string in a message, in bytes.
pub(crate) const LONGEST: usize = 1024;

/// With invalid UTF-8 as `\xff`, as in a Unix address.
pub(crate) fn without_invalid_bytes(text: &OsStr) -> String {
    let mut out = String::new();
    for chunk in text.as_bytes().utf8_chunks() {
        out.push_str(chunk.valid());
        chunk.invalid().iter().for_each(|b| out.push_str(&format!(r"\x{b:02x}")));
    }
    out
}

/// A time in a suitable unit.
pub(crate) fn duration(time: Duration) -> String {
    match time.as_nanos() {
        0..1_000_000 => format!("{:.1} µs", time.as_secs_f64() * 1e6),
        1_000_000..1_000_000_000 => format!("{:.1} ms", time.as_secs_f64() * 1e3),
        _ => format!("{:.2} s", time.as_secs_f64()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_and_invisible_characters_are_escaped() {
        assert_eq!(escape("a\x1b[2Jb\u{9b}\u{202e}\n"), "a\\u{1b}[2Jb\\u{9b}\\u{202e}\\n");
        assert_eq!(escape("häuser – ok"), "häuser – ok");
        let invisible = "\u{61c}\u{feff}\u{ad}\u{180e}\u{e0041}";
        assert_eq!(escape(invisible), r"\u{61c}\u{feff}\u{ad}\u{180e}\u{e0041}");
    }

    #[test]
    fn a_long_string_keeps_its_beginning_and_end() {
        let long = format!("begins {} ends", "ä".repeat(100_000));
        let text = clipped(&long);
        assert!(text.len() <= LONGEST + 8 && text.starts_with("begins ä") && text.ends_with("ä ends"));
    }
}
