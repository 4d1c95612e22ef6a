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
        SocketPair,
        SendMsg,
    ];
    for syscall in all {
        let expected = format!("calling {}()", syscall.name());
        assert_eq!(call_of(syscall).calling.to_str(), Ok(&*expected));
    }
    // The queue names this one as Windows does.
    assert_eq!(call_of(Ioctl).calling, c"calling ioctlsocket()");
}

#[test]
fn a_panic_becomes_an_entry_and_the_failure_value() {
    let site = crate::host::site!(c"BIO_test", 0);
    let failed = run::<crate::Standalone, _>(site, -7, || -> Result<i32, Failure> {
        std::panic::resume_unwind(Box::new("on purpose"))
    });
    assert_eq!((failed, crate::ERR_get_error(), crate::ERR_get_error()), (-7, 0x100C_0103, 0));
}
