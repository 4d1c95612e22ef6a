//! The command line: its options and their help.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use biosock::{KeepAlive, Type};
use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::target::{Source, Target};
use crate::values::{
    attempt_delay, command, file, interface, positive, positive_seconds, value, whole_number,
};

/// Connect, listen and look up names over IPv4, IPv6 and Unix sockets
///
/// Sockets are set up by the biosock library, which does in safe Rust what
/// BIO_connect(3) describes. An error names the call, the address and the
/// cause, followed by a hint where there is one.
///
/// The exit status is 0 for success, 1 for failure and 2 for a usage error.
/// Success means that everything requested was done and written. If the reader
/// of standard output has gone, the status is 1, without a message. On SIGHUP,
/// SIGINT, SIGQUIT and SIGTERM it cleans up and dies of the signal; as PID 1 it
/// exits with 128 plus the signal number, such as 143.
#[derive(Debug, Parser)]
#[command(name = "biosock", version, arg_required_else_help = false, max_term_width = 100)]
#[command(after_help = "Examples:
  biosock demo                                 show sockets being set up
  biosock connect example.org:80               connect to a server
  biosock listen :8080 --echo --keep-open      run an echo server
  biosock lookup localhost:https               look up a name

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
    /// Print JSON, one object per line
    ///
    /// Results go to standard output. Errors, and the events of connect and
    /// listen, whose standard output carries the peer's data, go to standard error.
    #[arg(long, global = true, display_order = LAST)]
    pub(crate) json: bool,
    /// Log each library call and its duration to standard error
    #[arg(long, global = true, display_order = LAST)]
    pub(crate) verbose: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Set up sockets over IPv4, IPv6 and Unix and show each call
    ///
    /// For each family: listen, connect, accept, send a file each way and
    /// compare it. Prints each call with its arguments, result and duration.
    /// Then races three addresses, one of which refuses and one of which does
    /// not answer. Skips a family that the OS lacks. The exit status is 0 only
    /// if everything that ran succeeded.
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

/// Connect to a server: send standard input, print what is received
///
/// Races all addresses of the host (RFC 8305): IPv6 and IPv4 alternate, the next
/// attempt starts after 250 ms or as soon as one fails, the first to connect
/// wins and the others are closed. --trace shows the race. A signal cancels it,
/// and the attempts made so far are reported.
///
/// End of input shuts down the connection for writing, the peer's end closes
/// standard output, and the command exits when both have ended. If the peer ends
/// first, a pipe or file is still read and sent to its end, without a time limit;
/// input from a terminal ends at once. If the peer is gone altogether, further
/// input is an error; end of input is not. The exit status is 0 only if the peer
/// acknowledged all input and everything received was written. When both sides
/// have ended, a peer that neither acknowledges nor sends anything for 10 seconds
/// is given up on.
///
/// With --json, standard error gets one object for the race: event "race", with
/// target, seconds, winner, error, lookups (family, seconds, addresses, error)
/// and attempts (address, started, seconds, outcome, error). The outcome is
/// "connected", "failed" or "no answer". Times are in seconds; started counts
/// from the start of the race. What does not apply is null. "connected" and
/// "closed", or "error", follow.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  printf 'GET / HTTP/1.0\\r\\n\\r\\n' | biosock connect localhost:80
  biosock connect --timeout 2.5 -6 example.org:https < request > answer
  biosock connect --trace example.org:443 < /dev/null
  biosock connect --trace-svg race.svg --json example.org:443 < /dev/null
  biosock connect unix:/run/app.sock
  biosock connect --progress backup.example:9000 < backup.tar")]
pub(crate) struct ConnectArgs {
    /// Host and service (a name or a port), or the path of a Unix socket;
    /// unix:@NAME is an abstract name (Linux), [::1]:80 an IPv6 address
    #[arg(value_name = "HOST:SERVICE|unix:PATH", value_parser = value(Target::parse))]
    pub(crate) target: Target,
    #[command(flatten)]
    pub(crate) family: Family,
    /// Connect from this address, over its family only; without a port the OS
    /// chooses one. May be given once for IPv4 and once for IPv6
    #[arg(long, value_name = "HOST[:PORT]", value_parser = value(Source::parse))]
    pub(crate) bind: Vec<Source>,
    /// Connect through this network interface (SO_BINDTODEVICE)
    #[arg(long, value_name = "INTERFACE", value_parser = value(interface))]
    pub(crate) device: Option<String>,
    /// Give up after this long, name lookup included, such as 2 or 0.5
    /// [default: when the OS gives up]
    #[arg(long, value_name = "SECONDS", value_parser = value(positive_seconds), allow_negative_numbers = true)]
    pub(crate) timeout: Option<Duration>,
    /// Start the next attempt after this long without an answer, from 0.01 to 2
    #[arg(long, value_name = "SECONDS", value_parser = value(attempt_delay), default_value = "0.25")]
    #[arg(allow_negative_numbers = true)]
    pub(crate) attempt_delay: Duration,
    /// Make at most this many attempts
    #[arg(long, value_name = "N", value_parser = value(positive), default_value = "64")]
    #[arg(allow_negative_numbers = true)]
    pub(crate) max_attempts: u32,
    /// Draw the race on standard error: each lookup and attempt on one time
    /// axis, as wide as the terminal (or COLUMNS). With --json, the "race" object
    /// replaces it
    #[arg(long)]
    pub(crate) trace: bool,
    /// Draw the race as a picture (SVG) in this file; an existing file is
    /// overwritten in place
    #[arg(long, value_name = "FILE", value_parser = value(file), value_hint = clap::ValueHint::FilePath)]
    pub(crate) trace_svg: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) stream: StreamArgs,
    /// Use Multipath TCP (RFC 8684) if kernel and peer support it, else TCP
    #[arg(long)]
    pub(crate) mptcp: bool,
    #[command(flatten)]
    pub(crate) transfer: TransferArgs,
}

