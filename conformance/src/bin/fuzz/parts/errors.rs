//! `ERR_error_string_n` and the texts of packed errors. An input is a code of eight bytes and
//! the room for its text, two.

use super::{Part, split};
use crate::api::Api;
use crate::log::Log;
use crate::rng::Rng;
use biosock_conformance::originals::Original;
use libc::{c_char, c_ulong};

pub(crate) const PART: Part = Part {
    name: "errors",
    unlike,
    full: 2_000_000,
    quick: 100_000,
    seeds,
    generate,
    observe,
    show,
    break_one,
};

fn unlike(original: Original) -> Option<&'static str> {
    (original == Original::V111).then_some("it packs its codes otherwise")
}

const SYSTEM_FLAG: u64 = 0x8000_0000;
const BIO: u64 = 32 << 23;

fn seeds() -> Vec<Vec<u8>> {
    let codes =
        [0, 1, BIO, BIO | 103, BIO | 0x8_0002, SYSTEM_FLAG, SYSTEM_FLAG | 111, u64::MAX, 255 << 23 | 7];
    codes.iter().map(|code| encode(*code, 256)).collect()
}

fn encode(code: u64, room: u16) -> Vec<u8> {
    [&code.to_le_bytes()[..], &room.to_le_bytes()[..]].concat()
}

fn decode(input: &[u8]) -> (c_ulong, usize) {
    let (code, rest) = split::<8>(input);
    let (room, _) = split::<2>(rest);
    (u64::from_le_bytes(code), usize::from(u16::from_le_bytes(room)) % (LARGEST + 1))
}

fn generate(rng: &mut Rng, seeds: &[Vec<u8>], to: &mut Vec<u8>) {
    let code = match rng.below(8) {
        0 => SYSTEM_FLAG | (rng.next() % 160),
        1 => SYSTEM_FLAG | (rng.next() & 0x7fff_ffff),
        2 => rng.next(),
        3 => decode(rng.pick::<Vec<u8>>(seeds)).0 ^ (1 << rng.below(40)),
        4 => ((rng.next() % 256) << 23) | (rng.next() % 300),
        5 => ((rng.next() % 256) << 23) | ((rng.next() % 16) << 18) | (rng.next() % 300),
        _ => BIO | (rng.next() % 170) | if rng.once_in(4) { 0x8_0000 } else { 0 },
    };
    let room = if rng.once_in(2) { rng.next() % 80 } else { rng.next() % (LARGEST as u64 + 1) };
    to.extend(encode(code, u16::try_from(room).unwrap_or(0)));
}

/// The room at most; some of it is left over, so that writing beyond shows.
const LARGEST: usize = 300;

fn observe(api: &Api, input: &[u8], log: &mut Log) {
    let (code, room) = decode(input);
    let mut buffer = [0xaa_u8; LARGEST + 20];
    log.call(api, "called", || {
        api.ERR_error_string_n(code, buffer.as_mut_ptr().cast::<c_char>(), room);
        0
    });
    let end = buffer.iter().rposition(|byte| *byte != 0xaa).map_or(0, |last| last + 1);
    log.note_bytes(WRITTEN, &buffer[..end]);
    log.note_text("library", api.ERR_lib_error_string(code));
    log.note_text("function", api.ERR_func_error_string(code));
    log.note_text(REASON, api.ERR_reason_error_string(code));
}

const WRITTEN: &str = "written";
const REASON: &str = "reason";

/// What was seen but for the text.
pub(crate) fn all_but_written(log: &Log) -> impl Iterator<Item = &[u8]> {
    lines(log).filter(|line| !line.starts_with(WRITTEN.as_bytes()))
}

/// What was seen but for the text and the reason in it.
pub(crate) fn all_but_reason(log: &Log) -> impl Iterator<Item = &[u8]> {
    all_but_written(log).filter(|line| !line.starts_with(REASON.as_bytes()))
}

/// Whether the text is made of the parts that were seen, as far as there is room.
pub(crate) fn is_written_in_full(input: &[u8], log: &Log) -> bool {
    let (code, room) = decode(input);
    let system = code & SYSTEM_FLAG != 0;
    let (lib, reason) = if system { (2, code & 0x7fff_ffff) } else { (code >> 23 & 0xff, code & 0x7f_ffff) };
    let or_number = |what: &str, name: &str, number: u64| {
        part(log, what).unwrap_or_else(|| format!("{name}({number})").into_bytes())
    };
    let library = or_number("library", "lib", lib);
    let text = or_number(REASON, "reason", reason & !FLAGS);
    let function = part(log, "function").unwrap_or_default();
    let whole = [format!("error:{code:08X}").into_bytes(), library, function, text].join(&b':');
    let mut written = cut(&whole, room);
    if whole.len() + 1 >= room {
        // Numbers take the place of a text that fills the room, over its beginning.
        let short = cut(format!("err:{code:x}:{lib:x}:0:{reason:x}").as_bytes(), room);
        written[..short.len()].copy_from_slice(&short);
    }
    lines(log).any(|line| line == [WRITTEN.as_bytes(), b": ", &written].concat())
}

/// A text and its NUL, as far as there is room.
fn cut(text: &[u8], room: usize) -> Vec<u8> {
    let mut cut = text[..text.len().min(room.saturating_sub(1))].to_vec();
    cut.extend((room > 0).then_some(0));
    cut
}

fn lines(log: &Log) -> impl DoubleEndedIterator<Item = &[u8]> {
    log.bytes().split(|byte| *byte == b'\n')
}

/// A text that was asked for by itself; `None` for NULL.
fn part(log: &Log, what: &str) -> Option<Vec<u8>> {
    let of = |line: &[u8]| line.strip_prefix(what.as_bytes())?.strip_prefix(b": ").map(<[u8]>::to_vec);
    lines(log).rev().find_map(of).filter(|text| text != b"NULL")
}

/// Where a reason has its flags.
const FLAGS: u64 = 0x1f << 18;

/// Whether the code has flags where reasons have theirs.
pub(crate) fn has_flags(input: &[u8]) -> bool {
    decode(input).0 & FLAGS != 0
}

/// Whether the side had a text for the reason.
pub(crate) fn has_reason(log: &Log) -> bool {
    part(log, REASON).is_some()
}

fn show(input: &[u8]) -> String {
    let (code, room) = decode(input);
    format!("ERR_error_string_n({code:#x}, buffer, {room})")
}

/// Writes one byte too many now and then.
fn break_one(api: &mut Api) {
    unsafe extern "C" fn broken(_code: c_ulong, buffer: *mut c_char, room: usize) {
        if room % 16 == 5 {
            // SAFETY: the caller keeps more room than it passes.
            let beyond = unsafe { buffer.add(room) };
            // SAFETY: likewise.
            unsafe { beyond.write(0) };
        }
    }
    api.ERR_error_string_n = Some(broken);
}
