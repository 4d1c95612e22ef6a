//! The dialer on a tokio runtime.

use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::Duration;

use biosock::dial::{
    AddressHistory, AsyncResolver, DialFailure, Dialed, Dialer, Pace, Question, Resolver, Resolving,
    resolve_on_threads,
};
use biosock::listeners::Listen;
use biosock::{Cancel, Domain, ErrorKind, Family, Result, Socket, SocketAddr, Type};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Mutex;

/// Held by each test, since some count the descriptors of the whole process.
static ALONE: Mutex<()> = Mutex::const_new(());

fn descriptors() -> usize {
    std::fs::read_dir("/proc/self/fd").unwrap().count()
}

/// Knows one address, whatever the name.
#[derive(Debug)]
struct Fixed(SocketAddr);

impl Resolver for Fixed {
    fn resolve(&self, question: &Question) -> Result<Vec<SocketAddr>> {
        Ok(if question.family == self.0.family() { vec![self.0] } else { vec![] })
    }
}

/// Knows one address locally, and must not look one up.
#[derive(Debug)]
struct Cached(SocketAddr);

impl Resolver for Cached {
    fn resolve(&self, question: &Question) -> Result<Vec<SocketAddr>> {
        panic!("{question:?} was looked up");
    }

    fn known(&self, _: &Question) -> Option<Vec<SocketAddr>> {
        Some(vec![self.0])
    }
}

/// Knows no addresses.
#[derive(Debug)]
struct Nobody;

impl AsyncResolver for Nobody {
    fn resolve(&self, _: Question) -> Resolving<'_> {
        Box::pin(std::future::ready(Ok(vec![])))
    }
}

/// Answers late.
#[derive(Debug)]
struct Slow(Duration);

impl Resolver for Slow {
    fn resolve(&self, _: &Question) -> Result<Vec<SocketAddr>> {
        thread::sleep(self.0);
        Ok(vec![])
    }
}

/// A listener whose queue is full, so that a connect to it does not complete.
fn silent() -> (Socket, Socket, SocketAddr) {
    let listener = Listen::new().backlog(0).listen("127.0.0.1:0").unwrap().into_sockets().remove(0);
    let addr = listener.local_addr().unwrap();
    let first = Socket::stream_for(&addr).unwrap();
    first.connect(&addr).unwrap();
    (listener, first, addr)
}

#[tokio::test]
async fn what_is_at_hand_is_not_looked_up() {
    let _alone = ALONE.lock().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = SocketAddr::from(listener.local_addr().unwrap());
    let dialer = Dialer::new().resolver(Arc::new(Cached(addr)));
    let report = dialer.dial_stream_async("name:1").await.unwrap().report;
    let answers: Vec<_> = report
        .lookups
        .iter()
        .map(|lookup| (lookup.family, *lookup.answer.as_ref().unwrap().as_ref().unwrap()))
        .collect();
    assert_eq!(answers, [(Domain::IPV6, 0), (Domain::IPV4, 1)]);

    // If there is an async resolver, only that one is queried.
    let failed = dialer.async_resolver(Arc::new(Nobody)).dial_async("name:1").await.unwrap_err();
    assert!(failed.report().attempts.is_empty());
}

/// Reports the thread that it was called on as a port: 1 for one of biosock's.
#[derive(Debug)]
struct Where;

impl Resolver for Where {
    fn resolve(&self, _: &Question) -> Result<Vec<SocketAddr>> {
        let ours = thread::current().name() == Some("biosock lookup");
        Ok(vec![SocketAddr::from(([127, 0, 0, 1], u16::from(ours)))])
    }
}

#[tokio::test]
async fn an_async_resolver_may_leave_a_question_to_one_that_blocks() {
    let _alone = ALONE.lock().await;
    let ask = |resolver: Arc<dyn Resolver>| {
        let question =
            Question { host: None, service: "1".into(), family: Domain::IPV4, socktype: Type::STREAM };
        resolve_on_threads(&resolver, question)
    };
    let addr: SocketAddr = "127.0.0.1:7".parse().unwrap();
    assert_eq!(ask(Arc::new(Cached(addr))).await.unwrap(), [addr], "what is known is not looked up");
    assert_eq!(ask(Arc::new(Where)).await.unwrap(), ["127.0.0.1:1".parse().unwrap()]);
}

