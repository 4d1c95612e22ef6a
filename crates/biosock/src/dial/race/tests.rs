//! The race, tested by tables from RFC 8305 and property tests in simulated time.

use super::*;
use proptest::prelude::*;

const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// `6a` is an IPv6 address, `4a` an IPv4 one; the letter distinguishes them.
fn addr(name: &str) -> SocketAddr {
    let last = name.as_bytes()[1];
    match name.as_bytes()[0] {
        b'6' => SocketAddr::from(([0x2001, 0xdb8, 0, 0, 0, 0, 0, u16::from(last)], 443)),
        _ => SocketAddr::from(([192, 0, 2, last], 443)),
    }
}

fn name(addr: SocketAddr) -> String {
    let family = if addr.family() == Domain::IPV6 { '6' } else { '4' };
    let last = addr.raw_address().last().copied().unwrap_or_default();
    format!("{family}{}", char::from(last))
}

#[derive(Clone, Copy, Debug)]
enum Event {
    /// An answer: the family and its addresses.
    Answer(Domain, &'static [&'static str]),
    /// An attempt fails.
    Fail,
}

const V6: Domain = Domain::IPV6;
const V4: Domain = Domain::IPV4;

fn usable(_: &SocketAddr) -> bool {
    false
}

/// As found by its family's lookup.
fn given(name: &str) -> (Domain, SocketAddr) {
    let addr = addr(name);
    (addr.family(), addr)
}

/// Runs a race with these events; returns the start time of each address.
fn starts(pace: Pace, pending: &[Domain], events: &[(u64, Event)]) -> Vec<(u64, String)> {
    let mut race = Race::new(pace, pending);
    let mut events = events.iter().peekable();
    let mut started = Vec::new();
    for now in 0..20_000 {
        while let Some((_, event)) = events.next_if(|(at, _)| *at == now) {
            match *event {
                Event::Answer(family, names) => {
                    race.add(names.iter().map(|name| given(name)), usable);
                    race.looked_up(ms(now), family);
                }
                Event::Fail => race.failed(ms(now)),
            }
        }
        while let Step::Start(addr) = race.step(ms(now)) {
            started.push((now, name(addr)));
        }
    }
    started
}

#[test]
fn nothing_leads_once_an_attempt_has_started() {
    let mut race = Race::new(Pace::default(), &[]);
    race.add([given("6a"), given("6b"), given("4a")], usable);
    assert_eq!(race.leaders(), [Some(addr("6a")), Some(addr("4a"))]);
    assert!(matches!(race.step(ms(0)), Step::Start(_)));
    assert_eq!(race.leaders(), [None, None]);
}

#[test]
fn a_wait_for_answers_begins_with_the_first_address_and_is_not_renewed() {
    // The third is like NAT64's: unusable addresses wait for it.
    let third = Domain::UNIX;
    let delay = Pace::default().resolution_delay;
    let mut race = Race::new(Pace::default(), &[V6, V4, third]);
    race.looked_up(ms(0), V6);
    race.add([given("4a")], |_| true);
    race.looked_up(ms(1000), V4);
    assert!(matches!(race.step(ms(1000)), Step::Wait(Some(end)) if end == ms(1000) + delay));
    let mut race = Race::new(Pace::default(), &[V6, V4, third]);
    race.add([given("4a")], |_| true);
    race.looked_up(ms(0), V4);
    race.looked_up(delay / 2, V6);
    assert!(matches!(race.step(delay), Step::Start(_)));
}

