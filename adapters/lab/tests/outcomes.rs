//! The laboratory's own tests of how dials end, by hickory.

#[path = "../../../lab/tests/outcomes.rs"]
mod outcomes;
