//! What `<biosock.h>` declares beyond the page, under names of our
//! own: dialling, listener sets, and ending both from outside.

mod cancel;
mod convert;
mod dial;
mod growing;
mod listen;
mod listeners;
mod memory;
mod pin;
mod raise;
mod report;

pub use cancel::*;
pub use dial::*;
pub use listen::*;
pub use listeners::*;
pub use memory::*;
pub use report::*;