#[test]
fn rfc_8305_by_tables() {
    use Event::{Answer, Fail};
    type Row = (&'static str, &'static [(u64, Event)], &'static [(u64, &'static str)]);
    let rows: &[Row] = &[
        (
            "section 3: a AAAA answer starts the race at once",
            &[(5, Answer(V6, &["6a"])), (9, Answer(V4, &["4a"]))],
            &[(5, "6a"), (255, "4a")],
        ),
        (
            "section 3: an A answer waits 50 ms for the AAAA answer, which then goes first",
            &[(5, Answer(V4, &["4a"])), (54, Answer(V6, &["6a"]))],
            &[(54, "6a"), (304, "4a")],
        ),
        (
            "section 3: and no longer than that; the late answer joins the race",
            &[(5, Answer(V4, &["4a", "4b"])), (100, Answer(V6, &["6a"]))],
            &[(55, "4a"), (305, "6a"), (555, "4b")],
        ),
        (
            "section 3: an empty or failed AAAA answer ends the waiting",
            &[(5, Answer(V4, &["4a"])), (7, Answer(V6, &[]))],
            &[(7, "4a")],
        ),
        (
            "an AAAA answer that never comes delays by 50 ms, once",
            &[(5, Answer(V4, &["4a", "4b"]))],
            &[(55, "4a"), (305, "4b")],
        ),
        (
            "section 4: families are interleaved, each in the resolver's order",
            &[(0, Answer(V6, &["6a", "6b", "6c"])), (0, Answer(V4, &["4a", "4b"]))],
            &[(0, "6a"), (250, "4a"), (500, "6b"), (750, "4b"), (1000, "6c")],
        ),
        (
            "section 5: a failure starts the next at once, and its delay counts from there",
            &[(0, Answer(V6, &["6a", "6b"])), (0, Answer(V4, &["4a"])), (30, Fail)],
            &[(0, "6a"), (30, "4a"), (280, "6b")],
        ),
        (
            "section 5: an address that comes after all have failed starts at once",
            &[(0, Answer(V4, &["4a"])), (60, Fail), (5000, Answer(V6, &["6a"]))],
            &[(50, "4a"), (5000, "6a")],
        ),
        (
            "after an early failure the other family's answer has the rest of the 50 ms",
            &[(0, Answer(V6, &["6a", "6b"])), (1, Fail), (40, Answer(V4, &["4a"]))],
            &[(0, "6a"), (40, "4a"), (290, "6b")],
        ),
        ("and no more than that", &[(0, Answer(V6, &["6a", "6b"])), (1, Fail)], &[(0, "6a"), (50, "6b")]),
        (
            "duplicates are dropped",
            &[(0, Answer(V6, &["6a", "6a"])), (0, Answer(V4, &["4a", "4a"]))],
            &[(0, "6a"), (250, "4a")],
        ),
    ];
    for (rule, events, expected) in rows {
        let expected: Vec<_> = expected.iter().map(|(at, name)| (*at, (*name).to_owned())).collect();
        assert_eq!(starts(Pace::default(), &[V6, V4], events), expected, "{rule}");
    }
}

#[test]
fn a_given_list_starts_with_its_first_address() {
    let mut race = Race::new(Pace::default(), &[]);
    race.add(["4a", "4b", "6a"].map(given), usable);
    assert_eq!(race.step(ms(0)), Step::Start(addr("4a")));
    assert_eq!(race.step(ms(0)), Step::Wait(Some(ms(250))));
    assert_eq!(race.step(ms(250)), Step::Start(addr("6a")));
}

#[test]
fn the_leading_family_goes_first_and_leaders_exist_only_before_the_start() {
    let mut race = Race::new(Pace::default(), &[V6, V4]);
    race.add(["6a", "6b"].map(given), usable);
    assert_eq!(race.leaders(), [Some(addr("6a")), None]);
    race.add(["4a"].map(given), usable);
    assert_eq!(race.leaders(), ["6a", "4a"].map(|name| Some(addr(name))));
    race.lead(V4);
    race.looked_up(ms(1), V6);
    race.looked_up(ms(1), V4);
    let order: Vec<_> = (0..3).map(|n| race.step(ms(1 + n * 250))).collect();
    assert_eq!(order, ["4a", "6a", "6b"].map(|name| Step::Start(addr(name))));
    assert_eq!(race.leaders(), [None; 2], "it has started");
}

