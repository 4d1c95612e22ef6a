//! The laboratory's command.

use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use biosock::dial::{Question, Resolver, SystemResolver, sort_destinations};
use biosock::{Domain, Lookup, Type};
use clap::{Parser, Subcommand};

use crate::client::{self, Hickory, Kind};
use crate::contestants::{Contestant, Rules};
use crate::load::{self, Amount, Caller};
use crate::lookups::{self, Driver};
use crate::shortage::server::Manner;
use crate::shortage::{self, Trial};
use crate::{Result, bench};

/// Dials through broken networks of its own, alongside curl, std and OpenSSL,
/// and listens short of descriptors.
///
/// The networks need root, iproute2, curl, openssl and strace, and end with
/// this process. `load` and `shortage` need nothing.
#[derive(Debug, Parser)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Print the table of times; fail if a bar is missed.
    Table {
        /// How often each dials each.
        #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..))]
        runs: u16,
        /// Wait for the slowest, which takes about an hour, instead of 6 s each.
        #[arg(long)]
        full: bool,
        /// Only biosock dials: no other's time is compared.
        #[arg(long)]
        biosock: bool,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Run a set of listeners short of descriptors and back; fail if a
    /// connection is refused or lost, or the loop spins. Needs no root.
    Shortage {
        /// How many connect at once; at most what the queues hold.
        #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u16).range(100..))]
        clients: u16,
        /// How many descriptors the server may have in all.
        #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u16).range(16..=64))]
        descriptors: u16,
        /// How long it goes without, in seconds.
        #[arg(long, default_value = "3", value_parser = seconds)]
        shortage: Duration,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Dial by the thousand on loopback; fail if one fails or anything is left.
    Load {
        /// How many dials at once under tokio.
        #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u16).range(1..))]
        tasks: u16,
        /// How many blocking dials.
        #[arg(long, default_value_t = 2_000, value_parser = clap::value_parser!(u16).range(1..))]
        blocking: u16,
        /// By how many threads.
        #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..=256))]
        threads: u16,
        /// How often each; the middle one counts.
        #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u16).range(1..))]
        rounds: u16,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Dial names that hang and names of a large /etc/hosts; fail if threads
    /// exceed their bound, or the large file costs a dial twice as much.
    Lookups {
        /// What dials from C: lab/c/dead_names.c.
        c: PathBuf,
    },
    #[command(hide = true)]
    DeadNames {
        driver: Driver,
        #[arg(long)]
        system: bool,
    },
    #[command(hide = true)]
    KnownNames { driver: Driver },
    /// One side of the shortage.
    #[command(hide = true)]
    ShortageServer {
        manner: Manner,
        #[arg(long)]
        descriptors: u64,
    },
    /// The other side.
    #[command(hide = true)]
    ShortageClients { count: usize, addrs: Vec<SocketAddr> },
    /// Sort addresses as the library does, and print them.
    #[command(hide = true)]
    Sort { addrs: Vec<IpAddr> },
    /// Print what the library knows of a name without a lookup.
    #[command(hide = true)]
    Known { name: String },
    /// Print what getaddrinfo gives for a name.
    #[command(hide = true)]
    Ask { name: String },
    /// Dial a few times, and count: what strace watches.
    #[command(hide = true)]
    Spend { caller: Caller, target: String },
    /// Dial, and report how it went: what the table's processes do.
    #[command(hide = true)]
    Client {
        kind: Kind,
        target: String,
        #[arg(long, value_parser = seconds)]
        deadline: Option<Duration>,
        #[arg(long, value_parser = seconds)]
        resolution_delay: Option<Duration>,
        #[arg(long)]
        nat64: bool,
        #[arg(long)]
        settle: bool,
    },
}

/// Does what the program's arguments request, and prints the result. Only hickory's
/// dials need hickory's resolver.
pub fn main(hickory: Option<Hickory>) -> ExitCode {
    let done = match Arguments::parse().command {
        Command::Table { runs, full, biosock, json } => {
            let contestants = Contestant::all(biosock, hickory.is_some());
            table(runs.into(), if full { FULL } else { QUICK }, contestants, json)
        }
        Command::Shortage { clients, descriptors, shortage, json } => {
            run_short(clients.into(), descriptors.into(), shortage, json)
        }
        Command::Lookups { c } => look_up(&c),
        Command::DeadNames { driver, system } => print_json(lookups::dead(driver, system)),
        Command::KnownNames { driver } => print_json(lookups::known(driver)),
        Command::ShortageServer { manner, descriptors } => {
            shortage::server::run(manner, descriptors).map(|()| ExitCode::SUCCESS)
        }
        Command::ShortageClients { count, addrs } => {
            shortage::clients::run(count, &addrs).map(|()| ExitCode::SUCCESS)
        }
        Command::Load { tasks, blocking, threads, rounds, json } => {
            let [tasks, blocking, threads, rounds] = [tasks, blocking, threads, rounds].map(usize::from);
            dial_many(Amount { tasks, blocking, threads, rounds }, hickory, json)
        }
        Command::Spend { caller, target } => load::spend(caller, hickory, &target).map(|spent| {
            println!("{spent}");
            ExitCode::SUCCESS
        }),
        Command::Sort { addrs } => {
            let mut addrs: Vec<_> = addrs.into_iter().map(|ip| SocketAddr::new(ip, 80).into()).collect();
            sort_destinations(&mut addrs);
            print_ips(&addrs)
        }
        Command::Ask { name } => ask(&name),
        Command::Known { name } => {
            let (service, family, socktype) = ("80".into(), Domain::UNSPEC, Type::STREAM);
            let question = Question { host: Some(name), service, family, socktype };
            print_ips(&SystemResolver.known(&question).unwrap_or_default())
        }
        Command::Client { kind, target, deadline, resolution_delay, nat64, settle } => {
            let manner = client::Manner { deadline, resolution_delay, nat64, settle };
            print_json(client::run(kind, hickory, &target, manner))
        }
    };
    done.unwrap_or_else(|error| {
        eprintln!("biosock-lab: {error}");
        ExitCode::from(2)
    })
}

fn look_up(c: &Path) -> Result<ExitCode> {
    let table = lookups::run(&std::env::current_exe()?, c)?;
    print!("{table}");
    Ok(if table.is_good() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn print_json(said: Result<serde_json::Value>) -> Result<ExitCode> {
    println!("{}", said?);
    Ok(ExitCode::SUCCESS)
}

fn ask(name: &str) -> Result<ExitCode> {
    let found = Lookup::new().host(name).service("80").socktype(Type::STREAM).run()?;
    print_ips(&found.iter().map(|found| found.addr).collect::<Vec<_>>())
}

fn print_ips(addrs: &[biosock::SocketAddr]) -> Result<ExitCode> {
    addrs.iter().filter_map(biosock::SocketAddr::ip).for_each(|ip| println!("{ip}"));
    Ok(ExitCode::SUCCESS)
}

/// More than the time of ten addresses that are silent for 131 s each.
const FULL: Duration = Duration::from_secs(3600);
/// More than the 5 s after which the C library's resolver asks again.
const QUICK: Duration = Duration::from_secs(6);

fn table(runs: usize, cap: Duration, contestants: Vec<Contestant>, json: bool) -> Result<ExitCode> {
    let program = std::env::current_exe()?;
    let table = bench::run(Rules { program: &program, cap }, contestants, runs)?;
    if json {
        println!("{:#}", table.json());
    } else {
        print!("{table}");
    }
    let kept = table.bars.iter().all(crate::bars::Bar::is_kept);
    Ok(if kept { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn run_short(clients: usize, descriptors: u64, shortage: Duration, json: bool) -> Result<ExitCode> {
    let program = std::env::current_exe()?;
    let trial = Trial { program: &program, clients, descriptors, shortage };
    let mut kept = true;
    if !json {
        println!("{clients} clients, {descriptors} descriptors\n\n{}", shortage::heads());
    }
    for manner in [Manner::Ours, Manner::Tokio, Manner::Eager] {
        // The record of a loop that never backs off would be too large.
        let row = shortage::run(&trial, manner, manner != Manner::Eager)?;
        let faults = row.faults(&trial);
        if json {
            println!("{}", row.json(&trial));
        } else {
            println!("{row}");
            faults.iter().for_each(|fault| println!("  {fault}"));
        }
        // The last loop shows the faults that the others do not have.
        kept &= faults.is_empty() != (manner == Manner::Eager);
    }
    Ok(if kept { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn dial_many(amount: Amount, hickory: Option<Hickory>, json: bool) -> Result<ExitCode> {
    let table = load::run(&std::env::current_exe()?, amount, hickory)?;
    if json {
        println!("{:#}", table.json());
    } else {
        print!("{table}");
    }
    Ok(if table.is_good() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn seconds(text: &str) -> Result<Duration> {
    Ok(Duration::try_from_secs_f64(text.parse()?)?)
}
