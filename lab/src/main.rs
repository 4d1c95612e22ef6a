//! The laboratory's command; only `adapters/lab` dials with hickory.

#![forbid(unsafe_code)]

fn main() -> std::process::ExitCode {
    biosock_lab::command::main(None)
}
