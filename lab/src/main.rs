//! The laboratory's command, which dials by hickory in `adapters/lab` alone.

#![forbid(unsafe_code)]

fn main() -> std::process::ExitCode {
    biosock_lab::command::main(None)
}
