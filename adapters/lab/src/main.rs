//! The laboratory's command, whose dialers also look names up with hickory.

use std::process::ExitCode;
use std::sync::Arc;

use biosock_hickory::HickoryResolver;

fn main() -> ExitCode {
    biosock_lab::command::main(Some(|| Ok(Arc::new(HickoryResolver::from_system()?))))
}
