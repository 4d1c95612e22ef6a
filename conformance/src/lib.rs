//! Runs every case on the original first, then on biosock, and tells the two apart.

pub mod compare;
pub mod originals;
