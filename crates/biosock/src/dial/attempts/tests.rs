//! Attempts on loopback, with a clock that the tests set.

use super::*;
use crate::ConnectOptions;
use crate::dial::blocking::{Limits, run};
use crate::dial::history::LIFETIME;
use crate::dial::resolver::Resolver;
use crate::dial::system_resolver::SystemResolver;
use crate::dial::{DialFailure, Pace};
use crate::listeners::Listen;
use crate::{ErrorKind, Type};
use std::sync::Arc;

const BOTH: [Domain; 2] = [Domain::IPV6, Domain::IPV4];

/// A queue of length 0 holds one connection.
fn listener(addr: &str) -> (Socket, SocketAddr) {
    let listener = Listen::new().backlog(0).listen(addr).unwrap().into_sockets().remove(0);
    listener.set_nonblocking(false).unwrap();
    let addr = listener.local_addr().unwrap();
    (listener, addr)
}

fn client(addr: &SocketAddr) -> Socket {
    let client = Socket::stream_for(addr).unwrap();
    client.connect(addr).map(drop).unwrap();
    client
}

/// A port that nothing listens on, and its holder.
fn refusing() -> (Socket, SocketAddr) {
    let any: SocketAddr = "127.0.0.1:0".parse().unwrap();
    let holder = Socket::stream_for(&any).unwrap();
    holder.bind(&any).unwrap();
    let addr = holder.local_addr().unwrap();
    (holder, addr)
}

/// For attempts that stay silent.
fn hasty() -> Settings {
    with_delay(Pace::ATTEMPT_DELAYS.0)
}

/// For attempts that do not, on a machine however busy.
fn patient() -> Settings {
    with_delay(Pace::ATTEMPT_DELAYS.1)
}

fn with_delay(attempt_delay: Duration) -> Settings {
    Settings { pace: Pace { attempt_delay, ..Pace::default() }, ..Settings::default() }
}

/// Dials a name with these addresses at this time, and returns each attempt.
fn attempts(
    settings: &Settings,
    history: &AddressHistory,
    began: Instant,
    addrs: &[SocketAddr],
) -> Vec<SocketAddr> {
    let mut attempts = Attempts::new(settings, Some(history), began, &[], &BOTH);
    attempts.answered_together(Duration::ZERO, addrs);
    let limits = Limits { start: Instant::now(), timeout: None, cancel: None };
    let resolver: Arc<dyn Resolver> = Arc::new(SystemResolver);
    let (ended, report) = run(attempts, None, &resolver, &limits);
    ended.unwrap();
    report.attempts.iter().map(|attempt| attempt.addr).collect()
}

#[test]
fn ipv6_that_was_silent_leads_again_once_its_entry_has_expired() {
    let ((silent, v6), (good, v4)) = (listener("[::1]:0"), listener("127.0.0.1:0"));
    let _in_its_place = client(&v6);
    let (history, start) = (AddressHistory::new(16), Instant::now());
    let dial = |settings: Settings, after: Duration| {
        let attempts = attempts(&settings, &history, start + after, &[v6, v4]);
        let won = if attempts.last() == Some(&v6) { &silent } else { &good };
        drop(won.accept().unwrap());
        attempts
    };
    let second = Duration::from_secs(1);
    assert_eq!(dial(hasty(), Duration::ZERO), [v6, v4], "it is silent");
    assert_eq!(dial(patient(), LIFETIME / 2), [v4], "that is known");
    // It answers again.
    drop(silent.accept().unwrap());
    assert_eq!(dial(patient(), LIFETIME - second), [v4], "that is not");
    assert_eq!(dial(patient(), LIFETIME + second), [v6], "the usual order, though IPv4 worked a moment ago");
    assert_eq!(dial(patient(), LIFETIME * 2), [v6]);
}

#[test]
fn what_worked_goes_before_its_equals_alone() {
    let (_holder, unknown) = refusing();
    let ((_good, v4), (_other, v6)) = (listener("127.0.0.1:0"), listener("[::1]:0"));
    let (history, now) = (AddressHistory::new(16), Instant::now());
    history.learn(v4, Rank::Used(Duration::from_millis(1)), now);
    assert_eq!(attempts(&patient(), &history, now, &[unknown, v4]), [v4]);
    assert_eq!(attempts(&patient(), &history, now, &[v6, unknown, v4]), [v6]);
}

