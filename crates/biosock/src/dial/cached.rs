//! A file's parsed content, read again when the file has changed.

use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use crate::sys;

/// What a file's content is parsed into.
pub(super) trait FromText {
    fn from_text(text: Vec<u8>) -> Self;
}

/// The most bytes of a file that are read. A larger file counts as unreadable, as does
/// one that is not a regular file.
const MOST: u64 = 64 << 20;
/// The most bytes that are read on a thread that must not block for long.
const QUICK: u64 = 64 << 10;
/// A file that was changed less than this before it was read may have changed again
/// without a new change time: file timestamps have a granularity.
const TICK: Duration = Duration::from_millis(50);

/// A file as last read.
#[derive(Debug)]
pub(super) struct Cached<T> {
    path: &'static str,
    /// Held only briefly.
    last: Mutex<Option<(Stamp, Arc<T>)>>,
    /// Held while a large file is read, so that one thread reads it for all.
    reading: Mutex<()>,
}

/// What distinguishes one state of a file from another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stamp {
    device: u64,
    inode: u64,
    size: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl Stamp {
    fn of(file: &Metadata) -> Self {
        Self {
            device: file.dev(),
            inode: file.ino(),
            size: file.size(),
            modified: (file.mtime(), file.mtime_nsec()),
            changed: (file.ctime(), file.ctime_nsec()),
        }
    }

    /// Whether a change from now on would get a different change time: also where the
    /// clock was set back, and that time is still to come.
    fn is_settled(&self) -> bool {
        let (Ok(seconds), Ok(nanos)) = (self.changed.0.try_into(), self.changed.1.try_into()) else {
            return false;
        };
        let changed = SystemTime::UNIX_EPOCH + Duration::new(seconds, nanos);
        changed.elapsed().unwrap_or_else(|ahead| ahead.duration()) > TICK
    }
}

impl<T: FromText> Cached<T> {
    pub(super) const fn new(path: &'static str) -> Self {
        Self { path, last: Mutex::new(None), reading: Mutex::new(()) }
    }

    /// The file's current content; `None` if it cannot be read.
    pub(super) fn get(&self) -> Option<Arc<T>> {
        self.whole(self.now()?).ok()
    }

    /// As `get`, but `None` also if reading would take long: a large file that has
    /// changed is left to [`get`](Self::get).
    pub(super) fn get_quickly(&self) -> Option<Arc<T>> {
        self.quick(self.now()?).ok()
    }

    /// As [`get_quickly`](Self::get_quickly) or [`get`](Self::get), but distinguishes
    /// the reasons: `None` is a file that takes long to read, which only a quick look
    /// does not read. A file that cannot be read is empty.
    ///
    /// # Errors
    /// A shortage of descriptors or memory prevented reading it.
    #[cfg(any(test, feature = "tokio"))]
    pub(super) fn look(&self, quickly: bool) -> io::Result<Option<Arc<T>>> {
        let Some(now) = self.now() else { return Ok(Some(Self::empty())) };
        match if quickly { self.quick(now) } else { self.whole(now) } {
            Ok(made) => Ok(Some(made)),
            Err(error) if error.kind() == io::ErrorKind::FileTooLarge && quickly => Ok(None),
            Err(error) if error.raw_os_error().is_some_and(sys::is_shortage) => Err(error),
            Err(_) => Ok(Some(Self::empty())),
        }
    }

    fn whole(&self, now: Stamp) -> io::Result<Arc<T>> {
        if let Some(known) = self.known(now) {
            return Ok(known);
        }
        let _reading = self.reading.lock().unwrap_or_else(PoisonError::into_inner);
        self.known(now).map_or_else(|| self.read(MOST), Ok)
    }

    fn quick(&self, now: Stamp) -> io::Result<Arc<T>> {
        self.known(now).map_or_else(|| self.read(QUICK), Ok)
    }

    #[cfg(any(test, feature = "tokio"))]
    fn empty() -> Arc<T> {
        Arc::new(T::from_text(Vec::new()))
    }

