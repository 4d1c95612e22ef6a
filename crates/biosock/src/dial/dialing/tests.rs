//! Which families a dial looks up.

use std::sync::Arc;

use super::*;
use crate::Type;
use crate::dial::Resolver;

fn question(host: Option<&str>) -> Question {
    let (service, family, socktype) = ("80".into(), Domain::UNSPEC, Type::STREAM);
    Question { host: host.map(String::from), service, family, socktype }
}

#[derive(Debug)]
struct Nobody;

impl Resolver for Nobody {
    fn resolve(&self, _: &Question) -> crate::Result<Vec<SocketAddr>> {
        Ok(Vec::new())
    }
}

#[test]
fn the_routes_decide_only_about_names_that_the_system_looks_up_out_there() {
    let asks = |dialer: Dialer, host| dialer.asks_the_world(&question(host));
    let elsewhere = Some("host.of.dns.example");
    assert!(asks(Dialer::new(), elsewhere));
    for host in [None, Some("localhost"), Some("a.LocalHost."), Some("127.1"), Some("::1")] {
        assert!(!asks(Dialer::new(), host), "{host:?}");
    }
    for dialer in [
        Dialer::new().nat64(true),
        Dialer::new().source_v4([127, 0, 0, 1].into()),
        Dialer::new().device_v6("lo"),
        Dialer::new().resolver(Arc::new(Nobody)),
    ] {
        assert!(!asks(dialer, elsewhere));
    }
}

/// Whatever routes this machine has.
#[test]
fn a_family_is_asked_for_at_once_or_kept_for_later() {
    for host in [Some("host.of.dns.example"), Some("localhost")] {
        let dialer = Dialer::new();
        let (attempts, asked) = dialer.attempts_of(Instant::now(), &question(host));
        let kept: Vec<_> = attempts.deferred_family().into_iter().collect();
        let mut all = [asked, &kept].concat();
        all.sort_by_key(|family| *family == Domain::IPV4);
        assert_eq!(all, [Domain::IPV6, Domain::IPV4], "{host:?}: {asked:?}, {kept:?}");
    }
}
