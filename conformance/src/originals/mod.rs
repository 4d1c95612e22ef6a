//! The OpenSSL versions that biosock is compared with: where they are, and how they are built.
//!
//! Each is built once from the `openssl-src` crate into a directory of its own, static and
//! shared, and then kept. Their sources are only compiled, never learned from.

mod build;
mod place;
mod swap;

use std::path::{Path, PathBuf};
use std::time::Duration;

pub use place::root;

/// Failures here are for humans to read, so a boxed error will do.
pub type Fallible<T> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// One OpenSSL to compare with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Original {
    /// 1.1.1w, the version of the page.
    V111,
    /// The newest 3.x.
    V3,
    /// The newest 4.x.
    V4,
    /// The `libcrypto.so.3` that the system brings; never built.
    System,
}

impl Original {
    /// Every original, oldest first, the system's last.
    pub const ALL: [Self; 4] = [Self::V111, Self::V3, Self::V4, Self::System];

    /// The short name used on command lines: `1.1.1`, `3`, `4` or `system`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::V111 => "1.1.1",
            Self::V3 => "3",
            Self::V4 => "4",
            Self::System => "system",
        }
    }

    /// The original with this short name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.name() == name)
    }

    /// Its sources and full version, where a feature of this crate brings them.
    #[must_use]
    pub fn source(self) -> Option<Source> {
        match self {
            #[cfg(feature = "original-111")]
            Self::V111 => Some(Source::of(openssl_src_111::source_dir(), openssl_src_111::version())),
            #[cfg(feature = "original-3")]
            Self::V3 => Some(Source::of(openssl_src_3::source_dir(), openssl_src_3::version())),
            #[cfg(feature = "original-4")]
            Self::V4 => Some(Source::of(openssl_src_4::source_dir(), openssl_src_4::version())),
            _ => None,
        }
    }

    /// The built original: the one of an earlier run, or built now.
    ///
    /// # Errors
    /// Names what is missing (a feature, a compiler, perl) or which step failed and where
    /// its log is.
    pub fn ensure(self) -> Fallible<Built> {
        match self {
            Self::System => place::system(),
            _ => build::ensure(self),
        }
    }

    /// The built original if an earlier run left one; nothing is built.
    #[must_use]
    pub fn present(self) -> Option<Built> {
        match self {
            Self::System => place::system().ok(),
            _ => place::present(self),
        }
    }
}

/// Where the sources of one OpenSSL are.
#[derive(Clone, Debug)]
pub struct Source {
    /// The unpacked sources, not to be written to.
    pub dir: PathBuf,
    /// The version, as `1.1.1w`.
    pub version: String,
}

impl Source {
    #[cfg_attr(
        not(any(feature = "original-111", feature = "original-3", feature = "original-4")),
        expect(dead_code, reason = "no feature brings a source")
    )]
    fn of(dir: PathBuf, crate_version: &str) -> Self {
        let version = crate_version.split_once('+').map_or(crate_version, |v| v.1);
        Self { dir, version: version.to_owned() }
    }
}

/// A built OpenSSL, ready for use.
#[derive(Clone, Debug)]
pub struct Built {
    /// Its version, as `3.6.3`.
    pub version: String,
    /// The shared libcrypto, for loading by path.
    pub libcrypto: PathBuf,
    /// The directory that holds `include/`, `lib/`, `bin/` and `build/`; `None` for the system's.
    pub dir: Option<PathBuf>,
    /// How long building took; `None` if nothing was built.
    pub took: Option<Duration>,
}

impl Built {
    /// A libcrypto built elsewhere.
    #[must_use]
    pub fn at(libcrypto: impl Into<PathBuf>) -> Self {
        Self { version: "other".to_owned(), libcrypto: libcrypto.into(), dir: None, took: None }
    }

    /// A file of the built tree, such as `lib/libcrypto.a`.
    #[must_use]
    pub fn file(&self, name: impl AsRef<Path>) -> Option<PathBuf> {
        Some(self.dir.as_ref()?.join(name))
    }
}