#[test]
fn section_4_the_first_family_may_have_more_than_one_turn() {
    let order = |count| {
        let mut race = Race::new(Pace::default(), &[]).with_first_family_count(count);
        race.add(["6a", "6b", "6c", "4a", "4b"].map(given), usable);
        let step = |n: u64| match race.step(ms(n * 250)) {
            Step::Start(addr) => name(addr),
            other => panic!("{other:?}"),
        };
        (0..5).map(step).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(order(0), "6a 4a 6b 4b 6c");
    assert_eq!(order(1), "6a 4a 6b 4b 6c");
    assert_eq!(order(2), "6a 6b 4a 6c 4b");
    assert_eq!(order(9), "6a 6b 6c 4a 4b");
}

#[test]
fn unusable_addresses_go_last_in_either_family() {
    let unusable = |addr: &SocketAddr| ["6a", "4b"].contains(&&*name(*addr));
    let mut race = Race::new(Pace::default(), &[V6, V4]);
    race.add(["6a", "6b", "6c", "4a", "4b"].map(given), unusable);
    assert_eq!(race.leaders(), ["6b", "4a"].map(|name| Some(addr(name))));
    race.looked_up(ms(0), V6);
    race.looked_up(ms(0), V4);
    let order: Vec<_> = (0..5).map(|n| race.step(ms(n * 250))).collect();
    assert_eq!(order, ["6b", "4a", "6c", "4b", "6a"].map(|name| Step::Start(addr(name))));
}

#[test]
fn an_unusable_address_waits_for_the_other_familys_answer() {
    let unusable = |addr: &SocketAddr| addr.family() == V6;
    let mut race = Race::new(Pace::default(), &[V6, V4]);
    race.add(["6a"].map(given), unusable);
    race.looked_up(ms(1), V6);
    assert_eq!(race.step(ms(1)), Step::Wait(Some(ms(51))));
    race.add(["4a"].map(given), unusable);
    race.looked_up(ms(2), V4);
    assert_eq!(race.step(ms(2)), Step::Start(addr("4a")));
}

/// Two answers in close succession, in either order, with IPv4 first by RFC 6724.
#[test]
fn the_leading_family_does_not_depend_on_which_answer_is_first() {
    for [first, second] in [[V6, V4], [V4, V6]] {
        let mut race = Race::new(Pace::default(), &[V6, V4]);
        let mut answer = |now, family| {
            let addrs = if family == V6 { ["6a", "6b"] } else { ["4a", "4b"] };
            race.add(addrs.map(given), usable);
            match race.leaders() {
                [Some(_), Some(_)] => race.lead(V4),
                [Some(_), None] => race.let_v4_lead(true),
                _ => {}
            }
            race.looked_up(ms(now), family);
            race.step(ms(now))
        };
        assert_eq!(answer(1, first), Step::Wait(Some(ms(51))), "{first} first");
        assert_eq!(answer(2, second), Step::Start(addr("4a")), "{first} first");
        let order: Vec<_> = (1..4).map(|n| race.step(ms(2 + n * 250))).collect();
        assert_eq!(order, ["6a", "4b", "6b"].map(|name| Step::Start(addr(name))));
    }
    // Nor does it depend on an answer that does not arrive.
    let mut race = Race::new(Pace::default(), &[V6, V4]);
    race.add(["6a"].map(given), usable);
    race.let_v4_lead(true);
    race.looked_up(ms(1), V6);
    assert_eq!(race.step(ms(51)), Step::Start(addr("6a")));
}

#[test]
fn the_delay_is_clamped_to_the_rfcs_bounds() {
    for (asked, held) in [(0, 10), (10, 10), (250, 250), (60_000, 2000)] {
        let pace = Pace { attempt_delay: ms(asked), ..Pace::default() };
        let mut race = Race::new(pace, &[]);
        race.add(["4a", "4b"].map(given), usable);
        assert_eq!(race.step(ms(0)), Step::Start(addr("4a")));
        assert_eq!(race.step(ms(0)), Step::Wait(Some(ms(held))));
    }
}

/// The maximum of attempts is not used up before the other family has had one.
#[test]
fn the_last_attempt_is_reserved_for_a_family_that_had_none() {
    use Event::{Answer, Fail};
    type Row = (&'static str, usize, &'static [(u64, Event)], &'static [(u64, &'static str)]);
    let rows: &[Row] = &[
        (
            "for one whose answer is out",
            2,
            &[(0, Answer(V6, &["6a", "6b"])), (5, Fail), (90, Answer(V4, &["4a", "4b"]))],
            &[(0, "6a"), (90, "4a")],
        ),
        (
            "either family",
            2,
            &[(0, Answer(V4, &["4a", "4b"])), (55, Fail), (90, Answer(V6, &["6a"]))],
            &[(50, "4a"), (90, "6a")],
        ),
        (
            "not once its answer is that there is none",
            2,
            &[(0, Answer(V6, &["6a", "6b"])), (5, Fail), (90, Answer(V4, &[]))],
            &[(0, "6a"), (90, "6b")],
        ),
        (
            "only the last",
            3,
            &[(0, Answer(V6, &["6a", "6b", "6c"])), (900, Answer(V4, &["4a"]))],
            &[(0, "6a"), (250, "6b"), (900, "4a")],
        ),
        (
            "the only one is not kept",
            1,
            &[(0, Answer(V6, &["6a", "6b"])), (5, Fail), (90, Answer(V4, &["4a"]))],
            &[(0, "6a")],
        ),
        (
            "a family that had one gets no other",
            2,
            &[(0, Answer(V6, &["6a", "6b", "6c"])), (0, Answer(V4, &["4a", "4b"])), (5, Fail), (6, Fail)],
            &[(0, "6a"), (5, "4a")],
        ),
    ];
    for (rule, max_attempts, events, expected) in rows {
        let pace = Pace { max_attempts: *max_attempts, ..Pace::default() };
        let expected: Vec<_> = expected.iter().map(|(at, name)| (*at, (*name).to_owned())).collect();
        assert_eq!(starts(pace, &[V6, V4], events), expected, "{rule}");
    }
    // Nor is it used up by one family's turns.
    let pace = Pace { max_attempts: 2, ..Pace::default() };
    let mut race = Race::new(pace, &[]).with_first_family_count(9);
    race.add(["6a", "6b", "4a"].map(given), usable);
    assert_eq!([0, 250].map(|now| race.step(ms(now))), ["6a", "4a"].map(|name| Step::Start(addr(name))));
}