#[test]
fn a_shortage_here_is_not_held_against_a_peer() {
    let ((_one, v6), (_two, v4)) = (listener("[::1]:0"), listener("127.0.0.1:0"));
    let (history, now) = (AddressHistory::new(16), Instant::now());
    let short = Settings { device_v6: Some("no-such-device".into()), ..patient() };
    assert_eq!(attempts(&short, &history, now, &[v6, v4]), [v6, v4]);
    assert_eq!(history.rank(&v6, now), Rank::Unknown);
}

fn failed(operation: Operation, syscall: Syscall, errno: i32) -> Outcome {
    Outcome::Failed(Error::system_call(operation, syscall, errno, None))
}

fn refused_to_connect(errno: i32) -> Outcome {
    failed(Operation::Connect, Syscall::Connect, errno)
}

#[test]
fn what_is_learned_is_of_the_peer_or_the_path() {
    let near = SocketAddr::from(([127, 0, 0, 1], 1));
    // Class E has no route that a host would have by chance.
    let nowhere = SocketAddr::from(([255, 255, 255, 255], 1));
    let delay = hasty().pace.attempt_delay;
    let learned = |settings: &Settings, addr, took, outcome, cancelled| {
        lesson(settings, &Attempt { addr, started: Duration::ZERO, took, outcome }, cancelled)
    };
    let failure = |addr, outcome| learned(&hasty(), addr, Duration::ZERO, outcome, false);
    for errno in
        [libc::ECONNREFUSED, libc::ECONNRESET, libc::ETIMEDOUT, libc::ENETUNREACH, libc::EHOSTUNREACH]
    {
        assert_eq!(failure(near, refused_to_connect(errno)), Some(Rank::Unusable), "{errno}");
    }
    let itself = Error::refused(Operation::Connect, Refusal::ConnectedToItself);
    assert_eq!(failure(near, Outcome::Failed(itself)), Some(Rank::Unusable));

    for errno in [libc::EMFILE, libc::ENFILE, libc::ENOBUFS, libc::ENOMEM, libc::EACCES, libc::EPERM] {
        assert_eq!(failure(near, failed(Operation::Socket, Syscall::Socket, errno)), None, "{errno}");
        assert_eq!(failure(near, refused_to_connect(errno)), None, "{errno}");
    }
    for errno in [libc::EADDRNOTAVAIL, libc::EAGAIN, libc::EINVAL, libc::ENETDOWN] {
        assert_eq!(failure(near, refused_to_connect(errno)), None, "{errno}");
    }
    // The failed call was not the connect, or not this attempt's.
    assert_eq!(failure(near, failed(Operation::Bind, Syscall::Bind, libc::ECONNREFUSED)), None);
    assert_eq!(failure(near, failed(Operation::Connect, Syscall::SetSockOpt, libc::ECONNREFUSED)), None);
    assert_eq!(failure(nowhere, refused_to_connect(libc::ENETUNREACH)), None, "rule 1 sees to it");
    assert_eq!(failure("unix:/x".parse().unwrap(), refused_to_connect(libc::ECONNREFUSED)), None);

    let silent = |took, cancelled| learned(&hasty(), near, took, Outcome::NoAnswer, cancelled);
    assert_eq!(silent(delay / 2, false), None, "it was outrun within the race's own delay");
    assert_eq!(silent(delay, false), Some(Rank::Unusable));
    assert_eq!(silent(delay, true), None, "the dial was cancelled");

    let connected = |settings: &Settings| learned(settings, near, delay, Outcome::Connected, false);
    assert_eq!(connected(&hasty()), Some(Rank::Used(delay)));
    assert_eq!(
        connected(&Settings { connect: ConnectOptions::new().tfo(true), ..hasty() }),
        None,
        "nobody has answered yet"
    );
    assert_eq!(connected(&Settings { socktype: Type::DGRAM, ..hasty() }), None, "nor here");
}

