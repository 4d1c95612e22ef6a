//! Names that are the same from run to run, for ports, paths and abstract addresses.

use super::place::Place;
use std::cell::RefCell;

thread_local! {
    static LABELS: RefCell<Vec<(u16, &'static str)>> = const { RefCell::new(Vec::new()) };
    static NAMES: RefCell<u32> = const { RefCell::new(0) };
}

/// Has the port of `place` called by a name in what is printed.
pub(crate) fn label(place: &Place, name: &'static str) {
    LABELS.with_borrow_mut(|labels| labels.push((place.port(), name)));
}

pub(super) fn forget_labels() {
    LABELS.with_borrow_mut(Vec::clear);
    NAMES.set(0);
}

/// The port's label; a port that the system chose is "some".
pub(crate) fn port_words(port: u16) -> String {
    let known = LABELS.with_borrow(|labels| labels.iter().find(|(p, _)| *p == port).copied());
    match known {
        Some((_, name)) => name.to_owned(),
        None if port >= 32768 => "some".to_owned(),
        None => port.to_string(),
    }
}

/// A name for a Unix socket; the same one in each run of the same case.
pub(crate) fn fresh_name() -> String {
    let number = NAMES.take() + 1;
    NAMES.set(number);
    format!("sock{number}")
}

/// An abstract name that no other run of the cases takes at the same time.
pub(crate) fn abstract_name() -> String {
    format!("\0biosock-probe{}", own_number())
}

pub(super) fn own_number() -> String {
    format!("-{}", std::process::id())
}