#[test]
fn a_list_is_truncated_to_the_number_of_attempts() {
    let numbered = |family, number: u32| {
        let [.., high, middle, low] = number.to_be_bytes();
        let addr = SocketAddr::from(([10, high, middle, low], 443));
        (family, addr)
    };
    let mut race = Race::new(Pace { max_attempts: 3, ..Pace::default() }, &[V6, V4]);
    // Unusable addresses do not keep out usable ones that follow.
    let unusable = |addr: &SocketAddr| addr.raw_address().last() < Some(&2);
    race.add((0..1_000_000).map(|number| numbered(V4, number)), unusable);
    assert!(race.candidates.len() < 3 * 256, "{} are kept", race.candidates.len());
    race.add([given("6a")], usable);
    race.looked_up(ms(0), V6);
    race.looked_up(ms(0), V4);
    let order: Vec<_> = (0..3).map(|n| race.step(ms(n * 250))).collect();
    let expected = [addr("6a"), numbered(V4, 2).1, numbered(V4, 3).1];
    assert_eq!(order, expected.map(Step::Start));
}

#[test]
fn the_last_attempt_is_reserved_for_nat64_too() {
    let nat64 = Domain::UNSPEC;
    let pace = Pace { max_attempts: 3, ..Pace::default() };
    let mut race = Race::new(pace, &[]);
    race.add(["6a", "4a", "6b", "6c"].map(given), usable);
    assert_eq!(race.step(ms(0)), Step::Start(addr("6a")));
    race.failed(ms(1));
    assert_eq!(race.step(ms(1)), Step::Start(addr("4a")));
    race.expect(nat64);
    race.failed(ms(1));
    assert_eq!(race.step(ms(500)), Step::Wait(None));
    race.add([(nat64, addr("6n"))], usable);
    race.looked_up(ms(501), nat64);
    assert_eq!(race.step(ms(501)), Step::Start(addr("6n")));
}

