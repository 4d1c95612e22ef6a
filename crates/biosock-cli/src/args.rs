//! What the user may say: the options and their help.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use biosock::{Domain, Options, Type};
use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::target::{Source, Target};
use crate::values::{
    attempt_delay, command, file, interface, positive, positive_seconds, value, whole_number,
};

/// Connect, listen and look up, over IPv4, IPv6 and Unix sockets
///
/// Each subcommand sets its sockets up with the biosock library, the routines
/// of the manual page BIO_connect(3) in safe Rust, and says in full what
/// failed and what to try.
///
/// Exit status: 0 done, 1 failed, 2 bad usage. It is 0 only if everything that
/// was asked for was done and written; where the reader of standard output has
/// gone, it is 1 without a message. SIGHUP, SIGINT, SIGQUIT and SIGTERM tidy up,
/// and the process dies of that signal; as the first process of a container it
/// ends with 128 and the signal's number, such as 143.
#[derive(Debug, Parser)]
#[command(name = "biosock", version, arg_required_else_help = false, max_term_width = 100)]
#[command(after_help = "Examples:
  biosock demo                                 see sockets set up on this machine
  biosock connect example.org:80               talk to a server
  biosock listen :8080 --echo --keep-open      serve an echo
  biosock lookup localhost:https               what a name means

Try 'biosock SUBCOMMAND --help' for more.")]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) common: Common,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Below a subcommand's own options, which clap counts from 0.
const LAST: usize = 900;

#[derive(Args, Clone, Copy, Debug)]
pub(crate) struct Common {
    /// Write JSON, one object a line
    ///
    /// Results go to standard output. Where that carries the peer's bytes
    /// (connect, listen), and for errors, the objects go to standard error.
    #[arg(long, global = true, display_order = LAST)]
    pub(crate) json: bool,
    /// Tell each library call, with its time, on standard error
    #[arg(long, global = true, display_order = LAST)]
    pub(crate) verbose: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Show the routines at work: a file each way over IPv4, IPv6 and Unix
    ///
    /// On each family it listens, connects, accepts, moves a file of varied
    /// bytes each way and compares it, and prints each routine called with
    /// its arguments, result and time. Then it races three addresses, of which
    /// one refuses and one is silent. A family that the system lacks is named
    /// and left out. The exit status is 0 only if all that ran was right.
    #[command(after_help = "Examples:
  biosock demo
  biosock demo --json | jq 'select(.ok == false)'")]
    Demo,
    Connect(ConnectArgs),
    Listen(ListenArgs),
    Lookup(LookupArgs),
    Completions(CompletionsArgs),
    #[command(hide = true)]
    Man(ManArgs),
}

/// Connect to a server: standard input to it, what it sends to standard output
///
/// All addresses of the host are raced (RFC 8305): an attempt starts every
/// 250 ms, at once when one fails, IPv6 and IPv4 in turn; the first that
/// answers wins and the others are closed. A host that is half dead costs a
/// moment, not minutes. --trace shows the race. A signal ends it, but what was
/// tried until then is reported first.
///
/// The end of standard input is passed on (the connection is shut down for
/// writing), the peer's end too (standard output is closed), and the command
/// ends when both have ended. When the peer ends first, a pipe or a file is
/// still read to its end and sent, however long it pauses; input from a
/// terminal ends at once. That holds for a peer that is gone altogether, too: it
/// is a failure if input still comes, and none if the input ends. The status is 0 only if
/// the peer acknowledged all input and all that it sent was written. A peer
/// that neither acknowledges nor sends anything for 10 seconds once both sides
/// have ended is given up.
///
/// With --json, standard error gets the race as one object: event "race" with
/// target, seconds, winner, error, lookups (family, seconds, addresses, error)
/// and attempts (address, started, seconds, outcome, error). An outcome is
/// connected, failed or no answer; times are in seconds since the start; null
/// is what there was not. Then comes "connected" and "closed", or "error".
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  printf 'GET / HTTP/1.0\\r\\n\\r\\n' | biosock connect localhost:80
  biosock connect --timeout 2.5 -6 example.org:https < request > answer
  biosock connect --trace example.org:443 < /dev/null
  biosock connect --trace-svg race.svg --json example.org:443 < /dev/null
  biosock connect unix:/run/app.sock
  biosock connect --progress backup.example:9000 < backup.tar")]