#[tokio::test]
async fn many_dials_at_once_all_end_and_leave_nothing() {
    let _alone = ALONE.lock().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let dialer = Dialer::new().resolver(Arc::new(Fixed(listener.local_addr().unwrap().into())));
    let serving = tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            tokio::spawn(async move { stream.write_all(b"x").await });
        }
    });
    let before = descriptors();
    let dials: Vec<_> = (0..200)
        .map(|_| {
            let dialer = dialer.clone();
            // A future that can move between threads, as spawn requires.
            tokio::spawn(async move {
                let Dialed { socket, .. } = dialer.dial_async("name:1").await.unwrap();
                let mut stream = TcpStream::from_std(socket.try_into().unwrap()).unwrap();
                stream.read_u8().await.unwrap()
            })
        })
        .collect();
    for dial in dials {
        assert_eq!(dial.await.unwrap(), b'x');
    }
    serving.abort();
    // The server's sockets and the runtime's own are closed when the test ends.
    assert!(descriptors() <= before + 20, "{before} before, {} after", descriptors());
}

#[tokio::test]
async fn refusals_and_deadlines_are_told() {
    let _alone = ALONE.lock().await;
    let failed = Dialer::new().dial_async("127.0.0.1:1").await.unwrap_err();
    assert!(matches!(failed.failure(), DialFailure::NoneAnswered));

    let (_listener, _first, addr) = silent();
    let dialer = Dialer::new().timeout(Duration::from_millis(30));
    let late = dialer.dial_async(&addr.to_string()).await.unwrap_err();
    assert!(matches!(late.failure(), DialFailure::TimedOut));
    assert_eq!(late.report().attempts.len(), 1);

    let slow = Arc::new(Slow(Duration::from_millis(200)));
    let dialer = dialer.resolver(slow);
    let late = dialer.clone().family(Family::Ipv4).dial_async("name:1").await.unwrap_err();
    assert!(matches!(late.failure(), DialFailure::TimedOut));

    // TCP has no route to a multicast group, so the dial looks for a NAT64.
    let late = dialer.nat64(true).dial_async("224.0.0.1:1").await.unwrap_err();
    assert!(matches!(late.failure(), DialFailure::TimedOut), "{late}");
    assert_eq!(late.report().attempts.len(), 1);
}

#[tokio::test]
async fn a_connection_to_itself_is_a_refusal() {
    let _alone = ALONE.lock().await;
    let any: SocketAddr = "127.0.0.1:0".parse().unwrap();
    let holder = Socket::stream_for(&any).unwrap();
    holder.bind(&any).unwrap();
    let addr = holder.local_addr().unwrap();
    drop(holder);
    let dialer = Dialer::new().source(addr);
    let target = addr.to_string();
    let expected = format!("{addr}  connected to itself: nothing listens there");
    let failed = [
        dialer.dial_async(&target).await.map(drop).unwrap_err(),
        dialer.dial_stream_async(&target).await.map(drop).unwrap_err(),
    ];
    for failed in failed {
        assert!(failed.report().to_string().ends_with(&expected), "{failed}");
    }
}

/// Set in the copy of this program that runs only one test.
const ALONE_IN_A_PROCESS: &str = "BIOSOCK_TEST_ALONE";

/// Whether this is that copy; otherwise runs it, and checks that the test passes.
fn is_alone_in_a_process(test: &str) -> bool {
    if std::env::var_os(ALONE_IN_A_PROCESS).is_some() {
        return true;
    }
    let mut copy = std::process::Command::new(std::env::current_exe().unwrap());
    let copy = copy.args(["--exact", test, "--test-threads=1"]).env(ALONE_IN_A_PROCESS, "1");
    let ended = copy.output().unwrap();
    let said = String::from_utf8_lossy(&ended.stdout);
    assert!(ended.status.success() && said.contains("1 passed"), "{said}");
    false
}

/// Descriptors, threads and the runtime's tasks.
fn left(runtime: &tokio::runtime::Runtime) -> (usize, usize, usize) {
    let threads = std::fs::read_dir("/proc/self/task").unwrap().count();
    (descriptors(), threads, runtime.metrics().num_alive_tasks())
}