#[test]
fn an_exhausted_race_says_so() {
    let mut race = Race::new(Pace::default(), &[V4]);
    assert_eq!(race.step(ms(0)), Step::Wait(None));
    race.add(["4a"].map(given), usable);
    race.looked_up(ms(1), V4);
    assert_eq!(race.step(ms(1)), Step::Start(addr("4a")));
    assert_eq!(race.step(ms(1)), Step::Wait(None));
    race.failed(ms(2));
    assert_eq!(race.step(ms(2)), Step::Exhausted);
}

/// The outcome of an attempt, and after how long.
#[derive(Clone, Copy, Debug)]
enum Fate {
    Connects(u64),
    Fails(u64),
    Silent,
}

/// A network: when each family's answer arrives, if ever, and the fates of its addresses.
#[derive(Clone, Debug)]
struct Network {
    answers: [(Option<u64>, Vec<Fate>); 2],
    pace: Pace,
    first_family_count: usize,
    deadline: u64,
}

fn networks() -> impl Strategy<Value = Network> {
    let fate = prop_oneof![
        (0u64..600).prop_map(Fate::Connects),
        (0u64..600).prop_map(Fate::Fails),
        Just(Fate::Silent),
    ];
    let answer = || (proptest::option::of(0u64..400), prop::collection::vec(fate.clone(), 0..5));
    let pace = (0u64..100, 0u64..500, 1usize..8).prop_map(|(resolution, attempt, max_attempts)| Pace {
        resolution_delay: ms(resolution),
        attempt_delay: ms(attempt),
        max_attempts,
    });
    ([answer(), answer()], pace, 0usize..4, 0u64..3000).prop_map(
        |(answers, pace, first_family_count, deadline)| Network {
            answers,
            pace,
            first_family_count,
            deadline,
        },
    )
}

/// The end of a simulated dial.
#[derive(Debug, PartialEq)]
enum End {
    Connected,
    Exhausted,
    Deadline,
}

#[derive(Debug, Default)]
struct Course {
    starts: Vec<(u64, SocketAddr)>,
    failures: Vec<u64>,
    in_flight: Vec<(u64, Fate)>,
}

