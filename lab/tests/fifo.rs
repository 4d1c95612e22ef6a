//! Dials while the files of names are FIFOs, which have no writer. In its own process:
//! the C library's lookups wait for these files indefinitely.

use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

use biosock::ErrorKind;
use biosock::dial::Dialer;
use biosock_lab::or_skip;
use biosock_lab::room::Room;

#[test]
fn a_dial_ends_in_time_where_the_files_of_names_are_fifos() {
    let test = "a_dial_ends_in_time_where_the_files_of_names_are_fifos";
    for files in [&["/etc/hosts"][..], &["/etc/nsswitch.conf"], &["/etc/resolv.conf", "/etc/gai.conf"]] {
        let Some(room) = or_skip(test, Room::with_fifos(files)) else { return };
        let (sender, receiver) = channel();
        room.run(move || {
            thread::spawn(move || {
                let dial = Dialer::new().timeout(Duration::from_secs(1)).dial("name.example:1");
                sender.send(dial.unwrap_err().kind())
            });
        });
        let ended = receiver.recv_timeout(Duration::from_secs(60));
        let dial = ended.unwrap_or_else(|_| panic!("{files:?} is waited for indefinitely"));
        assert_eq!(dial, ErrorKind::TimedOut, "{files:?}");
    }
}