/// Listen for connections and serve standard input and output, an echo or a command
///
/// Listens on every address of the host, all with the same port, even if the OS
/// chooses it (port 0); without a host, on every address of the machine. IPv6
/// and IPv4 have separate sockets; where IPv6 is disabled, IPv4 has the only
/// one. Each address is printed on standard error as "listening on ADDRESS". If
/// one of them fails, none is listened on.
///
/// Serves one connection, then exits. With --keep-open or --max it serves more:
/// --echo and --exec serve them concurrently, standard input and output one
/// after the other (input goes to the peer that is connected when it arrives;
/// when a peer ends, it gets what has arrived, and the next peer gets the rest).
/// A failed connection is reported and makes the exit status 1, but does not end
/// the listener. When descriptors or memory run out, that is reported and
/// accepting backs off; connections wait in the queue.
///
/// Standard input works as in connect: for the only or last peer, a pipe or file
/// is read and sent to its end even if that peer has ended, without a time limit,
/// and the peer's end closes standard output. A connection of --exec ends with
/// its command. When a connection ends, what the peer still sends is
/// discarded until the peer ends too, so that everything sent arrives. A peer
/// that neither acknowledges nor sends anything for 10 seconds is given up on,
/// and so is one that sends but acknowledges nothing for 60 seconds. It is an
/// error if the peer has not acknowledged everything by then.
///
/// The file of a Unix socket is removed on exit. An existing file is replaced
/// only if it is a socket on which nothing listens. SIGHUP (unless ignored, as
/// under nohup(1)), SIGINT, SIGQUIT and SIGTERM end the listener, its
/// connections and its commands at once. As PID 1, it reaps orphans.
///
/// Messages never wait for standard error to be read: unread ones are dropped
/// and counted, and of similar ones at most 10 per second are written. Peers
/// have no time limit: 100 silent ones take every place of --at-once, which is
/// reported. A connection keeps its place until it is closed; if the peer stays,
/// that is up to 10 seconds (60 if it keeps sending) after the command has ended.
///
/// With --json, standard error gets an object for each event: listening
/// (address), accepted (peer), closed (peer, sent, received, seconds), error,
/// full (at_once; every place is taken and a peer waits), repeated (message and
/// count of similar messages not written) and dropped (count).
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  biosock listen :8080 > upload                receive a file
  biosock listen localhost:0 --echo --keep-open
  biosock listen unix:/tmp/date.sock --keep-open --exec date
  biosock listen :7000 --max 10 --exec 'echo \"hello $BIOSOCK_PEER\"'
  systemd-socket-activate -l 8080 biosock listen --activated --exec date")]