pub(crate) struct ConnectArgs {
    /// Where to: host and service (a name, or a port number), or a Unix
    /// socket's path; unix:@NAME is a Linux abstract name, [::1]:80 an IPv6 address
    #[arg(value_name = "HOST:SERVICE|unix:PATH", value_parser = value(Target::parse))]
    pub(crate) target: Target,
    #[command(flatten)]
    pub(crate) family: Family,
    /// Connect from this address, and only by its family; without a port the
    /// system chooses one. May be given twice, for IPv4 and for IPv6
    #[arg(long, value_name = "HOST[:PORT]", value_parser = value(Source::parse))]
    pub(crate) bind: Vec<Source>,
    /// Connect through this network interface (SO_BINDTODEVICE)
    #[arg(long, value_name = "INTERFACE", value_parser = value(interface))]
    pub(crate) device: Option<String>,
    /// Give up connecting after this long, name lookup included, such as 2 or
    /// 0.5 [default: when the OS gives up]
    #[arg(long, value_name = "SECONDS", value_parser = value(positive_seconds), allow_negative_numbers = true)]
    pub(crate) timeout: Option<Duration>,
    /// Start the next attempt when one has not answered for this long, from
    /// 0.01 to 2 [default: 0.25]
    #[arg(long, value_name = "SECONDS", value_parser = value(attempt_delay), allow_negative_numbers = true)]
    pub(crate) attempt_delay: Option<Duration>,
    /// Make no more attempts than this [default: 64]
    #[arg(long, value_name = "N", value_parser = value(positive), allow_negative_numbers = true)]
    pub(crate) max_attempts: Option<u32>,
    /// Draw the race on standard error when it is over: each look-up and
    /// attempt on one time axis, as wide as the terminal (COLUMNS). With --json
    /// the data takes its place
    #[arg(long)]
    pub(crate) trace: bool,
    /// Draw the race as a picture (SVG) into this file. One that is there is
    /// written in place, and stays the same file
    #[arg(long, value_name = "FILE", value_parser = value(file), value_hint = clap::ValueHint::FilePath)]
    pub(crate) trace_svg: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) stream: StreamArgs,
    /// Use Multipath TCP (RFC 8684) where kernel and peer have it, else TCP
    #[arg(long)]
    pub(crate) mptcp: bool,
    #[command(flatten)]
    pub(crate) transfer: TransferArgs,
}

