//! hickory's resolver if the file of name servers is a FIFO, which has no writer.

use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

use biosock::ErrorKind;
use biosock_hickory::HickoryResolver;
use biosock_lab::or_skip;
use biosock_lab::room::Room;

#[test]
fn no_writer_is_waited_for() {
    let room = Room::with_fifos(&["/etc/resolv.conf"]);
    let Some(room) = or_skip("no_writer_is_waited_for", room) else { return };
    let (sender, receiver) = channel();
    room.run(move || {
        thread::spawn(move || {
            sender.send(HickoryResolver::from_system().map(drop).map_err(|error| error.kind()))
        })
    });
    let made = receiver.recv_timeout(Duration::from_secs(60));
    assert_eq!(made, Ok(Err(ErrorKind::LookupFailed)), "a resolver by a FIFO");
}
