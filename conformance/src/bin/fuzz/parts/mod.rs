//! What is fed to which function.

mod addr;
pub(crate) mod errors;
mod hostserv;
pub(crate) mod lookup;

use crate::api::Api;
use crate::log::Log;
use crate::rng::Rng;
use biosock_conformance::originals::Original;

/// A group of functions that take the same kind of input.
///
/// Inputs are bytes, so that each can be kept as a file; the part knows what they stand for.
pub(crate) struct Part {
    pub(crate) name: &'static str,
    /// Why there is nothing to compare with an original, if there is not.
    pub(crate) unlike: fn(Original) -> Option<&'static str>,
    /// How many inputs the full run and the quick one give to each original.
    pub(crate) full: u64,
    pub(crate) quick: u64,
    pub(crate) seeds: fn() -> Vec<Vec<u8>>,
    /// Makes one input, often from one of the seeds.
    pub(crate) generate: fn(&mut Rng, &[Vec<u8>], &mut Vec<u8>),
    /// Calls the functions of one side.
    pub(crate) observe: fn(&Api, &[u8], &mut Log),
    /// The input as a person would write the call.
    pub(crate) show: fn(&[u8]) -> String,
    /// Replaces one function by one that is wrong now and then.
    pub(crate) break_one: fn(&mut Api),
}

/// Every part, the quickest first.
pub(crate) const PARTS: &[Part] = &[hostserv::PART, addr::PART, errors::PART, lookup::PART];

/// Of the parts that every original has.
fn like_all(_original: Original) -> Option<&'static str> {
    None
}

/// The first bytes of an input, which choose among tables; short inputs choose the first of each.
fn split<const N: usize>(input: &[u8]) -> ([u8; N], &[u8]) {
    let mut head = [0; N];
    let len = input.len().min(N);
    head[..len].copy_from_slice(&input[..len]);
    (head, &input[len..])
}

/// One of a table's rows, chosen by a byte of the input.
fn chosen<T: Copy>(table: &[T], byte: u8) -> T {
    table[usize::from(byte) % table.len()]
}

/// A kept input, without its first bytes, to be mutated.
fn tail_of_seed(rng: &mut Rng, seeds: &[Vec<u8>], head: usize, to: &mut Vec<u8>) {
    if let Some(tail) = rng.pick::<Vec<u8>>(seeds).get(head..) {
        to.extend_from_slice(tail);
    }
}

/// A copy that ends with a NUL, and at the first one.
fn terminated(text: &[u8]) -> Vec<u8> {
    let mut copy: Vec<u8> = text.iter().copied().take_while(|byte| *byte != 0).collect();
    copy.push(0);
    copy
}