#[test]
fn a_lookup_that_no_attempt_was_left_for_is_not_blamed() {
    let (_holder, refusing) = refusing();
    let pace = Pace { max_attempts: 1, ..Pace::default() };
    let settings = Settings { pace, ..Settings::default() };
    let mut attempts = Attempts::new(&settings, None, Instant::now(), &[], &[Domain::IPV4, Domain::IPV6]);
    attempts.answered(Duration::ZERO, (Domain::IPV4, Ok(vec![refusing])));
    let limits = Limits { start: Instant::now(), timeout: None, cancel: None };
    let resolver: Arc<dyn Resolver> = Arc::new(SystemResolver);
    let (ended, report) = run(attempts, None, &resolver, &limits);
    assert!(matches!(ended, Err(DialFailure::NoneAnswered)));
    assert_eq!(report.lookups.len(), 1, "{report}");
    assert!(!report.to_string().contains("no answer"), "{report}");
}

#[test]
fn after_each_attempt_that_fails_at_once_the_dial_may_be_ended() {
    // TCP has no route to a multicast group, whatever routes there are.
    let groups = [1, 2, 3].map(|last| SocketAddr::from(([224, 0, 1, last], 1)));
    let settings = Settings::default();
    let mut attempts = Attempts::new(&settings, None, Instant::now(), &groups, &[]);
    for made in 1..=groups.len() {
        assert!(matches!(attempts.advance(Duration::ZERO), Turn::Again));
        assert_eq!(attempts.report.attempts.len(), made);
    }
    assert!(matches!(attempts.advance(Duration::ZERO), Turn::Exhausted));
}

#[test]
fn who_answered_as_another_won_was_not_silent() {
    let ((_one, v6), (_two, v4)) = (listener("[::1]:0"), listener("127.0.0.1:0"));
    let (history, settings, began) = (AddressHistory::new(16), hasty(), Instant::now());
    let delay = settings.pace.attempt_delay;
    let mut attempts = Attempts::new(&settings, Some(&history), began, &[v6, v4], &[]);
    let Turn::Watch(first, late) = attempts.advance(Duration::ZERO) else { panic!("no attempt") };
    let Turn::Watch(second, won) = attempts.advance(delay) else { panic!("no second attempt") };
    // Both are connected by now, and the second is polled first.
    crate::fd::wait(late.as_fd(), crate::Interest::Write, None).unwrap();
    crate::fd::wait(won.as_fd(), crate::Interest::Write, None).unwrap();
    assert!(matches!(attempts.decided(delay * 2, second, won), Decided::Won(_)));
    attempts.closing(first, late);
    drop(attempts.end(delay * 2, false, []));
    assert_eq!(history.rank(&v6, began), Rank::Unknown);
    assert_eq!(history.rank(&v4, began), Rank::Used(delay));
    // The history learned it when the dial ended.
    assert_eq!(history.rank(&v4, began + LIFETIME + delay), Rank::Used(delay));
    assert_eq!(history.rank(&v4, began + LIFETIME + delay * 2), Rank::Unknown);
}

#[test]
fn what_never_began_is_told_of_its_family() {
    let settings = patient();
    let attempts = Attempts::new(&settings, None, Instant::now(), &[], &BOTH);
    let why = Error::from_kind(Operation::Lookup, crate::ErrorKind::OutOfResources);
    let report = attempts.end(Duration::from_secs(1), false, [(Domain::IPV4, why)]);
    let ended = |lookup: &LookupReport| (lookup.family, matches!(lookup.answer, Some(Err(_))));
    let ended: Vec<_> = report.lookups.iter().map(ended).collect();
    assert_eq!(ended, [(Domain::IPV6, false), (Domain::IPV4, true)]);
}

