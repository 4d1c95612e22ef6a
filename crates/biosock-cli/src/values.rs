//! Reading the value of one option.

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;
use std::time::Duration;

use biosock::dial::Pace;
use clap::builder::{OsStringValueParser, TypedValueParser};

use crate::text::without_invalid_bytes;

/// A clap parser for one value. Invalid UTF-8 is accepted, since a path may
/// contain it; an error is a string.
pub(crate) fn value<T: Clone + Send + Sync + 'static>(
    parser: fn(&OsStr) -> Result<T, String>,
) -> impl TypedValueParser<Value = T> {
    OsStringValueParser::new().try_map(move |value: OsString| parser(&value))
}

pub(crate) fn positive_seconds(text: &OsStr) -> Result<Duration, String> {
    match seconds(text)? {
        Duration::ZERO => Err(String::from("must be more than 0")),
        duration => Ok(duration),
    }
}

pub(crate) fn seconds(text: &OsStr) -> Result<Duration, String> {
    let seconds: f64 = text
        .to_str()
        .and_then(|text| text.parse().ok())
        .filter(|seconds: &f64| !seconds.is_nan())
        .ok_or("not a number of seconds, such as 2 or 0.5")?;
    if seconds < 0.0 {
        return Err(String::from("must not be negative"));
    }
    Duration::try_from_secs_f64(seconds).map_err(|_| String::from("too large"))
}

/// The delay between two attempts of a race, within the RFC's bounds.
pub(crate) fn attempt_delay(text: &OsStr) -> Result<Duration, String> {
    let delay = seconds(text)?;
    let (least, most) = Pace::ATTEMPT_DELAYS;
    if (least..=most).contains(&delay) {
        return Ok(delay);
    }
    Err(format!(
        "must be from {} to {} seconds (RFC 8305, section 8)",
        least.as_secs_f64(),
        most.as_secs_f64()
    ))
}

pub(crate) fn positive(text: &OsStr) -> Result<u32, String> {
    match whole_number(text)? {
        0 => Err(String::from("must be at least 1")),
        number => Ok(number),
    }
}

pub(crate) fn whole_number(text: &OsStr) -> Result<u32, String> {
    let digits = text.to_str().filter(|text| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()));
    let digits = digits.ok_or("not a whole number")?;
    digits.parse().map_err(|_| format!("must be at most {}", u32::MAX))
}

pub(crate) fn interface(text: &OsStr) -> Result<String, String> {
    match without_invalid_bytes(text) {
        name if name.is_empty() => Err(String::from("must not be empty")),
        name => Ok(name),
    }
}

pub(crate) fn command(text: &OsStr) -> Result<OsString, String> {
    match text.to_str().map(str::trim) {
        Some("") => Err(String::from("must not be empty")),
        _ => Ok(text.to_owned()),
    }
}

pub(crate) fn file(text: &OsStr) -> Result<PathBuf, String> {
    match text.to_str() {
        Some("") => Err(String::from("must not be empty")),
        Some("-") => Err(String::from(
            "standard output carries the peer's data\n  hint: name a file; for one named -, use ./-",
        )),
        _ => Ok(text.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_seconds() {
        assert_eq!(seconds(OsStr::new("0.25")), Ok(Duration::from_millis(250)));
        assert_eq!(seconds(OsStr::new("0")), Ok(Duration::ZERO));
        for bad in ["", "x", "-1", "nan", "inf", "1e30", "1s"] {
            assert!(seconds(OsStr::new(bad)).is_err(), "{bad}");
        }
    }
}
