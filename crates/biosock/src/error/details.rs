//! What an error holds in addition to code, errno and operation. It is kept if there is
//! memory for it and dropped if memory is refused: the failure may be a lack of memory,
//! and no failure may abort the process.

use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;

use super::text::{self, Escaped};
use crate::raw::{Domain, SocketAddr};

/// The subject of the failed operation.
#[derive(Debug, Default)]
pub(super) enum Subject {
    #[default]
    Nothing,
    Addr(SocketAddr),
    Family(Domain),
    /// Something with a name: a host, an option, a device.
    Thing(String),
    /// Something with a name, and what is wrong with it.
    Explained {
        thing: String,
        why: String,
    },
    /// A string that could not be parsed.
    Text(BadText),
}

#[derive(Debug)]
pub(super) struct BadText {
    pub(super) input: String,
    /// The byte offset of the mistake.
    pub(super) at: usize,
    pub(super) problem: &'static str,
}

/// A cause from outside this crate; shared, since one error may answer several lookups.
pub(super) type Source = Arc<dyn StdError + Send + Sync>;

#[derive(Debug, Default)]
struct Known {
    subject: Subject,
    source: Option<Source>,
}

/// One word: nothing, or a box. It holds an array of one, since a `Box` of that can be
/// made from a `Vec`, whose allocation can fail without aborting the process.
#[derive(Default)]
pub(super) struct Details(Option<Box<[Known; 1]>>);

impl Details {
    pub(super) fn subject(&self) -> &Subject {
        self.known().map_or(&Subject::Nothing, |known| &known.subject)
    }

    pub(super) fn source(&self) -> Option<&Source> {
        self.known()?.source.as_ref()
    }

    pub(super) fn set_subject(&mut self, subject: Subject) {
        if let Some(known) = self.known_mut() {
            known.subject = subject;
        }
    }

    pub(super) fn set_source(&mut self, source: Source) {
        if let Some(known) = self.known_mut() {
            known.source = Some(source);
        }
    }

    fn known(&self) -> Option<&Known> {
        self.0.as_deref().map(|[known]| known)
    }

    /// `None` if there was nothing yet and memory is refused.
    fn known_mut(&mut self) -> Option<&mut Known> {
        if self.0.is_none() {
            self.0 = boxed(Known::default());
        }
        self.0.as_deref_mut().map(|[known]| known)
    }
}

fn boxed<T>(value: T) -> Option<Box<[T; 1]>> {
    let mut one = Vec::new();
    one.try_reserve_exact(1).ok()?;
    one.push(value);
    one.try_into().ok()
}

impl Clone for Details {
    fn clone(&self) -> Self {
        let copy =
            |known: &Known| Some(Known { subject: known.subject.copy()?, source: known.source.clone() });
        Self(self.known().and_then(copy).and_then(boxed))
    }
}

impl fmt::Debug for Details {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.known().fmt(f)
    }
}

impl Subject {
    /// `None` if memory is refused.
    fn copy(&self) -> Option<Self> {
        Some(match self {
            Self::Nothing => Self::Nothing,
            Self::Addr(addr) => Self::Addr(*addr),
            Self::Family(family) => Self::Family(*family),
            Self::Thing(thing) => Self::Thing(text::copy(thing)?),
            Self::Explained { thing, why } => {
                Self::Explained { thing: text::copy(thing)?, why: text::copy(why)? }
            }
            Self::Text(BadText { input, at, problem }) => {
                Self::Text(BadText { input: text::copy(input)?, at: *at, problem })
            }
        })
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nothing => Ok(()),
            Self::Addr(addr) => addr.fmt(f),
            Self::Family(family) => write!(f, "address family {family}"),
            Self::Thing(thing) | Self::Explained { thing, .. } => Escaped(thing).fmt(f),
            Self::Text(text) => text.fmt(f),
        }
    }
}

impl fmt::Display for BadText {
    /// As much of the string as fits into a message.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = text::from_near(&self.input, self.at);
        let cut = if shown.len() < self.input.len() { "…" } else { "" };
        write!(f, "\"{cut}{}\"", Escaped(shown))
    }
}