fn simulate(network: &Network) -> (End, Course) {
    let families = [(V6, '6'), (V4, '4')];
    let mut race = Race::new(network.pace, &[V6, V4]).with_first_family_count(network.first_family_count);
    let mut course = Course::default();
    let mut fates = Vec::new();
    for now in 0..=network.deadline {
        for ((family, digit), (at, list)) in families.iter().zip(&network.answers) {
            if *at == Some(now) {
                let addrs: Vec<_> =
                    (b'a'..).take(list.len()).map(|c| addr(&format!("{digit}{}", char::from(c)))).collect();
                fates.extend(addrs.iter().copied().zip(list.iter().copied()));
                race.add(addrs.into_iter().map(|addr| (*family, addr)), usable);
                race.looked_up(ms(now), *family);
            }
        }
        let (ended, going): (Vec<_>, Vec<_>) = course.in_flight.iter().partition(
            |(start, fate)| matches!(fate, Fate::Connects(d) | Fate::Fails(d) if start + d == now),
        );
        course.in_flight = going;
        let mut ended = ended.into_iter();
        while let Some((_, fate)) = ended.next() {
            if matches!(fate, Fate::Connects(_)) {
                // Simultaneous outcomes are ignored.
                course.in_flight.extend(ended);
                return (End::Connected, course);
            }
            course.failures.push(now);
            race.failed(ms(now));
        }
        loop {
            match race.step(ms(now)) {
                Step::Start(addr) => {
                    course.starts.push((now, addr));
                    let fate = fates
                        .iter()
                        .find(|(known, _)| *known == addr)
                        .map_or(Fate::Silent, |(_, fate)| *fate);
                    match fate {
                        Fate::Connects(0) => return (End::Connected, course),
                        Fate::Fails(0) => {
                            course.failures.push(now);
                            race.failed(ms(now));
                        }
                        fate => course.in_flight.push((now, fate)),
                    }
                }
                Step::Wait(until) => {
                    assert!(
                        until.is_none_or(|until| until > ms(now)),
                        "a wait that is over: {until:?} at {now}"
                    );
                    break;
                }
                Step::Exhausted => return (End::Exhausted, course),
            }
        }
    }
    (End::Deadline, course)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

    #[test]
    fn any_network_is_raced_by_the_rules(network in networks()) {
        let (end, course) = simulate(&network);
        let pace = network.pace.bounded();

        // No two starts are closer than the delay without a failure between them.
        for pair in course.starts.windows(2) {
            let (one, two) = (pair[0].0, pair[1].0);
            let failed = course.failures.iter().any(|at| (one..=two).contains(at));
            prop_assert!(failed || ms(two - one) >= pace.attempt_delay, "{one} then {two}");
        }
        // An attempt starts as soon as possible: at the latest when the first answer
        // with an address has waited its time.
        let first_answer = network.answers.iter().filter(|(_, list)| !list.is_empty()).filter_map(|(at, _)| *at).min();
        let patience = u64::try_from(network.pace.resolution_delay.as_millis()).unwrap_or(u64::MAX);
        if let Some(due) = first_answer.map(|at| at + patience).filter(|due| *due <= network.deadline) {
            prop_assert!(course.starts.first().is_some_and(|(at, _)| *at <= due), "nothing by {due}");
        }
        // No address twice, no more than the maximum, each from an answer that had arrived.
        let mut seen = Vec::new();
        for (at, addr) in &course.starts {
            prop_assert!(!seen.contains(addr));
            seen.push(*addr);
            let answered = network.answers[usize::from(addr.family() == V4)].0;
            prop_assert!(answered.is_some_and(|answered| answered <= *at));
        }
        prop_assert!(course.starts.len() <= pace.max_attempts);
        // Every attempt is accounted for.
        let connected = usize::from(end == End::Connected);
        prop_assert_eq!(course.starts.len(), course.failures.len() + course.in_flight.len() + connected);
        // The race ends only when nothing is left.
        if end == End::Exhausted {
            prop_assert!(course.in_flight.is_empty());
            let known: usize = network.answers.iter().filter(|(at, _)| at.is_some()).map(|(_, list)| list.len()).sum();
            let all_came = network.answers.iter().all(|(at, _)| at.is_some());
            prop_assert!(course.starts.len() == pace.max_attempts || (all_came && course.starts.len() == known));
            // And each family that may have had an address had an attempt.
            for ((at, list), family) in network.answers.iter().zip([V6, V4]) {
                let none = at.is_some() && list.is_empty();
                let tried = course.starts.iter().any(|(_, addr)| addr.family() == family);
                prop_assert!(none || tried || pace.max_attempts < 2, "{family} was not tried");
            }
        }
    }
}

#[test]
fn the_longest_resolution_delay_waits_for_the_answer() {
    let pace = Pace { resolution_delay: Duration::MAX, ..Pace::default() };
    let events = [(5, Event::Answer(V4, &["4a"])), (9_000, Event::Answer(V6, &[]))];
    assert_eq!(starts(pace, &[V6, V4], &events), [(9_000, "4a".into())]);
}
