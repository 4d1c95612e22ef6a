//! What `<biosock.h>` declares beyond BIO_connect(3), under
//! biosock-specific names: dialling, listener sets, and ending both from outside.

mod cancel;
mod convert;
mod dial;
mod handle;
mod history;
mod listen;
mod listeners;
mod pin;
mod report;
mod sized_struct;

pub use cancel::*;
pub use dial::*;
pub use history::*;
pub use listen::*;
pub use listeners::*;
pub use report::*;
