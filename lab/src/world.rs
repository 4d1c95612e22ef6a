//! A whole network as a scenario describes it: client, wire and servers.

use std::collections::HashSet;
use std::fs::File;
use std::io::Write;
use std::process::{Command, Output};
use std::time::Duration;

use tempfile::NamedTempFile;

use crate::room::Room;
use crate::scenario::{Host, Scenario};
use crate::wire::{Path, Wire};
use crate::worker::Worker;
use crate::{Result, dns, kernel, listeners};

/// How long the C library's resolver waits for its DNS server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Patience {
    /// Its default: twice 5 s.
    Usual,
    /// Once 1 s, for tests that wait for it to end.
    Short,
}

/// A network in operation. Dropping it ends and removes everything.
#[derive(Debug)]
pub struct World {
    /// Its scenario.
    pub scenario: Scenario,
    // Fields are dropped in order: what works in a room before the room.
    _workers: Vec<Worker>,
    client: Room,
    _server: Room,
}

const CLIENT: &str = "02:00:00:00:00:01";
const SERVER: &str = "02:00:00:00:00:02";
/// The silent neighbour, which does not exist.
const NOBODY: &str = "02:00:00:00:00:ff";

/// Checks that this machine supports such networks.
///
/// # Errors
/// Why it cannot.
pub fn possible() -> Result<()> {
    let room = Room::open()?;
    room.run(tap_named("near"))?;
    Ok(())
}

fn tap_named(name: &'static str) -> impl FnOnce() -> Result<File> + Send {
    move || Ok(kernel::tap(name).map_err(|error| format!("no TAP device: {error}"))?)
}

impl World {
    /// Builds it.
    ///
    /// # Errors
    /// What this machine does not support.
    pub fn build(scenario: Scenario, patience: Patience) -> Result<Self> {
        let (client, server) = (Room::open()?, Room::open()?);
        let (near, far) = (client.run(tap_named("near"))?, server.run(tap_named("far"))?);
        let on_the_wire = scenario.on_the_wire();
        client.ip(&client_side(&on_the_wire))?;
        server.ip(&server_side(&on_the_wire))?;

        let wire = wire(&on_the_wire);
        let carrier = Worker::start("wire", move |stop| wire.carry(&near, &far, &stop))?;
        let described = on_the_wire;
        let accepting = server.run(move || listeners::serve(&described))?;
        let described = scenario.clone();
        let naming = client.run(move || dns::serve(&described))?;

        configure_resolver(&client, &scenario, patience)?;
        client.await_device("near")?;
        server.await_device("far")?;
        let workers = vec![carrier, accepting, naming];
        Ok(Self { scenario, _workers: workers, client, _server: server })
    }

    /// Runs a command on the client's side to completion.
    ///
    /// # Errors
    /// It cannot be started.
    pub fn run(&self, mut command: Command) -> Result<Output> {
        let what = format!("{:?}", command.get_program());
        Ok(self.run_job(move || command.output()).map_err(|error| format!("{what}: {error}"))?)
    }

    /// Runs a job on the client's side.
    pub fn run_job<T: Send + 'static>(&self, job: impl FnOnce() -> T + Send + 'static) -> T {
        self.client.run(job)
    }
}

/// The lines for ip(8) on the client's side. The neighbours are known, so that no time
/// is spent on finding them.
fn client_side(scenario: &Scenario) -> Vec<String> {
    let mut lines =
        vec![format!("link set near address {CLIENT} up"), "addr add 2001:db8::1/64 dev near nodad".into()];
    if scenario.nat64 {
        lines.push("route add 64:ff9b::/96 dev near".into());
    } else {
        lines.push("addr add 10.66.0.1/24 dev near".into());
    }
    for (addr, host) in scenario.hosts() {
        let neighbour = if host.is_there() { SERVER } else { NOBODY };
        lines.push(format!("neigh replace {addr} lladdr {neighbour} nud permanent dev near"));
        lines.extend(host.route().map(|route| format!("route add {route} {addr}")));
    }
    lines
}

fn server_side(scenario: &Scenario) -> Vec<String> {
    let mut lines = vec![format!("link set far address {SERVER} up")];
    for (addr, _) in scenario.hosts().into_iter().filter(|(_, host)| host.is_there()) {
        let how = if addr.is_ipv6() { "/64 dev far nodad" } else { "/24 dev far" };
        lines.push(format!("addr add {addr}{how}"));
    }
    if scenario.nat64 {
        lines.push("route replace 2001:db8::1/128 dev far".into());
    }
    for client in ["10.66.0.1", "2001:db8::1"] {
        lines.push(format!("neigh replace {client} lladdr {CLIENT} nud permanent dev far"));
    }
    lines
}

fn wire(scenario: &Scenario) -> Wire {
    let default = Path { rtt: scenario.rtt, ..Path::default() };
    let path = |host| match host {
        Host::AnswersAfter(rtt) => Path { rtt, ..default },
        Host::Loses(lost) => Path { lost, ..default },
        Host::LosesSyns => Path { loses_syns: true, ..default },
        _ => default,
    };
    let paths = scenario.hosts().into_iter().map(|(addr, host)| (addr, path(host))).collect();
    Wire { paths, default, syns: HashSet::new() }
}

/// Makes the C library query the world's DNS server, in the client's room only. The
/// files are unlinked once they are mounted, so that they vanish with the room.
fn configure_resolver(client: &Room, scenario: &Scenario, patience: Patience) -> Result<()> {
    let options = match patience {
        Patience::Usual => "",
        Patience::Short => "options timeout:1 attempts:1\n",
    };
    let mut hosts = String::from("127.0.0.1 localhost\n::1 localhost\n");
    scenario.hosts_file.iter().for_each(|ip| hosts += &format!("{ip} {}\n", scenario.host_name()));
    let files = [
        ("/etc/resolv.conf", format!("nameserver 127.0.0.1\nsearch .\n{options}")),
        ("/etc/nsswitch.conf", "hosts: files dns\n".into()),
        ("/etc/hosts", hosts),
        // The C library's default without this file.
        ("/etc/gai.conf", String::new()),
    ];
    for (place, text) in files {
        if place != "/etc/gai.conf" || std::path::Path::new(place).exists() {
            let mut file = NamedTempFile::new()?;
            file.write_all(text.as_bytes())?;
            client.replace(place, file.path())?;
        }
    }
    Ok(())
}

/// For commands: at most this long.
pub fn seconds(duration: Duration) -> String {
    format!("{:.3}", duration.as_secs_f64())
}
