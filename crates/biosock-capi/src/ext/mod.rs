//! The functions of `<biosock.h>`, beyond BIO_connect(3): dialling, listener
//! sets, and cancelling both.

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
