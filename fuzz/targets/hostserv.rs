//! `HostServ::parse` and `parse_bytes`: the parts lie in the text, both agree, an error points into it.
#![no_main]

use biosock::{HostServ, Part, Priority};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &[u8]| {
    for priority in [Priority::Host, Priority::Service] {
        let parsed = HostServ::parse_bytes(text, priority);
        match &parsed {
            Ok(parts) => [parts.host, parts.service].into_iter().for_each(|part| must_lie_in(text, part)),
            Err(error) => must_point_into(text, error),
        }
        if let Ok(text) = std::str::from_utf8(text) {
            let same = HostServ::parse(text, priority);
            assert_eq!(same.is_ok(), parsed.is_ok());
            if let (Ok(same), Ok(parsed)) = (same, parsed) {
                assert_eq!(same.host.name().map(str::as_bytes), parsed.host.name());
                assert_eq!(same.service.name().map(str::as_bytes), parsed.service.name());
            }
        }
    }
});

fn must_lie_in(text: &[u8], part: Part<&[u8]>) {
    if let Part::Named(name) = part {
        assert!(!name.is_empty() && name != b"*", "that means any");
        assert!(text.as_ptr_range().contains(&name.as_ptr()), "the part is a piece of the text");
    }
}

fn must_point_into(text: &[u8], error: &biosock::Error) {
    let (shown, at) = error.input().expect("an error of a text shows it");
    assert!(at <= text.len() && !error.to_string().is_empty());
    assert_eq!(shown, String::from_utf8_lossy(text));
}
