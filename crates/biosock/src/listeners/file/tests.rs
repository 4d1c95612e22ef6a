//! Locks that cannot be acquired.

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::process::Command;

use super::*;
use crate::children;
use crate::listeners::Listen;

const LONG: Duration = Duration::from_secs(3600);
/// The directory for a copy of this program that runs without privileges.
const PLACE: &str = "BIOSOCK_TEST_PLACE";

/// Runs a test of this file again, without root privileges.
fn run_without_privileges(test: &str, place: &Path) {
    let _said = run_with(&["--bounding-set=-all"], test, place);
}

/// The same, with privileges changed by setpriv(1), which requires root.
fn run_with(change: &[&str], test: &str, place: &Path) -> String {
    let program = std::env::current_exe().unwrap();
    let mut command = if sys::effective_user() == 0 {
        let mut setpriv = Command::new("setpriv");
        setpriv.args(change).arg(program);
        setpriv
    } else {
        Command::new(program)
    };
    command.args(["--exact", &format!("listeners::file::tests::{test}"), "--test-threads=1", "--nocapture"]);
    let output = children::output(command.env(PLACE, place)).unwrap();
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() && out.contains("1 passed"), "{out}{err}");
    out.into_owned()
}

fn place() -> Option<PathBuf> {
    std::env::var_os(PLACE).map(PathBuf::from)
}

fn is_root(test: &str) -> bool {
    let is_root = sys::effective_user() == 0;
    if !is_root {
        println!("skipped: {test}: only root can make another user's files");
    }
    is_root
}

#[test]
fn open_descriptors_are_not_inherited_and_follow_no_link() {
    use rustix::fs::{fcntl_getfl, fstat};
    use rustix::io::{FdFlags, fcntl_getfd};
    let dir = tempfile::tempdir().unwrap();
    let place = Place::of(&dir.path().join("socket")).unwrap();
    let lock = place.lock(LONG).unwrap();
    let flags = [fcntl_getfl(&*place.directory).unwrap(), fcntl_getfl(&lock._file).unwrap()];
    assert!(flags[0].contains(OFlags::PATH | OFlags::DIRECTORY), "{flags:?}");
    assert!(flags[1].contains(OFlags::RDWR | OFlags::NOFOLLOW | OFlags::NONBLOCK), "{flags:?}");
    for fd in [&*place.directory, &lock._file] {
        assert!(fcntl_getfd(fd).unwrap().contains(FdFlags::CLOEXEC));
    }
    assert_eq!(fstat(&lock._file).unwrap().st_mode & 0o777, 0o600);
}

/// Like a server that creates its file and then drops its privileges.
#[test]
fn a_directory_that_is_not_writable_is_not_tried_again() {
    if let Some(place) = place() {
        let place = Place::of(&place.join("socket")).unwrap();
        assert_eq!(place.lock(LONG).err(), Some(NoLock::System(Errno::ACCESS)));
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o555)).unwrap();
    run_without_privileges("a_directory_that_is_not_writable_is_not_tried_again", dir.path());
}

const NOBODY: Option<u32> = Some(65534);

/// Like /tmp: any user may create files there, and remove only their own. It has a
/// stale socket file, unless a child starts.
fn sticky() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    drop(std::os::unix::net::UnixListener::bind(dir.path().join("socket")).unwrap());
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o1777)).unwrap();
    dir
}