    /// The state of the file now.
    fn now(&self) -> Option<Stamp> {
        fs::metadata(self.path).ok().filter(Metadata::is_file).map(|file| Stamp::of(&file))
    }

    fn known(&self, now: Stamp) -> Option<Arc<T>> {
        let last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        last.as_ref().filter(|(stamp, _)| *stamp == now).map(|(_, made)| Arc::clone(made))
    }

    /// Reads at most `most` bytes: FileTooLarge if there are more.
    fn read(&self, most: u64) -> io::Result<Arc<T>> {
        let (file, metadata) = sys::open_regular(self.path)?;
        let stamp = Stamp::of(&metadata);
        if stamp.size > most {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        // Checked before reading, which may take longer than a tick.
        let settled = stamp.is_settled();
        let made = Arc::new(T::from_text(sys::read_at_most(file, most)?));
        let unchanged = settled && self.now() == Some(stamp);
        let before = {
            let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
            let read = unchanged.then(|| (stamp, Arc::clone(&made)));
            std::mem::replace(&mut *last, read)
        };
        drop(before);
        Ok(made)
    }
}

/// The lines of a file, without comments that start with `#`.
pub(super) fn lines(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    text.split(|byte| *byte == b'\n').map(without_comment)
}

pub(super) fn without_comment(line: &[u8]) -> &[u8] {
    line.split(|byte| *byte == b'#').next().unwrap_or_default()
}

/// The words of a line, separated as by isspace(3).
pub(super) fn words(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    line.split(|byte| byte.is_ascii_whitespace() || *byte == 0x0b).filter(|word| !word.is_empty())
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::io::Write;
    use std::sync::Barrier;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use rustix::fs::{CWD, FileType, Mode};

    use super::*;

    #[derive(Debug, PartialEq, Eq)]
    struct Text(Vec<u8>);

    impl FromText for Text {
        fn from_text(text: Vec<u8>) -> Self {
            Self(text)
        }
    }

    /// Writes a file and waits until a later change would be noticed.
    fn written(path: &str, text: &str) {
        fs::write(path, text).unwrap();
        let settled = || Stamp::of(&fs::metadata(path).unwrap()).is_settled();
        while !settled() {
            std::thread::sleep(TICK / 4);
        }
    }

    fn file() -> (tempfile::TempDir, &'static str) {
        let directory = tempfile::tempdir().unwrap();
        let path: &'static str = Box::leak(directory.path().join("file").display().to_string().into());
        (directory, path)
    }

    #[test]
    fn a_file_is_read_again_when_it_has_changed() {
        let (directory, path) = file();
        let cached = Cached::<Text>::new(path);
        assert!(cached.get().is_none());
        assert_eq!(cached.look(true).unwrap().unwrap().0, b"");
        written(path, "one");
        let one = cached.get().unwrap();
        assert_eq!(one.0, b"one");
        assert!(Arc::ptr_eq(&one, &cached.get_quickly().unwrap()), "it was not read again");

        // In place, with the same size, and right after another: whatever its timestamp.
        for text in ["two", "six", "ten"] {
            fs::write(path, text).unwrap();
            assert_eq!(cached.get_quickly().unwrap().0, text.as_bytes());
            assert_eq!(cached.get().unwrap().0, text.as_bytes());
        }
        let other = directory.path().join("other");
        written(other.to_str().unwrap(), "new");
        fs::rename(other, path).unwrap();
        assert_eq!(cached.get_quickly().unwrap().0, b"new");
        fs::remove_file(path).unwrap();
        assert!(cached.get_quickly().is_none());
    }

    #[test]
    fn what_is_no_regular_file_is_neither_waited_for_nor_read() {
        let (directory, fifo) = file();
        rustix::fs::mknodat(CWD, fifo, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
        let directory: &'static str = Box::leak(directory.path().display().to_string().into());
        for path in [fifo, "/dev/zero", directory] {
            let (sender, receiver) = std::sync::mpsc::channel();
            std::thread::spawn(move || {
                let cached = Cached::<Text>::new(path);
                let empty = cached.look(true).unwrap().is_some_and(|text| text.0.is_empty());
                sender.send((cached.get(), cached.get_quickly(), empty))
            });
            let read = receiver.recv_timeout(Duration::from_secs(60));
            assert_eq!(read, Ok((None, None, true)), "{path}");
        }
    }

    /// Content that takes long to parse: until its file counts as settled.
    struct Slow(SystemTime);

    impl FromText for Slow {
        fn from_text(_: Vec<u8>) -> Self {
            let read = SystemTime::now();
            std::thread::sleep(2 * TICK);
            Self(read)
        }
    }

    #[test]
    fn a_file_that_was_new_when_it_was_read_is_read_again() {
        let (_directory, path) = file();
        let cached = Cached::<Slow>::new(path);
        // On a busy machine it may be long until the file is read.
        loop {
            let before = SystemTime::now();
            fs::write(path, "new").unwrap();
            let first = cached.get().unwrap();
            if first.0.duration_since(before).is_ok_and(|since| since < TICK / 2) {
                assert!(!Arc::ptr_eq(&first, &cached.get().unwrap()));
                return;
            }
        }
    }

    /// Content whose file grows while it is read; the content is the file's path.
    struct Growing;

    impl FromText for Growing {
        fn from_text(text: Vec<u8>) -> Self {
            let path = std::str::from_utf8(&text).unwrap().trim();
            File::options().append(true).open(path).unwrap().write_all(b"\n").unwrap();
            Self
        }
    }

    #[test]
    fn a_file_that_changes_while_it_is_read_is_read_again() {
        let (_directory, path) = file();
        let cached = Cached::<Growing>::new(path);
        written(path, path);
        assert!(cached.get().is_some());
        assert!(cached.last.lock().unwrap().is_none());
    }

    /// Counts how often its file was read.
    struct Counted;

    static READ: AtomicUsize = AtomicUsize::new(0);

    impl FromText for Counted {
        fn from_text(_: Vec<u8>) -> Self {
            READ.fetch_add(1, Ordering::Relaxed);
            std::thread::sleep(TICK);
            Self
        }
    }

    #[test]
    fn one_thread_reads_for_all_that_wait() {
        let (_directory, path) = file();
        written(path, &"x".repeat(QUICK as usize + 1));
        let (cached, start) = (Cached::<Counted>::new(path), Barrier::new(8));
        std::thread::scope(|scope| {
            for number in 0..8 {
                let (cached, start) = (&cached, &start);
                scope.spawn(move || {
                    start.wait();
                    assert!(
                        if number % 2 == 0 { cached.get() } else { cached.look(false).unwrap() }.is_some()
                    );
                });
            }
        });
        assert_eq!(READ.load(Ordering::Relaxed), 1);
    }

    #[test]
    fn a_file_of_a_time_to_come_is_settled() {
        let seconds =
            |time: SystemTime| time.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs() as i64;
        let (_directory, path) = file();
        fs::write(path, "x").unwrap();
        let now = seconds(SystemTime::now());
        let at = |changed| Stamp { changed: (changed, 0), ..Stamp::of(&fs::metadata(path).unwrap()) };
        assert!(at(now - 3600).is_settled() && at(now + 3600).is_settled());
    }

    #[test]
    fn a_large_file_is_not_read_in_a_hurry() {
        let (_directory, path) = file();
        let cached = Cached::<Text>::new(path);
        written(path, &"x".repeat(QUICK as usize));
        assert!(cached.get_quickly().is_some() && cached.look(true).unwrap().is_some());
        written(path, &"x".repeat(QUICK as usize + 1));
        assert!(cached.get_quickly().is_none() && cached.look(true).unwrap().is_none());
        assert!(cached.look(false).unwrap().is_some() && cached.get().is_some());
        assert!(cached.get_quickly().is_some() && cached.look(true).unwrap().is_some());
        File::options().write(true).open(path).unwrap().set_len(MOST + 1).unwrap();
        assert!(cached.get().is_none(), "a file without bounds takes no memory");
    }
}