/// Listen for connections: serve standard input and output, an echo or a command
///
/// Every address of the host is listened on, all with one port, also where
/// the system chooses it (0); without a host, every address of the machine.
/// IPv6 and IPv4 have sockets of their own, and where IPv6 is off IPv4 has
/// one alone. Each address is told on standard error, as "listening on
/// ADDRESS". If one cannot be had, none is listened on.
///
/// One connection is served, then the command ends. With --keep-open or --max
/// more are: --echo and --exec serve them at the same time, standard input
/// and output serve one after the other (input goes to the peer that is
/// connected when it comes; when a peer ends, what has come is sent to it, and
/// all later input is the next one's). A connection that fails is reported and makes the
/// exit status 1, but does not end the listener. When descriptors or memory run
/// short, that is told and waited out; connections wait in the queue.
///
/// Standard input is passed on as connect has it: to the only or last peer a pipe
/// or a file is read to its end even when that peer has ended, however long it
/// pauses, and the peer's end closes standard output. A connection
/// of --exec ends with its command. When a connection ends, what the peer still
/// sends is read away until the peer has ended too, so that everything that was
/// sent arrives; a peer that neither acknowledges nor sends anything for 10
/// seconds is given up, and one that only sends after 60 seconds. It is a
/// failure if the peer had not acknowledged everything by then.
///
/// A Unix socket file is removed at the end. One that is there already is
/// replaced if it is a socket that nothing listens on, and never otherwise.
/// SIGHUP (unless it is ignored, as nohup(1) has it), SIGINT, SIGQUIT and
/// SIGTERM end the listener and its commands at once, with what is under way.
/// As the first process of a container it reaps the orphans there.
///
/// Messages never wait for standard error to be read: when too many are not
/// read, they are dropped and counted, and of messages that are alike at most
/// 10 a second are written. There is no time limit for peers: 100 that are
/// silent take every place of --at-once, and then a message says so. A
/// connection keeps its place while it closes: one whose peer stays, up to 10
/// seconds (60 if the peer sends on) after its command has ended.
///
/// With --json, standard error gets an object for each event: listening
/// (address), accepted (peer), closed (peer, sent, received, seconds), error,
/// full (at_once: every place is taken and a peer waits), repeated (message,
/// count: what was alike and not written) and dropped (count).
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  biosock listen :8080 > upload                receive a file
  biosock listen localhost:0 --echo --keep-open
  biosock listen unix:/tmp/date.sock --keep-open --exec date
  biosock listen :7000 --max 10 --exec 'echo \"hello $BIOSOCK_PEER\"'
  systemd-socket-activate -l 8080 biosock listen --activated --exec date")]
pub(crate) struct ListenArgs {
    /// Where: host (may be left out) and service, or a Unix socket's path;
    /// port 0 lets the system choose
    #[arg(value_name = "[HOST]:SERVICE|unix:PATH", value_parser = value(Target::parse))]
    #[arg(required_unless_present = "activated")]
    pub(crate) target: Option<Target>,
    /// Listen on the sockets that a service manager opened and passed
    /// (LISTEN_FDS, sd_listen_fds(3)) instead; their options are its own
    #[arg(long)]
    #[arg(conflicts_with_all = ["target", "ipv4", "ipv6", "v6only", "reuseaddr", "no_reuseaddr", "backlog", "device"])]
    #[arg(conflicts_with_all = ["keepalive", "nodelay", "tfo"])]
    pub(crate) activated: bool,
    #[command(flatten)]
    pub(crate) family: Family,
    /// Serve connection after connection, until a signal
    #[arg(long)]
    pub(crate) keep_open: bool,
    /// Serve this many connections in all, then end
    #[arg(long, value_name = "N", value_parser = value(positive), allow_negative_numbers = true)]
    pub(crate) max: Option<u32>,
    /// Serve at most this many connections at the same time; more wait
    #[arg(long, value_name = "N", value_parser = value(positive), default_value = "100")]
    #[arg(allow_negative_numbers = true)]
    pub(crate) at_once: u32,
    /// Send back what comes in
    #[arg(long, conflicts_with = "exec")]
    pub(crate) echo: bool,
    /// Run this command by /bin/sh -c for each connection, with the connection
    /// as its standard input and output and the addresses in BIOSOCK_PEER and
    /// BIOSOCK_LOCAL. A Unix peer chooses its own address: quote them
    #[arg(long, value_name = "COMMAND", value_parser = value(command))]
    pub(crate) exec: Option<OsString>,
    /// Do not set SO_REUSEADDR, with which TCP's sockets are bound even if
    /// connections of a former listener linger (Linux wants the former to
    /// have had it too)
    #[arg(long)]
    pub(crate) no_reuseaddr: bool,
    /// What is the default
    #[arg(long, hide = true, overrides_with = "no_reuseaddr")]
    pub(crate) reuseaddr: bool,
    /// Without a host: listen on IPv6's addresses and none of IPv4. (An IPv6
    /// socket here never takes IPv4 connections: IPV6_V6ONLY.)
    #[arg(long, conflicts_with = "ipv4")]
    pub(crate) v6only: bool,
    /// How many connections may wait to be accepted [default: as many as the
    /// OS allows]
    #[arg(long, value_name = "N", value_parser = value(whole_number), allow_negative_numbers = true)]
    pub(crate) backlog: Option<u32>,
    /// Listen on this network interface alone (SO_BINDTODEVICE)
    #[arg(long, value_name = "INTERFACE", value_parser = value(interface))]
    pub(crate) device: Option<String>,
    #[command(flatten)]
    pub(crate) stream: StreamArgs,
    #[command(flatten)]
    pub(crate) transfer: TransferArgs,
}

