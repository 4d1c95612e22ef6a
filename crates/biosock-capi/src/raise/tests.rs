use super::*;

#[test]
fn the_queue_names_calls_as_the_core_does() {
    use Syscall::*;
    let all = [
        Socket,
        Bind,
        Connect,
        Listen,
        Accept,
        Close,
        Shutdown,
        GetSockOpt,
        SetSockOpt,
        GetSockName,
        GetPeerName,
        Fcntl,
        GetAddrInfo,
        GetNameInfo,
        Poll,
    ];
    for syscall in all {
        let expected = format!("calling {}()", syscall.name());
        assert_eq!(call_of(syscall).calling.to_str(), Ok(&*expected));
    }
    // The queue names this one as Windows does.
    assert_eq!(call_of(Ioctl).calling, c"calling ioctlsocket()");
}
