//! The laboratory's tests of the outcomes of dials, with hickory.

#[path = "../../../lab/tests/outcomes.rs"]
mod outcomes;
