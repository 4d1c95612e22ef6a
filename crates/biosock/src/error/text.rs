//! Strings from outside, as messages show them.

use std::fmt::{self, Write as _};

use crate::raw::needs_escape;

/// The concatenated parts, for display: invalid UTF-8 is replaced. The error may be a
/// lack of memory, so without memory the string is empty.
pub(crate) fn lossy(parts: &[&[u8]]) -> String {
    let mut text = String::new();
    for chunk in parts.iter().flat_map(|part| part.utf8_chunks()) {
        let mark = if chunk.invalid().is_empty() { "" } else { "\u{fffd}" };
        if text.try_reserve(chunk.valid().len() + mark.len()).is_err() {
            return String::new();
        }
        text.push_str(chunk.valid());
        text.push_str(mark);
    }
    text
}

/// A value's Display as a string; `None` if memory is refused.
pub(super) fn of(value: &dyn fmt::Display) -> Option<String> {
    let mut text = TryString(String::new());
    write!(text, "{value}").ok()?;
    Some(text.0)
}

/// A copy of the string; `None` if memory is refused.
pub(super) fn copy(text: &str) -> Option<String> {
    of(&text)
}

/// A string that fails to grow, instead of aborting, if memory is refused.
struct TryString(String);

impl fmt::Write for TryString {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.try_reserve(text.len()).map_err(|_| fmt::Error)?;
        self.0.push_str(text);
        Ok(())
    }
}

/// The most bytes of a string from outside that a message shows.
const SHOWN: usize = 256;

/// A string as a message shows it: escaped, so that no name from the network can
/// control a terminal, and cut after [`SHOWN`] bytes, so that none fills a log.
pub(crate) struct Escaped<'a>(pub(crate) &'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut left = SHOWN;
        for c in self.0.chars() {
            let Some(rest) = left.checked_sub(shown_len(c)) else { return f.write_str("…") };
            left = rest;
            if needs_escape(c) { write!(f, "{}", c.escape_default())? } else { write!(f, "{c}")? }
        }
        Ok(())
    }
}

/// The bytes that a character takes up in a message.
fn shown_len(c: char) -> usize {
    if needs_escape(c) { c.escape_default().len() } else { c.len_utf8() }
}

/// A message with its first letter in lower case, for use after a colon; an acronym is kept.
pub(super) struct LowerFirst<'a>(pub(super) &'a str);

impl fmt::Display for LowerFirst<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut chars = self.0.chars();
        match chars.next() {
            Some(first) if !chars.as_str().starts_with(char::is_uppercase) => {
                write!(f, "{}{}", first.to_lowercase(), chars.as_str())
            }
            _ => f.write_str(self.0),
        }
    }
}

/// The whole string if a message can show it; otherwise its end, starting close enough
/// before `at` that a message shows that byte too.
pub(super) fn from_near(text: &str, at: usize) -> &str {
    if text.chars().map(shown_len).sum::<usize>() <= SHOWN {
        return text;
    }
    let mut start = boundary(text, at);
    let mut left = SHOWN / 2;
    for c in text[..start].chars().rev() {
        if shown_len(c) > left {
            break;
        }
        left -= shown_len(c);
        start -= c.len_utf8();
    }
    &text[start..]
}

/// The last character boundary up to `at`.
pub(super) fn boundary(text: &str, at: usize) -> usize {
    (0..=at.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_utf_8_is_replaced() {
        assert_eq!(lossy(&[b"\xffa", b"", b"b\xfe\xfd"]), "\u{fffd}ab\u{fffd}\u{fffd}");
    }

    #[test]
    fn abbreviations_stay_as_they_are() {
        let texts = ["Connection refused", "RFS specific error", ".lib section in a.out corrupted", ""];
        let lowered = texts.map(|text| LowerFirst(text).to_string());
        assert_eq!(lowered, ["connection refused", texts[1], texts[2], texts[3]]);
    }
}
