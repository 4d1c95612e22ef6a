//! Runs every case on the original first, then on biosock.

pub mod originals;
