//! The outcomes of dials in every kind of broken network: what won, what the report has
//! of each attempt, and that nothing is left.

mod common;

use std::time::Duration;

use biosock_lab::client::Kind;
use biosock_lab::scenario::{self, Host, Reply, Scenario};
use common::{DRIVERS, dialed, dialed_to, each_driver, world};

/// The name's first addresses.
const V6: &str = "[2001:db8::8000]:8443";
const V4: &str = "10.66.0.128:8443";

#[test]
fn all_good() {
    each_driver("all_good", &scenario::all_good(), |said| {
        assert_eq!(said.attempts(), [format!("{V6} connected")]);
        assert_eq!(said.winner(), V6);
        assert_eq!(said.lookups().len(), 2, "{said:?}");
    });
}

#[test]
fn a_literal_address_is_not_looked_up() {
    let Some(world) = world("a_literal_address_is_not_looked_up", scenario::all_good()) else { return };
    let said = dialed_to(&world, Kind::Ours, V4);
    assert_eq!(said.attempts(), [format!("{V4} connected")]);
    assert!(said.lookups().is_empty(), "{said:?}");
}

#[test]
fn the_first_is_silent() {
    each_driver("the_first_is_silent", &scenario::first_silent(), |said| {
        assert_eq!(said.attempts(), [format!("{V6} no answer"), format!("{V4} connected")]);
        assert_eq!(said.winner(), V4);
    });
}

#[test]
fn the_first_ten_are_silent() {
    each_driver("the_first_ten_are_silent", &scenario::first_ten_silent(), |said| {
        let silent = |at| {
            [format!("[2001:db8::800{at}]:8443 no answer"), format!("10.66.0.{}:8443 no answer", 128 + at)]
        };
        let mut expected: Vec<_> = (0..5).flat_map(silent).collect();
        expected.push("[2001:db8::8005]:8443 connected".into());
        assert_eq!(said.attempts(), expected);
        said.assert_in_order();
    });
}

#[test]
fn the_ipv6_answer_never_comes() {
    each_driver("the_ipv6_answer_never_comes", &scenario::aaaa_never(), |said| {
        assert_eq!(said.attempts(), [format!("{V4} connected")]);
        assert_eq!(said.lookups(), ["IPv4 1", "IPv6 none"]);
    });
}

#[test]
fn the_ipv4_answer_never_comes() {
    let scenario = Scenario { a: Reply::Never, ..scenario::all_good() };
    each_driver("the_ipv4_answer_never_comes", &scenario, |said| {
        assert_eq!(said.attempts(), [format!("{V6} connected")]);
        assert_eq!(said.lookups(), ["IPv4 none", "IPv6 1"]);
    });
}

#[test]
fn a_late_answer_joins_the_race() {
    // It arrives after the resolution delay has ended, and IPv4 is silent.
    let aaaa = Reply::Late(Duration::from_millis(800));
    let scenario = Scenario { aaaa, v4: vec![Host::Silent], ..scenario::all_good() };
    each_driver("a_late_answer_joins_the_race", &scenario, |said| {
        assert_eq!(said.attempts(), [format!("{V4} no answer"), format!("{V6} connected")]);
        assert_eq!(said.lookups(), ["IPv4 1", "IPv6 1"]);
    });
}

#[test]
fn a_family_whose_lookup_fails() {
    let scenario = Scenario { aaaa: Reply::Fails, ..scenario::all_good() };
    each_driver("a_family_whose_lookup_fails", &scenario, |said| {
        assert_eq!(said.attempts(), [format!("{V4} connected")]);
        assert!(said.lookups()[1].contains("look up"), "{said:?}");
    });
}

#[test]
fn a_family_without_addresses() {
    let scenario = Scenario { v6: vec![], ..scenario::all_good() };
    each_driver("a_family_without_addresses", &scenario, |said| {
        assert_eq!(said.attempts(), [format!("{V4} connected")]);
    });
}

#[test]
fn a_name_of_the_hosts_file_is_not_asked_of_dns() {
    let hosts_file = vec![V4.parse::<std::net::SocketAddr>().unwrap().ip()];
    let scenario = Scenario { hosts_file, ..scenario::all_good() };
    each_driver("a_name_of_the_hosts_file_is_not_asked_of_dns", &scenario, |said| {
        assert_eq!(said.attempts(), [format!("{V4} connected")]);
        assert_eq!(said.lookups(), ["IPv4 1", "IPv6 0"]);
    });
}

