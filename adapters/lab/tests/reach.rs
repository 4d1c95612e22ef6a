//! For which names hickory's resolver queries DNS.

use std::process::Command;

use biosock_lab::or_skip;
use biosock_lab::place::{A, AAAA, Place};
use serde_json::Value;

/// The content of /etc/hosts.
const HOSTS: &str = "127.0.0.1 localhost both.example four.example\n::1 localhost both.example\n";
/// Only IPv4 leads out.
const V4: &[&str] = &["addr add 10.1.0.2/24 dev one", "route add default via 10.1.0.1"];

#[test]
fn hickory_asks_no_dns_for_a_name_of_the_file_however_large_it_is() {
    let test = "hickory_asks_no_dns_for_a_name_of_the_file_however_large_it_is";
    // The second file is too large to be read on the runtime's thread.
    for lines_before in [0, 5000] {
        let hosts = "# a line that says nothing\n".repeat(lines_before) + HOSTS;
        for nsswitch in ["hosts: files dns\n", "hosts: dns files\n"] {
            let Some(place) = or_skip(test, Place::with(V4, nsswitch, &hosts)) else { return };
            for target in ["both.example:1", "both.example:tcpmux"] {
                let expected = "IPv6 1, IPv4 1, port 1, port 1";
                assert_eq!(dial(&place, target), (expected.into(), vec![]), "{target}, {lines_before}");
            }
            // DNS is not queried for a name in the file, in either family.
            let found = dial(&place, "four.example:1");
            assert_eq!(found, ("IPv6 0, IPv4 1, port 1".into(), vec![]), "{lines_before}");
            let found = dial(&place, "name.example:1");
            assert_eq!(found.1, [A, AAAA], "{lines_before}: {}", found.0);
        }
    }
}

/// The families, each with its number of addresses, the ports that were dialled, and
/// the types of the DNS queries.
fn dial(place: &Place, target: &str) -> (String, Vec<u16>) {
    let mut client = Command::new(env!("CARGO_BIN_EXE_biosock-lab-hickory"));
    client.args(["client", "hickory", target]);
    let (said, asked) = place.run(client).unwrap();
    let said: Value = serde_json::from_str(&said).unwrap();
    assert_eq!(said["connected"], false, "nothing listens: {said:#}");
    let list = |name: &str| said["report"][name].as_array().unwrap().iter();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let lookups = list("lookups").map(|one| format!("{} {}", text(&one["family"]), text(&one["answer"])));
    let port = |attempt: &Value| text(&attempt["addr"]).rsplit(':').next().map(|port| format!("port {port}"));
    let ports = list("attempts").filter_map(port);
    (lookups.chain(ports).collect::<Vec<_>>().join(", "), asked)
}
