//! `SocketAddr` from text: what parses is written and read back the same.
#![no_main]

use biosock::SocketAddr;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| match text.parse::<SocketAddr>() {
    Ok(addr) => {
        let written = addr.to_string();
        assert_eq!(written.parse::<SocketAddr>().ok(), Some(addr), "{written}");
        assert!(!written.contains(char::is_control), "{written:?} goes to a terminal");
    }
    Err(error) => {
        let (_, at) = error.input().unwrap_or_default();
        assert!(at <= text.len() && !error.to_string().is_empty());
    }
});