#[test]
fn a_name_of_the_hosts_file_is_at_hand() {
    let hosts_file = vec![V4.parse::<std::net::SocketAddr>().unwrap().ip()];
    let scenario = Scenario { hosts_file, ..scenario::all_good() };
    let Some(world) = world("a_name_of_the_hosts_file_is_at_hand", scenario) else { return };
    for kind in [Kind::Ours, Kind::Tokio] {
        let said = dialed(&world, kind);
        // One answer for both families; two threads would not take the same time to the nanosecond.
        let lookups = &said.0["report"]["lookups"];
        assert!(lookups[0]["took"].is_f64() && lookups[0]["took"] == lookups[1]["took"], "{said:?}");
    }
}

#[test]
fn no_such_name() {
    let scenario = Scenario { aaaa: Reply::Denies, a: Reply::Denies, ..scenario::all_good() };
    each_driver("no_such_name", &scenario, |said| {
        assert_eq!((said.failure(), said.attempts().len()), ("none answered", 0));
        assert!(said.0["message"].as_str().unwrap().contains("no address found"), "{said:?}");
    });
}

#[test]
fn no_answer_from_dns_before_the_deadline() {
    let deadline = Some(Duration::from_millis(300));
    let scenario = Scenario { aaaa: Reply::Never, a: Reply::Never, deadline, ..scenario::all_good() };
    each_driver("no_answer_from_dns_before_the_deadline", &scenario, |said| {
        assert_eq!((said.failure(), said.attempts().len()), ("timed out", 0));
        assert_eq!(said.lookups(), ["IPv4 none", "IPv6 none"]);
    });
}

#[test]
fn all_refuse() {
    each_driver("all_refuse", &scenario::all_refuse(), |said| {
        let refused = ["[2001:db8::8000]", "10.66.0.128", "[2001:db8::8001]", "10.66.0.129"]
            .map(|addr| format!("{addr}:8443 connection refused (ECONNREFUSED)"));
        assert_eq!(said.attempts(), refused);
        assert_eq!(said.failure(), "none answered");
    });
}

#[test]
fn all_are_silent_until_the_deadline() {
    let deadline = Some(Duration::from_millis(900));
    let scenario = Scenario { deadline, ..scenario::all_silent() };
    each_driver("all_are_silent_until_the_deadline", &scenario, |said| {
        assert_eq!(said.failure(), "timed out");
        assert!(said.attempts().iter().all(|attempt| attempt.ends_with(" no answer")), "{said:?}");
        said.assert_in_order();
    });
}

#[test]
fn routes_that_refuse() {
    let v4 = vec![Host::Unreachable, Host::Blackhole, Host::Prohibited];
    let scenario = Scenario { v6: vec![Host::Unreachable], v4, ..scenario::all_good() };
    each_driver("routes_that_refuse", &scenario, |said| {
        let mut outcomes: Vec<_> = said
            .attempts()
            .iter()
            .filter_map(|attempt| Some(attempt.split_once(' ')?.1.to_owned()))
            .collect();
        outcomes.sort();
        let expected = [
            "invalid argument (EINVAL)",
            "no route to host (EHOSTUNREACH)",
            "no route to host (EHOSTUNREACH)",
            "permission denied (EACCES)",
        ];
        assert_eq!(outcomes, expected);
        assert_eq!(said.failure(), "none answered");
    });
}

#[test]
fn a_route_that_refuses_costs_the_other_family_nothing() {
    let scenario = Scenario { v6: vec![Host::Unreachable], ..scenario::all_good() };
    each_driver("a_route_that_refuses_costs_the_other_family_nothing", &scenario, |said| {
        // Whichever answer arrives first (RFC 6724, rule 1).
        assert_eq!(said.attempts(), [format!("{V4} connected")]);
    });
}

#[test]
fn a_family_without_a_route_does_not_lead() {
    // IPv6's answer arrives while IPv4's addresses wait for it.
    let aaaa = Reply::Late(Duration::from_millis(30));
    let scenario = Scenario { v6: vec![Host::Unreachable], aaaa, ..scenario::all_good() };
    each_driver("a_family_without_a_route_does_not_lead", &scenario, |said| {
        assert_eq!(said.attempts(), [format!("{V4} connected")]);
    });
}

#[test]
fn an_address_without_a_route_is_tried_once_while_the_other_is_silent() {
    let deadline = Some(Duration::from_millis(900));
    let (v6, v4) = (vec![Host::Unreachable], vec![Host::Silent]);
    let scenario = Scenario { v6, v4, deadline, ..scenario::all_good() };
    each_driver("an_address_without_a_route_is_tried_once_while_the_other_is_silent", &scenario, |said| {
        let expected = [format!("{V4} no answer"), format!("{V6} no route to host (EHOSTUNREACH)")];
        assert_eq!(said.attempts(), expected);
        assert_eq!(said.failure(), "timed out");
    });
}

