//! Unix sockets and their files.

use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::os::unix::net::{UnixDatagram, UnixListener};
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use crate::common::{Process, biosock, run};
use crate::{exchange_unix, socket_path};

#[test]
fn a_unix_socket_file_is_created_and_removed() {
    let directory = tempfile::tempdir().unwrap();
    let (path, target) = socket_path(&directory);
    let (server, addr) = Process::listen([&*target, "--echo"], Stdio::null());
    assert_eq!(addr, target);
    assert_eq!(exchange_unix(&path, b"x"), b"x");
    server.finish().ok();
    assert!(!path.exists());
}

/// A socket file whose server was killed. If this process created the socket, a
/// child that another test forks would also have it until its execve(2).
fn stale(path: &Path) -> u64 {
    drop(Process::listen([format!("unix:{}", path.display())], Stdio::null()));
    path.symlink_metadata().unwrap().ino()
}

#[test]
fn a_stale_socket_file_is_replaced() {
    let directory = tempfile::tempdir().unwrap();
    let (path, target) = socket_path(&directory);
    stale(&path);
    let (server, _) = Process::listen([&*target, "--echo"], Stdio::null());
    assert_eq!(exchange_unix(&path, b"x"), b"x");
    server.finish().ok();
    assert!(!path.exists());
}

#[test]
fn only_one_of_many_listeners_replaces_a_stale_file() {
    let directory = tempfile::tempdir().unwrap();
    let (path, target) = socket_path(&directory);
    stale(&path);
    let start = || Process::start(&mut biosock(["listen", &target, "--echo"]), Stdio::null());
    let mut servers: Vec<_> = (0..8).map(|_| start()).collect();
    // The losers exit by themselves.
    let mut losers = 0;
    while losers < 7 {
        let ended = servers.iter_mut().position(|server| !server.is_running());
        let Some(ended) = ended else {
            std::thread::sleep(Duration::from_millis(5));
            continue;
        };
        let ended = servers.swap_remove(ended).finish();
        assert_eq!(ended.code(), Some(1), "{ended:?}");
        assert!(ended.stderr.contains("address already in use (EADDRINUSE)"), "{ended:?}");
        losers += 1;
    }
    assert_eq!(exchange_unix(&path, b"x"), b"x");
    servers.remove(0).finish().ok();
}

#[test]
fn a_socket_in_use_is_neither_removed_nor_disturbed() {
    let directory = tempfile::tempdir().unwrap();
    let (path, target) = socket_path(&directory);
    let listener = UnixListener::bind(&path).unwrap();
    let expected = format!(
        "biosock: bind to {target}: address already in use (EADDRINUSE)
  hint: end the process that has the file open, or remove it if none has, or choose another path
"
    );
    let ended = run(["listen", &target], b"");
    assert_eq!((ended.code(), &*ended.stderr), (Some(1), &*expected));
    listener.set_nonblocking(true).unwrap();
    assert!(listener.accept().is_err(), "asking whether it is stale made no connection");

    drop(listener);
    std::fs::remove_file(&path).unwrap();
    let _datagrams = UnixDatagram::bind(&path).unwrap();
    let ended = run(["listen", &target], b"");
    assert_eq!((ended.code(), &*ended.stderr), (Some(1), &*expected));
    assert!(path.symlink_metadata().unwrap().file_type().is_socket());
}

#[test]
fn a_file_that_is_not_a_socket_is_not_touched() {
    let directory = tempfile::tempdir().unwrap();
    let (path, target) = socket_path(&directory);
    let elsewhere = directory.path().join("elsewhere");
    stale(&elsewhere);
    let make: [&dyn Fn(); 3] = [
        &|| std::fs::write(&path, "precious").unwrap(),
        &|| std::os::unix::fs::symlink(&elsewhere, &path).unwrap(),
        &|| std::os::unix::fs::symlink("nowhere", &path).unwrap(),
    ];
    for make in make {
        make();
        let id = path.symlink_metadata().unwrap().ino();
        let ended = run(["listen", &target], b"");
        assert_eq!(ended.code(), Some(1));
        let head = format!("biosock: listen on {target}: the file exists and is not a socket\n  hint: ");
        assert!(ended.stderr.starts_with(&head), "{}", ended.stderr);
        assert_eq!(path.symlink_metadata().unwrap().ino(), id);
        std::fs::remove_file(&path).unwrap();
    }
    assert!(elsewhere.exists());
}

#[test]
fn a_file_that_replaced_the_socket_is_not_removed() {
    let directory = tempfile::tempdir().unwrap();
    let (path, target) = socket_path(&directory);
    let (server, _) = Process::listen([&*target, "--echo"], Stdio::null());
    std::fs::rename(&path, directory.path().join("moved")).unwrap();
    std::fs::write(&path, "another's").unwrap();
    server.signal("TERM");
    server.finish();
    assert_eq!(std::fs::read(&path).unwrap(), b"another's");
}

#[test]
fn an_abstract_name_needs_no_file() {
    let target = format!("unix:@biosock-test-{}", std::process::id());
    let (server, addr) = Process::listen([&*target, "--echo"], Stdio::null());
    assert_eq!(addr, target);
    assert_eq!(run(["connect", &target], b"abstract").ok().stdout, b"abstract");
    server.finish().ok();
}