#[test]
fn dropping_the_future_ends_the_dial() {
    if !is_alone_in_a_process("dropping_the_future_ends_the_dial") {
        return;
    }
    let (_listener, _first, addr) = silent();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let questions = Arc::new(HalfDead::to(addr));
    let pace = Pace { resolution_delay: Duration::ZERO, ..Pace::default() };
    let by_name = Dialer::new().async_resolver(Arc::clone(&questions) as _).pace(pace);
    let cancel = Cancel::new().unwrap();
    let dialers = [
        (Dialer::new(), addr.to_string()),
        (Dialer::new().timeout(Duration::from_secs(60)).cancel(cancel), addr.to_string()),
        (by_name, "name:1".into()),
    ];
    for (dialer, target) in &dialers {
        for stream in [false, true] {
            let before = left(&runtime);
            runtime.block_on(async {
                let mut dial: Pin<Box<dyn Future<Output = bool>>> = if stream {
                    Box::pin(async { dialer.dial_stream_async(target).await.is_ok() })
                } else {
                    Box::pin(async { dialer.dial_async(target).await.is_ok() })
                };
                // Until an attempt is in progress.
                while syn_sent(&addr) == 0 {
                    assert!(
                        std::future::poll_fn(|cx| Poll::Ready(dial.as_mut().poll(cx))).await.is_pending()
                    );
                    tokio::task::yield_now().await;
                }
                assert!(descriptors() > before.0, "the attempt has a descriptor");
            });
            assert_eq!((left(&runtime), syn_sent(&addr)), (before, 0), "{target}, stream: {stream}");
        }
    }
    drop(dialers);
    assert_eq!(Arc::strong_count(&questions.open), 1, "questions of dials that were dropped");
}

/// How many sockets are connecting to this address: state SYN_SENT of proc_net_tcp.
fn syn_sent(addr: &SocketAddr) -> usize {
    let waiting = format!("0100007F:{:04X} 02 ", addr.port().unwrap());
    std::fs::read_to_string("/proc/self/net/tcp").unwrap().matches(&waiting).count()
}

#[tokio::test]
async fn a_cancel_ends_several_dials() {
    let _alone = ALONE.lock().await;
    let (_listener, _first, addr) = silent();
    let cancel = Cancel::new().unwrap();
    let dialer = Dialer::new().cancel(cancel.clone());
    let target = addr.to_string();
    let ending = async {
        tokio::time::sleep(Duration::from_millis(20)).await;
        cancel.cancel();
    };
    let (one, two, ()) = tokio::join!(dialer.dial_async(&target), dialer.dial_async(&target), ending);
    for ended in [one, two] {
        assert!(matches!(ended.unwrap_err().failure(), DialFailure::Cancelled));
    }
}

#[tokio::test]
async fn a_dial_that_was_cancelled_teaches_nothing() {
    let _alone = ALONE.lock().await;
    let (_listener, _first, silent) = silent();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let good = SocketAddr::from(listener.local_addr().unwrap());
    let pace = Pace { attempt_delay: Pace::ATTEMPT_DELAYS.0, ..Pace::default() };
    let dialer = Dialer::new().pace(pace).history(Arc::new(AddressHistory::new(16)));
    let cancel = Cancel::new().unwrap();
    let cancelled = dialer.clone().cancel(cancel.clone());
    let target = silent.to_string();
    let ending = async {
        // Longer than the delay after which silence counts.
        tokio::time::sleep(pace.attempt_delay * 5).await;
        cancel.cancel();
    };
    let (ended, ()) = tokio::join!(cancelled.dial_async(&target), ending);
    assert_eq!(ended.unwrap_err().kind(), ErrorKind::Cancelled);
    let both = dialer.resolver(Arc::new(Both([silent, good])));
    let first = async || both.dial_async("name:1").await.unwrap().report.attempts[0].addr;
    assert_eq!([first().await, first().await], [silent, good], "the second has learned from the first");
}

/// Knows two addresses, whatever the name.
#[derive(Debug)]
struct Both([SocketAddr; 2]);

impl Resolver for Both {
    fn resolve(&self, _: &Question) -> Result<Vec<SocketAddr>> {
        Ok(self.0.to_vec())
    }

    fn known(&self, _: &Question) -> Option<Vec<SocketAddr>> {
        Some(self.0.to_vec())
    }
}

/// Answers IPv4 at once and IPv6 never; counts the lookups in progress.
#[derive(Debug)]
struct HalfDead {
    v4: SocketAddr,
    open: Arc<()>,
}

impl HalfDead {
    fn to(v4: SocketAddr) -> Self {
        Self { v4, open: Arc::default() }
    }
}

impl AsyncResolver for HalfDead {
    fn resolve(&self, question: Question) -> Resolving<'_> {
        let open = Arc::clone(&self.open);
        Box::pin(async move {
            let _open = open;
            match question.family {
                Domain::IPV4 => Ok(vec![self.v4]),
                _ => std::future::pending().await,
            }
        })
    }
}

