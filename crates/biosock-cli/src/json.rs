//! The command's JSON: one object per line.

use biosock::needs_escape;
use serde_json::Value;

use crate::text::{LONGEST, clipped};

/// One object on one line. serde_json escapes C0; the rest is done here.
pub(crate) fn line(object: &Value) -> String {
    let text = object.to_string();
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if needs_escape(c) {
            // RFC 8259, section 7: two escapes outside the Basic Multilingual Plane.
            c.encode_utf16(&mut [0; 2]).iter().for_each(|unit| out.push_str(&format!("\\u{unit:04x}")));
        } else {
            out.push(c);
        }
    }
    out
}

/// Like [`line`], with strings clipped to the length that messages allow.
pub(crate) fn message_line(object: &Value) -> String {
    fn clip(value: &mut Value) {
        match value {
            Value::String(text) if text.len() > LONGEST => *text = clipped(text).into_owned(),
            Value::Array(values) => values.iter_mut().for_each(clip),
            Value::Object(fields) => fields.iter_mut().for_each(|(_, value)| clip(value)),
            _ => {}
        }
    }
    let mut object = object.clone();
    clip(&mut object);
    line(&object)
}

/// Two objects as one, the fields of `first` first.
pub(crate) fn merged(mut first: Value, second: Value) -> Value {
    if let (Value::Object(first), Value::Object(second)) = (&mut first, second) {
        first.extend(second);
    }
    first
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_message_has_no_long_string() {
        let long = "ä".repeat(100_000);
        assert!(message_line(&json!([{ "a": long }])).len() < 2 * LONGEST);
    }

    #[test]
    fn json_has_no_control_character_and_reads_back() {
        let object = json!({ "name": "\x1b\x7f\u{9b}\u{2028}ä\u{61c}\u{feff}\u{ad}\u{180e}\u{e0041}" });
        let line = line(&object);
        assert!(!line.contains(needs_escape), "{line}");
        assert_eq!(serde_json::from_str::<Value>(&line).unwrap(), object);
    }
}
