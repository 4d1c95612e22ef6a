//! Dials where the files of names are FIFOs, which have no writer. A process
//! of its own: the C library's lookups wait for these files indefinitely.

use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

use biosock::ErrorKind;
use biosock::dial::{Dialer, HickoryResolver};
use biosock_lab::room::Room;
use biosock_lab::{Result, or_skip};
use rustix::fs::{CWD, FileType, Mode, mknodat};

/// A network where these files are FIFOs.
fn room(files: &[&'static str]) -> Result<Room> {
    let room = Room::open()?;
    let directory = tempfile::tempdir()?;
    let fifo = directory.path().join("fifo");
    mknodat(CWD, &fifo, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0)?;
    for file in files {
        room.replace(file, &fifo)?;
    }
    Ok(room)
}

#[test]
fn a_dial_ends_in_time_where_the_files_of_names_are_fifos() {
    for files in [&["/etc/hosts"][..], &["/etc/nsswitch.conf"], &["/etc/resolv.conf", "/etc/gai.conf"]] {
        let Some(room) = or_skip("a_dial_ends_in_time_where_the_files_of_names_are_fifos", room(files))
        else {
            return;
        };
        let (sender, receiver) = channel();
        room.run(move || {
            thread::spawn(move || {
                let dial = Dialer::new().timeout(Duration::from_secs(1)).dial("name.example:1");
                let hickory = HickoryResolver::from_system().map(drop).map_err(|error| error.kind());
                sender.send((dial.unwrap_err().kind(), hickory))
            });
        });
        let ended = receiver.recv_timeout(Duration::from_secs(60));
        let (dial, hickory) = ended.unwrap_or_else(|_| panic!("{files:?} is waited for indefinitely"));
        assert_eq!(dial, ErrorKind::TimedOut, "{files:?}");
        if files.contains(&"/etc/resolv.conf") {
            assert_eq!(hickory, Err(ErrorKind::LookupFailed));
        }
    }
}