#[test]
fn root_removes_another_users_lock() {
    if !is_root("root_removes_another_users_lock") {
        return;
    }
    let _none_starts = children::none_starts();
    let dir = sticky();
    let (path, lock) = (dir.path().join("socket"), dir.path().join(".socket.lock"));
    let target = format!("unix:{}", path.display());
    let foreign: [&dyn Fn(); 3] =
        [&|| fs::write(&lock, "").unwrap(), &|| fs::create_dir(&lock).unwrap(), &|| {
            std::os::unix::fs::symlink("/etc/passwd", &lock).unwrap()
        }];
    for make in foreign {
        make();
        std::os::unix::fs::lchown(&lock, NOBODY, NOBODY).unwrap();
        let listeners = Listen::new().listen(&target).unwrap();
        make();
        std::os::unix::fs::lchown(&lock, NOBODY, NOBODY).unwrap();
        listeners.unlink().unwrap();
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
        drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
    }
    // A directory that is not empty stays, and the error names it.
    fs::create_dir_all(lock.join("x")).unwrap();
    chown(&lock, NOBODY, NOBODY).unwrap();
    let error = Listen::new().listen(&target).unwrap_err().to_string();
    assert_eq!(
        error,
        format!("listen on {}: the lock file of the socket belongs to another user", lock.display())
    );
}

#[test]
fn a_lock_that_others_can_open_is_replaced() {
    let _none_starts = children::none_starts();
    let dir = sticky();
    let lock = dir.path().join(".socket.lock");
    fs::write(&lock, "").unwrap();
    fs::set_permissions(&lock, fs::Permissions::from_mode(0o666)).unwrap();
    let target = format!("unix:{}/socket", dir.path().display());
    Listen::new().listen(&target).unwrap().unlink().unwrap();
}

#[test]
fn an_error_names_another_users_lock_that_stays() {
    if let Some(dir) = place() {
        let error = Listen::new().listen(&format!("unix:{}/socket", dir.display())).unwrap_err();
        assert_eq!(error.kind(), crate::ErrorKind::Io(io::ErrorKind::PermissionDenied));
        assert!(error.to_string().contains("/.socket.lock: the lock file"), "{error}");
        return;
    }
    if is_root("an_error_names_another_users_lock_that_stays") {
        let dir = sticky();
        let lock = dir.path().join(".socket.lock");
        fs::write(&lock, "").unwrap();
        chown(&lock, NOBODY, NOBODY).unwrap();
        chown(dir.path(), Some(65533), Some(65533)).unwrap();
        run_without_privileges("an_error_names_another_users_lock_that_stays", dir.path());
    }
}

/// A lock of root with this mode, in a directory with this owner and mode.
fn with_lock(owner: Option<u32>, mode: u32, lock_mode: u32) -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let lock = dir.path().join(".socket.lock");
    fs::write(&lock, "").unwrap();
    fs::set_permissions(&lock, fs::Permissions::from_mode(lock_mode)).unwrap();
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(mode)).unwrap();
    chown(dir.path(), owner, owner).unwrap();
    (dir, lock)
}

/// A user removes what is in their own directory, and their own lock in another, but
/// not another's lock in a directory that they may only write to.
#[test]
fn a_user_that_owns_neither_directory_nor_lock_leaves_it() {
    let test = "a_user_that_owns_neither_directory_nor_lock_leaves_it";
    if let Some(dir) = place() {
        let locked = Place::of(&dir.join("socket")).unwrap().lock(Duration::ZERO).map(drop);
        println!("{locked:?}");
        return;
    }
    if !is_root(test) {
        return;
    }
    let as_nobody = |dir: &tempfile::TempDir| {
        let nobody = ["--reuid=65534", "--regid=65534", "--clear-groups"];
        run_with(&nobody, test, dir.path())
    };
    for lock_mode in [0o600, 0o666] {
        let (dir, lock) = with_lock(None, 0o777, lock_mode);
        assert!(as_nobody(&dir).contains("Err(OfAnother)") && lock.exists(), "{lock_mode:o}");
        let (dir, lock) = with_lock(NOBODY, 0o755, lock_mode);
        assert!(as_nobody(&dir).contains("Ok(())") && !lock.exists(), "{lock_mode:o}");
    }
    let (dir, lock) = with_lock(None, 0o777, 0o666);
    chown(&lock, NOBODY, NOBODY).unwrap();
    assert!(as_nobody(&dir).contains("Ok(())") && !lock.exists());
}