pub(crate) struct ListenArgs {
    /// Host (optional) and service, or the path of a Unix socket; with port 0
    /// the OS chooses one
    #[arg(value_name = "[HOST]:SERVICE|unix:PATH", value_parser = value(Target::parse))]
    #[arg(required_unless_present = "activated")]
    pub(crate) target: Option<Target>,
    /// Listen on the sockets passed by a service manager (LISTEN_FDS,
    /// sd_listen_fds(3)), with the options it set
    #[arg(long)]
    #[arg(conflicts_with_all = ["target", "ipv4", "ipv6", "v6only", "reuseaddr", "no_reuseaddr", "backlog", "device"])]
    #[arg(conflicts_with_all = ["keepalive", "nodelay", "tfo"])]
    pub(crate) activated: bool,
    #[command(flatten)]
    pub(crate) family: Family,
    /// Serve connections until stopped by a signal
    #[arg(long)]
    pub(crate) keep_open: bool,
    /// Exit after serving this many connections
    #[arg(long, value_name = "N", value_parser = value(positive), allow_negative_numbers = true)]
    pub(crate) max: Option<u32>,
    /// Serve at most this many connections at a time; others wait
    #[arg(long, value_name = "N", value_parser = value(positive), default_value = "100")]
    #[arg(allow_negative_numbers = true)]
    pub(crate) at_once: u32,
    /// Send back what is received
    #[arg(long, conflicts_with = "exec")]
    pub(crate) echo: bool,
    /// Run this command with /bin/sh -c for each connection, as its standard
    /// input and output, with the addresses in BIOSOCK_PEER and BIOSOCK_LOCAL.
    /// Quote those: a Unix peer chooses its own address
    #[arg(long, value_name = "COMMAND", value_parser = value(command))]
    pub(crate) exec: Option<OsString>,
    /// Do not set SO_REUSEADDR, which lets TCP bind while connections of a
    /// previous listener linger (on Linux, if that one had it set too)
    #[arg(long)]
    pub(crate) no_reuseaddr: bool,
    /// The default
    #[arg(long, hide = true, overrides_with = "no_reuseaddr")]
    pub(crate) reuseaddr: bool,
    /// Without a host, listen on IPv6 only. (IPv6 sockets never accept IPv4
    /// connections here: IPV6_V6ONLY is always set)
    #[arg(long, conflicts_with = "ipv4")]
    pub(crate) v6only: bool,
    /// Let at most this many connections wait to be accepted [default: the
    /// limit of the OS]
    #[arg(long, value_name = "N", value_parser = value(whole_number), allow_negative_numbers = true)]
    pub(crate) backlog: Option<u32>,
    /// Listen on this network interface only (SO_BINDTODEVICE)
    #[arg(long, value_name = "INTERFACE", value_parser = value(interface))]
    pub(crate) device: Option<String>,
    #[command(flatten)]
    pub(crate) stream: StreamArgs,
    #[command(flatten)]
    pub(crate) transfer: TransferArgs,
}

/// Look up a name and print its addresses, with the socket types each serves
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  biosock lookup localhost
  biosock lookup -6 --type stream example.org:https
  biosock lookup --passive :http               what a listener would bind
  biosock lookup --names 127.0.0.1:80          the names of an address")]
pub(crate) struct LookupArgs {
    /// Host, host and service, or unix:PATH
    #[arg(value_name = "HOST[:SERVICE]", value_parser = value(Target::parse_host))]
    pub(crate) target: Target,
    #[command(flatten)]
    pub(crate) family: Family,
    /// Print only this type of socket
    #[arg(long = "type", value_name = "TYPE", default_value = "any")]
    pub(crate) socktype: TypeArg,
    /// Look up for listening: without a host, the wildcard addresses
    #[arg(long)]
    pub(crate) passive: bool,
    /// Also look up the names of each address
    #[arg(long)]
    pub(crate) names: bool,
}

/// Print a shell completion script
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  biosock completions bash > ~/.local/share/bash-completion/completions/biosock
  biosock completions fish > ~/.config/fish/completions/biosock.fish")]
pub(crate) struct CompletionsArgs {
    /// Shell to generate the script for
    pub(crate) shell: clap_complete::Shell,
}

/// Write the manual pages
#[derive(Args, Debug)]
pub(crate) struct ManArgs {
    /// Directory to write all pages to [default: biosock(1) to standard output]
    pub(crate) directory: Option<PathBuf>,
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
    pub(crate) fn wanted(self) -> biosock::Family {
        match (self.ipv4, self.ipv6) {
            (true, _) => biosock::Family::Ipv4,
            (_, true) => biosock::Family::Ipv6,
            _ => biosock::Family::Any,
        }
    }
}

#[derive(Args, Clone, Copy, Debug)]
pub(crate) struct StreamArgs {
    /// Probe an idle peer (SO_KEEPALIVE)
    #[arg(long)]
    pub(crate) keepalive: bool,
    /// Send small writes at once (TCP_NODELAY)
    #[arg(long)]
    pub(crate) nodelay: bool,
    /// Use TCP Fast Open (RFC 7413); connect errors then appear only when data
    /// is sent, so the first address always wins
    #[arg(long)]
    pub(crate) tfo: bool,
}

impl StreamArgs {
    /// Keep-alive with the system's times, if it is wanted.
    pub(crate) fn keepalive(self) -> Option<KeepAlive> {
        self.keepalive.then(KeepAlive::default)
    }

    /// What is wanted, as BIO_connect(3) names it.
    pub(crate) fn names(self) -> Vec<&'static str> {
        let named = [(self.keepalive, "KEEPALIVE"), (self.nodelay, "NODELAY"), (self.tfo, "TFO")];
        named.into_iter().filter_map(|(wanted, name)| wanted.then_some(name)).collect()
    }
}

#[derive(Args, Clone, Copy, Debug)]
pub(crate) struct TransferArgs {
    /// Show the amount transferred, if standard error is a terminal
    #[arg(long)]
    pub(crate) progress: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum TypeArg {
    /// Byte streams (TCP)
    Stream,
    /// Datagrams (UDP)
    Dgram,
    /// Raw network protocol
    Raw,
    /// All types
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
