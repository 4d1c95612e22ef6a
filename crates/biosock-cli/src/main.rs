//! The `biosock` command.

fn main() {}
