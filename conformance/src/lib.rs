//! Runs every case on the original first, then on biosock.