#[test]
fn ipv6_leads_without_ipv4_s_answer_only_where_it_would_anyhow() {
    let settings = patient();
    let first = |v6: &str| {
        let mut attempts = Attempts::new(&settings, None, Instant::now(), &[], &BOTH);
        attempts.answered(Duration::ZERO, (Domain::IPV6, Ok(vec![v6.parse().unwrap()])));
        attempts.advance(Duration::ZERO)
    };
    let (_listener, near) = listener("[::1]:0");
    assert!(matches!(first(&near.to_string()), Turn::Watch(..)));
    // Reserved, so without a route: IPv4 would go first (RFC 6724, rule 1).
    assert!(
        matches!(first("[4000::1]:1"), Turn::Wait(Some(until)) if until == settings.pace.resolution_delay)
    );
}

#[test]
fn of_an_answer_a_bounded_number_is_used() {
    let ip = |family, number: u32| match family {
        Domain::IPV6 => SocketAddr::from((
            ((0x0064_ff9b_u128 << 96) | (u128::from(number) << 32) | 0xc000_00aa).to_be_bytes(),
            1,
        )),
        _ => SocketAddr::from(((0x7f01_0000 + number).to_be_bytes(), 1)),
    };
    let settings = Settings { nat64: true, ..Settings::default() };
    let history = AddressHistory::new(4096);
    let now = Instant::now();
    // All are unusable, so the race itself would keep all of them.
    (0..4000).for_each(|number| history.learn(ip(Domain::IPV4, number), Rank::Unusable, now));
    let mut attempts = Attempts::new(&settings, Some(&history), now, &[], &BOTH);
    let v4 = (0..4000).map(|number| ip(Domain::IPV4, number)).collect();
    attempts.answered(Duration::ZERO, (Domain::IPV4, Ok(v4)));
    assert_eq!(attempts.race.candidates(), MOST_OF_ANSWER);
    assert!(matches!(attempts.report.lookups[1].answer, Some(Ok(4000))), "{}", attempts.report);
    // A caller's list may have one family after the other.
    let list: Vec<_> =
        (0..600).map(|number| ip(if number < 300 { Domain::IPV4 } else { Domain::IPV6 }, number)).collect();
    let listed = Attempts::new(&settings, Some(&history), now, &list, &[]);
    assert!(listed.race.leaders().iter().all(Option::is_some));
    // The prefixes of a NAT64.
    let prefixes = (0..4000).map(|number| ip(Domain::IPV6, number)).collect();
    attempts.discovered(Duration::ZERO, Ok(prefixes));
    let Discovery::Done(prefixes) = &attempts.nat64.discovery else { panic!("{attempts:?}") };
    assert_eq!(prefixes.len(), nat64::MOST_PREFIXES);
}

#[test]
fn what_is_kept_is_asked_only_where_the_other_family_has_nothing() {
    let (_listener, v6) = listener("[::1]:0");
    let (service, socktype) = ("80".into(), Type::STREAM);
    let question = Question { host: Some("name".into()), service, family: Domain::IPV6, socktype };
    let settings = patient();
    let attempts = || {
        let mut attempts = Attempts::new(&settings, None, Instant::now(), &[], &[Domain::IPV4]);
        attempts.defer(question.clone());
        assert!(attempts.take_question().is_none());
        attempts
    };
    let failed = || Error::from_kind(Operation::Lookup, ErrorKind::LookupFailed);
    for nothing in [Ok(Vec::new()), Err(failed())] {
        let mut attempts = attempts();
        attempts.answered(Duration::ZERO, (Domain::IPV4, nothing));
        assert_eq!(attempts.take_question(), Some((Domain::IPV6, question.clone())));
        assert!(attempts.take_question().is_none(), "once");
        assert!(matches!(attempts.advance(Duration::ZERO), Turn::Wait(None)), "the answer is waited for");
        attempts.answered(Duration::ZERO, (Domain::IPV6, Ok(vec![v6])));
        assert!(matches!(attempts.advance(Duration::ZERO), Turn::Watch(..) | Turn::Won(_)));
        let families: Vec<_> = attempts.report.lookups.iter().map(|lookup| lookup.family).collect();
        assert_eq!(families, [Domain::IPV4, Domain::IPV6]);
    }
    let mut attempts = attempts();
    attempts.answered(Duration::ZERO, (Domain::IPV4, Ok(vec![refusing().1])));
    assert!(attempts.take_question().is_none(), "it has an address");
}