#[test]
fn one_that_refuses_gives_way_at_once() {
    let scenario = Scenario { v6: vec![Host::Refuses], ..scenario::all_good() };
    each_driver("one_that_refuses_gives_way_at_once", &scenario, |said| {
        assert_eq!(
            said.attempts(),
            [format!("{V6} connection refused (ECONNREFUSED)"), format!("{V4} connected")]
        );
    });
}

#[test]
fn a_far_one_is_not_overtaken_within_the_delay() {
    let v6 = vec![Host::AnswersAfter(Duration::from_millis(60))];
    let scenario = Scenario { v6, ..scenario::all_good() };
    each_driver("a_far_one_is_not_overtaken_within_the_delay", &scenario, |said| {
        assert_eq!(said.attempts(), [format!("{V6} connected")]);
    });
}

#[test]
fn a_slow_one_stays_in_the_race() {
    // It takes longer than the delay, and the attempt that starts then is silent.
    let v6 = vec![Host::AnswersAfter(Duration::from_millis(700))];
    let scenario = Scenario { v6, v4: vec![Host::Silent], ..scenario::all_good() };
    each_driver("a_slow_one_stays_in_the_race", &scenario, |said| {
        assert_eq!(said.attempts(), [format!("{V6} connected"), format!("{V4} no answer")]);
        assert_eq!(said.winner(), V6);
    });
}

#[test]
fn a_lost_packet_costs_a_turn() {
    // The kernel retransmits a SYN only after 1 s.
    let scenario = Scenario { v6: vec![Host::Loses(1)], ..scenario::all_good() };
    each_driver("a_lost_packet_costs_a_turn", &scenario, |said| {
        assert_eq!(said.attempts(), [format!("{V6} no answer"), format!("{V4} connected")]);
    });
}

#[test]
fn a_syn_lost_on_the_way_costs_a_turn_each_time() {
    let name = "a_syn_lost_on_the_way_costs_a_turn_each_time";
    let Some(world) = world(name, scenario::first_loses()) else { return };
    for _ in 0..2 {
        let said = dialed(&world, Kind::Ours);
        assert_eq!(said.attempts(), [format!("{V6} no answer"), format!("{V4} connected")]);
    }
}

#[test]
fn ipv4_is_reached_through_a_nat64() {
    let scenario = Scenario { v6: vec![], nat64: true, ..scenario::all_good() };
    each_driver("ipv4_is_reached_through_a_nat64", &scenario, |said| {
        let expected =
            [format!("{V4} network is unreachable (ENETUNREACH)"), "[64:ff9b::a42:80]:8443 connected".into()];
        assert_eq!(said.attempts(), expected);
    });
}

#[test]
fn a_numeric_address_is_reached_through_a_nat64() {
    let scenario = Scenario { nat64: true, ..scenario::all_good() };
    let Some(world) = world("a_numeric_address_is_reached_through_a_nat64", scenario) else { return };
    for &kind in DRIVERS {
        assert_eq!(dialed_to(&world, kind, V4).winner(), "[64:ff9b::a42:80]:8443");
    }
}

#[test]
fn without_a_nat64_the_first_failure_is_told() {
    // The query for the prefix has no answer: the name server denies the name.
    let scenario = Scenario { v6: vec![], nat64: true, ..scenario::all_good() };
    let Some(world) = world("without_a_nat64_the_first_failure_is_told", scenario) else { return };
    let said = dialed_to(&world, Kind::Ours, "192.0.2.1:1");
    assert!(said.attempts()[0].ends_with("(ENETUNREACH)"), "{said:?}");
    assert_eq!(said.attempts().len(), 2, "{said:?}");
}

#[test]
fn memory_begins_with_who_won() {
    let Some(world) = world("memory_begins_with_who_won", scenario::first_ten_silent()) else { return };
    let said = dialed(&world, Kind::Memory);
    assert_eq!(said.attempts(), ["[2001:db8::8005]:8443 connected"]);
}

#[test]
fn memory_begins_with_the_other_family_too() {
    let name = "memory_begins_with_the_other_family_too";
    let Some(world) = world(name, scenario::first_silent()) else { return };
    assert_eq!(dialed(&world, Kind::Memory).attempts(), [format!("{V4} connected")]);
}