#[tokio::test]
async fn an_async_resolver_is_asked_without_a_thread_and_dropped_with_the_dial() {
    let _alone = ALONE.lock().await;
    let resolver = HalfDead::to("127.0.0.1:1".parse().unwrap());
    let open = Arc::clone(&resolver.open);
    let dialer = Dialer::new().async_resolver(Arc::new(resolver));

    // IPv4's failure does not end the dial while IPv6's answer is missing.
    let late = dialer.clone().timeout(Duration::from_millis(100)).dial_async("name:1").await.unwrap_err();
    assert!(matches!(late.failure(), DialFailure::TimedOut), "{late}");
    assert_eq!(late.report().attempts.len(), 1);
    assert_eq!(Arc::strong_count(&open), 2, "the dial's questions are gone with it");

    let dial = dialer.dial_async("name:1");
    assert!(tokio::time::timeout(Duration::from_millis(20), dial).await.is_err());
    assert_eq!(Arc::strong_count(&open), 2, "and with its future");
}

/// Panics.
#[derive(Debug)]
struct Panics;

impl Resolver for Panics {
    fn resolve(&self, _: &Question) -> Result<Vec<SocketAddr>> {
        panic!("a panic that the test wants")
    }
}

#[tokio::test]
async fn a_resolver_that_panics_is_a_lookup_that_failed() {
    let _alone = ALONE.lock().await;
    let failed = Dialer::new().resolver(Arc::new(Panics)).dial_async("name:1").await.unwrap_err();
    assert!(failed.report().to_string().contains("a resolver that panicked"), "{failed:?}");
}

#[tokio::test]
async fn a_full_unix_queue_is_waited_for() {
    let _alone = ALONE.lock().await;
    let directory = tempfile::tempdir().unwrap();
    let target = format!("unix:{}", directory.path().join("full").display());
    let listener = Listen::new().backlog(0).listen(&target).unwrap().into_sockets().remove(0);
    listener.set_nonblocking(false).unwrap();
    let addr: SocketAddr = target.parse().unwrap();
    let fill = || {
        let socket = Socket::stream_for(&addr).unwrap();
        let connected = socket.start_connect(&addr).is_ok();
        connected.then_some(socket)
    };
    let waiting: Vec<_> = std::iter::from_fn(fill).collect();
    let late = Dialer::new().timeout(Duration::from_millis(30)).dial_async(&target).await.unwrap_err();
    assert!(matches!(late.failure(), DialFailure::TimedOut), "{late}");

    let accepting = thread::spawn(move || {
        thread::sleep(Duration::from_millis(20));
        (0..=waiting.len()).for_each(|_| drop(listener.accept().unwrap()));
    });
    let dialed = Dialer::new().dial_async(&target).await.unwrap();
    assert_eq!(dialed.addr, addr);
    accepting.join().unwrap();
}

#[tokio::test]
async fn a_stream_is_ready_for_use() {
    let _alone = ALONE.lock().await;
    let listener = TcpListener::bind("localhost:0").await.unwrap();
    let target = format!("localhost:{}", listener.local_addr().unwrap().port());
    let Dialed { mut socket, addr, report, .. } = Dialer::new().dial_stream_async(&target).await.unwrap();
    assert_eq!(addr, socket.peer_addr().unwrap().into());
    assert!(!report.attempts.is_empty());
    let (mut served, _) = listener.accept().await.unwrap();
    served.write_all(b"x").await.unwrap();
    assert_eq!(socket.read_u8().await.unwrap(), b'x');
}

#[tokio::test]
async fn a_stream_of_what_is_no_tcp_is_refused() {
    let _alone = ALONE.lock().await;
    let datagrams = Dialer::new().socktype(Type::DGRAM);
    for (dialer, target) in [(Dialer::new(), "unix:/run/x"), (datagrams, "127.0.0.1:9")] {
        let refused = dialer.dial_stream_async(target).await.unwrap_err();
        assert_eq!(refused.to_string(), format!("dial {target}: connect: not a TCP stream"));
        assert_eq!(refused.hint(), Some("dial_async takes other sockets too"));
    }
}

fn poll_once<F: Future>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

#[test]
fn without_a_runtime_there_is_an_error() {
    let dialer = Dialer::new();
    let Poll::Ready(Err(error)) = poll_once(pin!(dialer.dial_async("127.0.0.1:1"))) else {
        panic!("no error")
    };
    assert_eq!(error.to_string(), "dial 127.0.0.1:1: connect: no tokio runtime");
}

#[test]
fn a_runtime_that_ends_connects_nothing() {
    let _alone = ALONE.blocking_lock();
    let (_listener, _first, addr) = silent();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let handle = runtime.handle().clone();
    let _inside = handle.enter();
    let (dialer, target) = (Dialer::new(), addr.to_string());
    let mut dial = pin!(dialer.dial_async(&target));
    assert!(poll_once(dial.as_mut()).is_pending());
    runtime.shutdown_background();
    let Poll::Ready(Err(error)) = poll_once(dial) else { panic!("connected to who does not answer") };
    assert!(error.to_string().contains("ECANCELED"), "{error}");
}