/// Look a name up: the addresses, each with the sockets that it serves
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  biosock lookup localhost
  biosock lookup -6 --type stream example.org:https
  biosock lookup --passive :http               what a listener would bind
  biosock lookup --names 127.0.0.1:80          names of an address")]
pub(crate) struct LookupArgs {
    /// What to look up: a host, a host and service, or unix:PATH
    #[arg(value_name = "HOST[:SERVICE]", value_parser = value(Target::parse_host))]
    pub(crate) target: Target,
    #[command(flatten)]
    pub(crate) family: Family,
    /// Only this type of socket
    #[arg(long = "type", value_name = "TYPE", default_value = "any")]
    pub(crate) socktype: TypeArg,
    /// For listening: without a host, the wildcard addresses
    #[arg(long)]
    pub(crate) passive: bool,
    /// Also ask for the names of each address found
    #[arg(long)]
    pub(crate) names: bool,
}

/// Print the completion script for a shell
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  biosock completions bash > ~/.local/share/bash-completion/completions/biosock
  biosock completions fish > ~/.config/fish/completions/biosock.fish")]
pub(crate) struct CompletionsArgs {
    /// The shell
    pub(crate) shell: clap_complete::Shell,
}

/// Write the manual pages
#[derive(Args, Debug)]
pub(crate) struct ManArgs {
    /// Write every page into this directory [default: the first page, to standard output]
    pub(crate) folder: Option<PathBuf>,
}

#[derive(Args, Clone, Copy, Debug)]
pub(crate) struct Family {
    /// Use IPv4 only
    #[arg(short = '4', long, conflicts_with = "ipv6")]
    pub(crate) ipv4: bool,
    /// Use IPv6 only
    #[arg(short = '6', long)]
    pub(crate) ipv6: bool,
}

impl Family {
    pub(crate) fn domain(self) -> Domain {
        match (self.ipv4, self.ipv6) {
            (true, _) => Domain::IPV4,
            (_, true) => Domain::IPV6,
            _ => Domain::UNSPEC,
        }
    }
}

#[derive(Args, Clone, Copy, Debug)]
pub(crate) struct StreamArgs {
    /// Probe an idle peer (SO_KEEPALIVE)
    #[arg(long)]
    pub(crate) keepalive: bool,
    /// Send small pieces at once (TCP_NODELAY)
    #[arg(long)]
    pub(crate) nodelay: bool,
    /// Use TCP Fast Open (RFC 7413); a connect then fails only when data is
    /// sent, so that the first address always wins
    #[arg(long)]
    pub(crate) tfo: bool,
}

impl StreamArgs {
    pub(crate) fn options(self) -> Options {
        let mut options = Options::empty();
        options.set(Options::KEEPALIVE, self.keepalive);
        options.set(Options::NODELAY, self.nodelay);
        options.set(Options::TFO, self.tfo);
        options
    }
}

#[derive(Args, Clone, Copy, Debug)]
pub(crate) struct TransferArgs {
    /// Show how much has been moved, where standard error is a terminal
    #[arg(long)]
    pub(crate) progress: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum TypeArg {
    /// Connected streams of bytes (TCP)
    Stream,
    /// Datagrams (UDP)
    Dgram,
    /// The network protocol itself
    Raw,
    /// Every type
    Any,
}

impl From<TypeArg> for Type {
    fn from(arg: TypeArg) -> Self {
        match arg {
            TypeArg::Stream => Self::STREAM,
            TypeArg::Dgram => Self::DGRAM,
            TypeArg::Raw => Self::RAW,
            TypeArg::Any => Self::ANY,
        }
    }
}
