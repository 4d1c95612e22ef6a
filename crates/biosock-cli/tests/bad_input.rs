//! The exact errors for invalid usage and input.
//!
//! `cargo test -p biosock-cli --test bad_input -- --nocapture` prints the table.

mod common;

use std::ffi::OsString;
use std::net::TcpListener;
use std::os::unix::ffi::OsStringExt;

use common::{refusing, run};

/// Arguments, exit status, the lines of standard error. In both,
/// `{dir}` is a directory with an empty file `file` in it, `{refused}` an address
/// that nothing listens on, `{used}` one that something does, `{long}` a name of
/// 109 bytes; in arguments `{esc}` is the byte 1b and `{ff}` the byte ff.
type Row = (&'static [&'static str], i32, &'static [&'static str]);

#[rustfmt::skip]
const TABLE: &[Row] = &[
    (&[], 2, &[
        "biosock: missing subcommand",
        "  hint: use one of demo, connect, listen, lookup, completions",
    ]),
    (&["frob"], 2, &[
        "biosock: unrecognized subcommand 'frob'",
        "  hint: see 'biosock --help'",
    ]),
    (&["--frob"], 2, &[
        "biosock: unexpected argument '--frob' found",
        "  hint: see 'biosock --help'",
    ]),
    (&["help", "frob"], 2, &[
        "biosock: unrecognized subcommand 'frob'",
        "  hint: see 'biosock --help'",
    ]),
    (&["connect"], 2, &[
        "biosock: the following required arguments were not provided: <HOST:SERVICE|unix:PATH>",
        "  hint: see 'biosock connect --help'",
    ]),
    (&["connect", ""], 2, &[
        "biosock: invalid value '' for '<HOST:SERVICE|unix:PATH>': must not be empty",
        "  hint: see 'biosock connect --help'",
    ]),
    (&["connect", "80"], 2, &[
        "biosock: invalid value '80' for '<HOST:SERVICE|unix:PATH>': missing port or service",
        "  hint: for port 80, write :80",
    ]),
    (&["connect", "localhost"], 2, &[
        "biosock: invalid value 'localhost' for '<HOST:SERVICE|unix:PATH>': missing port or service",
        "  hint: add a port, as in localhost:80 or [::1]:80",
    ]),
    (&["connect", "localhost:"], 2, &[
        "biosock: invalid value 'localhost:' for '<HOST:SERVICE|unix:PATH>': missing port or service",
        "  hint: add a port, as in localhost:80 or [::1]:80",
    ]),
    (&["connect", "a:b:c"], 2, &[
        "biosock: invalid value 'a:b:c' for '<HOST:SERVICE|unix:PATH>': ambiguous host or service: a second colon (at byte 3)",
        "  hint: write an IPv6 address in brackets: [::1]:80",
    ]),
    (&["connect", "http://host:80/"], 2, &[
        "biosock: invalid value 'http://host:80/' for '<HOST:SERVICE|unix:PATH>': a URL, not a host and service",
        "  hint: write host and service as in example.org:80",
    ]),
    (&["lookup", "*"], 2, &[
        "biosock: invalid value '*' for '<HOST[:SERVICE]>': missing port or service",
        "  hint: add one, as in *:80",
    ]),
    (&["connect", "::1:80"], 2, &[
        "biosock: invalid value '::1:80' for '<HOST:SERVICE|unix:PATH>': ambiguous host or service: a second colon (at byte 1)",
        "  hint: write an IPv6 address in brackets: [::1]:80",
    ]),
    (&["connect", "[::1"], 2, &[
        "biosock: invalid value '[::1' for '<HOST:SERVICE|unix:PATH>': malformed host or service: missing closing ] (at byte 4)",
        "  hint: write host and service as in localhost:80 or [::1]:80",
    ]),
    (&["connect", "[::1]"], 2, &[
        "biosock: invalid value '[::1]' for '<HOST:SERVICE|unix:PATH>': missing port or service",
        "  hint: add a port, as in localhost:80 or [::1]:80",
    ]),
    (&["connect", "[::1]x"], 2, &[
        "biosock: invalid value '[::1]x' for '<HOST:SERVICE|unix:PATH>': malformed host or service: only :service may follow the closing ] (at byte 5)",
        "  hint: write host and service as in localhost:80 or [::1]:80",
    ]),
    (&["connect", "[::1]:80:90"], 2, &[
        "biosock: invalid value '[::1]:80:90' for '<HOST:SERVICE|unix:PATH>': malformed host or service: a second colon follows the host (at byte 8)",
        "  hint: write host and service as in localhost:80 or [::1]:80",
    ]),
    (&["connect", "localhost:65536"], 2, &[
        "biosock: invalid value 'localhost:65536' for '<HOST:SERVICE|unix:PATH>': port above 65535",
        "  hint: see 'biosock connect --help'",
    ]),
    (&["connect", "localhost:99999999999999999999"], 2, &[
        "biosock: invalid value 'localhost:99999999999999999999' for '<HOST:SERVICE|unix:PATH>': port above 65535",
        "  hint: see 'biosock connect --help'",
    ]),
    (&["connect", "unix:"], 2, &[
        "biosock: invalid value 'unix:' for '<HOST:SERVICE|unix:PATH>': missing path, as in unix:/run/app.sock",
        "  hint: see 'biosock connect --help'",
    ]),
    (&["connect", "unix:{long}"], 2, &[
        "biosock: invalid value 'unix:{long}' for '<HOST:SERVICE|unix:PATH>': a Unix path has at most 108 bytes (at byte 108)",
        "  hint: see 'biosock connect --help'",
    ]),
    (&["connect", "unix:@{long}"], 2, &[
        "biosock: invalid value 'unix:@{long}' for '<HOST:SERVICE|unix:PATH>': an abstract name has at most 107 bytes (at byte 107)",
        "  hint: see 'biosock connect --help'",
    ]),
    (&["connect", "unix:a\\x0"], 2, &[
        "biosock: invalid value 'unix:a\\x0' for '<HOST:SERVICE|unix:PATH>': an escape is \\x and two hexadecimal digits (at byte 6)",
        "  hint: see 'biosock connect --help'",
    ]),
    (&["connect", "unix:a\\x00b"], 2, &[
        "biosock: invalid value 'unix:a\\x00b' for '<HOST:SERVICE|unix:PATH>': NUL byte in the path (at byte 1)",
        "  hint: see 'biosock connect --help'",
    ]),
    (&["connect", "a:1", "b:2"], 2, &[
        "biosock: unexpected argument 'b:2' found",
        "  hint: see 'biosock connect --help'",
    ]),
    (&["connect", "--nodely", "a:1"], 2, &[
        "biosock: unexpected argument '--nodely' found",
        "  hint: a similar argument exists: '--nodelay'",
    ]),
    (&["connect", "-4", "-6", "a:1"], 2, &[
        "biosock: the argument '--ipv4' cannot be used with '--ipv6'",
        "  hint: see 'biosock connect --help'",
    ]),
    (&["connect", "--json=yes", "a:1"], 2, &[
        "biosock: unexpected value 'yes' for '--json' found; no more were expected",
        "  hint: see 'biosock connect --help'",
    ]),
    (&["connect", "--timeout", "soon", "a:1"], 2, &[
        "biosock: invalid value 'soon' for '--timeout <SECONDS>': not a number of seconds, such as 2 or 0.5",
        "  hint: see 'biosock connect --help'",
    ]),
    (&["connect", "--timeout", "0", "a:1"], 2, &[
        "biosock: invalid value '0' for '--timeout <SECONDS>': must be more than 0",
        "  hint: see 'biosock connect --help'",
    ]),
    (&["connect", "--timeout", "-1", "a:1"], 2, &[
        "biosock: invalid value '-1' for '--timeout <SECONDS>': must not be negative",
        "  hint: see 'biosock connect --help'",
    ]),
    (&["connect", "--timeout", "1e30", "a:1"], 2, &[
        "biosock: invalid value '1e30' for '--timeout <SECONDS>': too large",
        "  hint: see 'biosock connect --help'",
    ]),
    (&["connect", "--timeout"], 2, &[
        "biosock: a value is required for '--timeout <SECONDS>' but none was supplied",
        "  hint: see 'biosock connect --help'",
    ]),
    (&["connect", "--timeout", "1", "--timeout", "2", "a:1"], 2, &[
        "biosock: the argument '--timeout <SECONDS>' cannot be used multiple times",
        "  hint: see 'biosock connect --help'",
    ]),
    (&["connect", "--linger", "x", "a:1"], 2, &[
        "biosock: unexpected argument '--linger' found",
        "  hint: see 'biosock connect --help'",
    ]),
    (&["connect", "--bind", "unix:/x", "a:1"], 2, &[
        "biosock: invalid value 'unix:/x' for '--bind <HOST[:PORT]>': must be an IP address or a host",
        "  hint: see 'biosock connect --help'",
    ]),
    (&["connect", "--bind", ":80", "a:1"], 2, &[
        "biosock: invalid value ':80' for '--bind <HOST[:PORT]>': missing host, as in 192.0.2.1 or 192.0.2.1:9000",
        "  hint: see 'biosock connect --help'",
    ]),
    (&["connect", "--bind", "127.0.0.1:70000", "a:1"], 2, &[
        "biosock: invalid value '127.0.0.1:70000' for '--bind <HOST[:PORT]>': port above 65535",
        "  hint: see 'biosock connect --help'",
    ]),
    (&["connect", "--bind", "1:2:3", "a:1"], 2, &[
        "biosock: invalid value '1:2:3' for '--bind <HOST[:PORT]>': ambiguous host or service: a second colon (at byte 3)",
        "  hint: write an IPv6 address in brackets: [::1]:80",
    ]),
    (&["connect", "--bind", "127.0.0.1", "--bind", "127.0.0.2", "a:1"], 2, &[
        "biosock: '--bind 127.0.0.2:0' is a second source address for IPv4",
        "  hint: use at most one for each of IPv4 and IPv6",
    ]),
    (&["connect", "--attempt-delay", "0", "a:1"], 2, &[
        "biosock: invalid value '0' for '--attempt-delay <SECONDS>': must be from 0.01 to 2 seconds (RFC 8305, section 8)",
        "  hint: see 'biosock connect --help'",
    ]),
    (&["connect", "--attempt-delay", "2.001", "a:1"], 2, &[
        "biosock: invalid value '2.001' for '--attempt-delay <SECONDS>': must be from 0.01 to 2 seconds (RFC 8305, section 8)",
        "  hint: see 'biosock connect --help'",
    ]),
    (&["connect", "--max-attempts", "0", "a:1"], 2, &[
        "biosock: invalid value '0' for '--max-attempts <N>': must be at least 1",
        "  hint: see 'biosock connect --help'",
    ]),
    (&["connect", "--device", "", "a:1"], 2, &[
        "biosock: invalid value '' for '--device <INTERFACE>': must not be empty",
        "  hint: see 'biosock connect --help'",
    ]),
    (&["connect", "--trace-svg", "", "a:1"], 2, &[
        "biosock: invalid value '' for '--trace-svg <FILE>': must not be empty",
        "  hint: see 'biosock connect --help'",
    ]),
    (&["connect", "--trace-svg", "-", "a:1"], 2, &[
        "biosock: invalid value '-' for '--trace-svg <FILE>': standard output carries the peer's data",
        "  hint: name a file; for one named -, use ./-",
    ]),
    (&["connect", "--device", "lo", "unix:/x"], 2, &[
        "biosock: '--device' is for IP addresses, not for 'unix:/x'",
        "  hint: see 'biosock connect --help'",
    ]),
    (&["connect", "--nodelay", "unix:/x"], 2, &[
        "biosock: '--nodelay' is for IP addresses, not for 'unix:/x'",
        "  hint: see 'biosock connect --help'",
    ]),
    (&["connect", "--tfo", "unix:/x"], 2, &[
        "biosock: '--tfo' is for IP addresses, not for 'unix:/x'",
        "  hint: see 'biosock connect --help'",
    ]),
    (&["connect", "--mptcp", "unix:/x"], 2, &[
        "biosock: '--mptcp' is for IP addresses, not for 'unix:/x'",
        "  hint: see 'biosock connect --help'",
    ]),
    (&["connect", "--bind", "127.0.0.1", "unix:/x"], 2, &[
        "biosock: '--bind' is for IP addresses, not for 'unix:/x'",
        "  hint: see 'biosock connect --help'",
    ]),
    (&["connect", "-4", "unix:/x"], 2, &[
        "biosock: '--ipv4' is for IP addresses, not for 'unix:/x'",
        "  hint: see 'biosock connect --help'",
    ]),
    (&["connect", "{esc}[2J:b:c"], 2, &[
        "biosock: invalid value '\\u{1b}[2J:b:c' for '<HOST:SERVICE|unix:PATH>': ambiguous host or service: a second colon (at byte 11)",
        "  hint: write an IPv6 address in brackets: [::1]:80",
    ]),
    (&["connect", "--fo{esc}o"], 2, &[
        "biosock: unexpected argument '--fo\\u{1b}o' found",
        "  hint: see 'biosock connect --help'",
    ]),
    (&["connect", "{ff}:b:c"], 2, &[
        "biosock: invalid value '\\xff:b:c' for '<HOST:SERVICE|unix:PATH>': ambiguous host or service: a second colon (at byte 6)",
        "  hint: write an IPv6 address in brackets: [::1]:80",
    ]),
    (&["listen"], 2, &[
        "biosock: the following required arguments were not provided: <[HOST]:SERVICE|unix:PATH>",
        "  hint: see 'biosock listen --help'",
    ]),
    (&["listen", "8080"], 2, &[
        "biosock: invalid value '8080' for '[[HOST]:SERVICE|unix:PATH]': missing port or service",
        "  hint: for port 8080, write :8080",
    ]),
    (&["listen", "--echo", "--exec", "cat", ":0"], 2, &[
        "biosock: the argument '--echo' cannot be used with '--exec <COMMAND>'",
        "  hint: see 'biosock listen --help'",
    ]),
    (&["listen", "--exec", "  ", ":0"], 2, &[
        "biosock: invalid value ' ' for '--exec <COMMAND>': must not be empty",
        "  hint: see 'biosock listen --help'",
    ]),
    (&["listen", "--max", "0", ":0"], 2, &[
        "biosock: invalid value '0' for '--max <N>': must be at least 1",
        "  hint: see 'biosock listen --help'",
    ]),
    (&["listen", "--max", "many", ":0"], 2, &[
        "biosock: invalid value 'many' for '--max <N>': not a whole number",
        "  hint: see 'biosock listen --help'",
    ]),
    (&["listen", "--max", "-3", ":0"], 2, &[
        "biosock: invalid value '-3' for '--max <N>': not a whole number",
        "  hint: see 'biosock listen --help'",
    ]),
    (&["listen", "--max", "4294967296", ":0"], 2, &[
        "biosock: invalid value '4294967296' for '--max <N>': must be at most 4294967295",
        "  hint: see 'biosock listen --help'",
    ]),
    (&["listen", "--at-once", "0", ":0"], 2, &[
        "biosock: invalid value '0' for '--at-once <N>': must be at least 1",
        "  hint: see 'biosock listen --help'",
    ]),
    (&["listen", "--backlog", "1.5", ":0"], 2, &[
        "biosock: invalid value '1.5' for '--backlog <N>': not a whole number",
        "  hint: see 'biosock listen --help'",
    ]),
    (&["listen", "--v6only", "-4", ":0"], 2, &[
        "biosock: the argument '--v6only' cannot be used with '--ipv4'",
        "  hint: see 'biosock listen --help'",
    ]),
    (&["listen", "--v6only", "unix:/x"], 2, &[
        "biosock: '--v6only' is for IP addresses, not for 'unix:/x'",
        "  hint: see 'biosock listen --help'",
    ]),
    (&["listen", "--activated", ":0"], 2, &[
        "biosock: the argument '--activated' cannot be used with '[[HOST]:SERVICE|unix:PATH]'",
        "  hint: see 'biosock listen --help'",
    ]),
    (&["listen", "--activated", "--nodelay"], 2, &[
        "biosock: the argument '--activated' cannot be used with '--nodelay'",
        "  hint: see 'biosock listen --help'",
    ]),
    (&["listen", "--device", "", ":0"], 2, &[
        "biosock: invalid value '' for '--device <INTERFACE>': must not be empty",
        "  hint: see 'biosock listen --help'",
    ]),
    (&["listen", "--device", "lo", "unix:/x"], 2, &[
        "biosock: '--device' is for IP addresses, not for 'unix:/x'",
        "  hint: see 'biosock listen --help'",
    ]),
    (&["listen", "--progress", "--echo", ":0"], 2, &[
        "biosock: '--progress' cannot be used with '--echo'",
        "  hint: see 'biosock listen --help'",
    ]),
    (&["listen", "unix:"], 2, &[
        "biosock: invalid value 'unix:' for '[[HOST]:SERVICE|unix:PATH]': missing path, as in unix:/run/app.sock",
        "  hint: see 'biosock listen --help'",
    ]),
    (&["lookup"], 2, &[
        "biosock: the following required arguments were not provided: <HOST[:SERVICE]>",
        "  hint: see 'biosock lookup --help'",
    ]),
    (&["lookup", "--type", "seqpacket", "a"], 2, &[
        "biosock: invalid value 'seqpacket' for '--type <TYPE>' [possible values: stream, dgram, raw, any]",
        "  hint: see 'biosock lookup --help'",
    ]),
    (&["lookup", "localhost:65536"], 2, &[
        "biosock: invalid value 'localhost:65536' for '<HOST[:SERVICE]>': port above 65535",
        "  hint: see 'biosock lookup --help'",
    ]),
    (&["lookup", "-6", "unix:/x"], 2, &[
        "biosock: '--ipv6' is for IP addresses, not for 'unix:/x'",
        "  hint: see 'biosock lookup --help'",
    ]),
    (&["completions"], 2, &[
        "biosock: the following required arguments were not provided: <SHELL>",
        "  hint: see 'biosock completions --help'",
    ]),
    (&["completions", "tcsh"], 2, &[
        "biosock: invalid value 'tcsh' for '<SHELL>' [possible values: bash, elvish, fish, powershell, zsh]",
        "  hint: a similar value exists: 'zsh'",
    ]),
    (&["--json", "lookup"], 2, &[
        "{\"event\":\"error\",\"kind\":\"usage\",\"message\":\"the following required arguments were not provided: <HOST[:SERVICE]>\",\"hint\":\"see 'biosock lookup --help'\",\"errno\":null,\"symbol\":null,\"attempts\":[]}",
    ]),
    (&["connect", "{refused}"], 1, &[
        "biosock: connect to {refused}: connection refused (ECONNREFUSED)",
        "  hint: nothing listens there; check the port and that the server runs",
    ]),
    (&["connect", "--timeout", "18e18", "{refused}"], 1, &[
        "biosock: connect to {refused}: connection refused (ECONNREFUSED)",
        "  hint: nothing listens there; check the port and that the server runs",
    ]),
    (&["connect", "--timeout", "18e18", "--bind", "localhost", "-4", "{refused}"], 1, &[
        "biosock: connect to {refused}: connection refused (ECONNREFUSED)",
        "  hint: nothing listens there; check the port and that the server runs",
    ]),
    (&["connect", "unix:{dir}/none"], 1, &[
        "biosock: connect to unix:{dir}/none: no such file or directory (ENOENT)",
        "  hint: no such socket file; check the path and that the server runs",
    ]),
    (&["connect", "unix:{dir}/{ff}"], 1, &[
        "biosock: connect to unix:{dir}/\\xff: no such file or directory (ENOENT)",
        "  hint: no such socket file; check the path and that the server runs",
    ]),
    (&["connect", "unix:{dir}/{esc}"], 1, &[
        "biosock: connect to unix:{dir}/\\x1b: no such file or directory (ENOENT)",
        "  hint: no such socket file; check the path and that the server runs",
    ]),
    (&["connect", "unix:{dir}/file"], 1, &[
        "biosock: connect to unix:{dir}/file: connection refused (ECONNREFUSED)",
        "  hint: the file is not a socket, or nothing listens on it",
    ]),
    (&["connect", "unix:{dir}/file/below"], 1, &[
        "biosock: connect to unix:{dir}/file/below: not a directory (ENOTDIR)",
    ]),
    (&["connect", "--bind", "192.0.2.1", "{refused}"], 1, &[
        "biosock: bind to 192.0.2.1:0: cannot assign requested address (EADDRNOTAVAIL)",
        "  hint: no interface has this address, or it is not ready yet (duplicate address detection)",
    ]),
    (&["connect", "--bind", "[::1]", "{refused}"], 1, &[
        "biosock: look up {refused}: address family for hostname not supported (EAI_ADDRFAMILY)",
        "  hint: only IPv6 was tried, the family of --bind",
    ]),
    (&["connect", "-4", "--bind", "[::1]", "{refused}"], 1, &[
        "biosock: look up [::1]:0: address family for hostname not supported (EAI_ADDRFAMILY)",
        "  hint: the name exists without an address of this family; try the other one",
    ]),
    (&["connect", "--device", "no-such-device", "{refused}"], 1, &[
        "biosock: set option SO_BINDTODEVICE to no-such-device: no such device (ENODEV)",
    ]),
    (&["connect", "--trace-svg", "{dir}", "{refused}"], 1, &[
        "biosock: write {dir}: is a directory (EISDIR)",
    ]),
    (&["connect", "--trace-svg", "{dir}/none/race.svg", "{refused}"], 1, &[
        "biosock: write {dir}/none/race.svg: no such file or directory (ENOENT)",
    ]),
    (&["connect", "--trace-svg", "{dir}/file/race.svg", "{refused}"], 1, &[
        "biosock: write {dir}/file/race.svg: not a directory (ENOTDIR)",
    ]),
    (&["connect", "-6", "127.0.0.1:1"], 1, &[
        "biosock: look up 127.0.0.1:1: address family for hostname not supported (EAI_ADDRFAMILY)",
        "  hint: the name exists without an address of this family; try the other one",
    ]),
    (&["connect", "127.0.0.1:no-such-service"], 1, &[
        "biosock: look up 127.0.0.1:no-such-service: servname not supported for ai_socktype (EAI_SERVICE)",
        "  hint: give the port as a number, or a service from /etc/services",
    ]),
    (&["listen", "--activated"], 1, &[
        "biosock: no listening socket inherited",
        "  hint: a service manager passes them (systemd.socket(5)); without one, give an address",
    ]),
    (&["listen", "192.0.2.1:0"], 1, &[
        "biosock: bind to 192.0.2.1:0: cannot assign requested address (EADDRNOTAVAIL)",
        "  hint: no interface has this address, or it is not ready yet (duplicate address detection)",
    ]),
    (&["listen", "{used}"], 1, &[
        "biosock: bind to {used}: address already in use (EADDRINUSE)",
        "  hint: choose another port",
    ]),
    (&["listen", "unix:{dir}/file"], 1, &[
        "biosock: listen on unix:{dir}/file: the file exists and is not a socket",
        "  hint: choose another path; only a stale socket file is replaced",
    ]),
    (&["listen", "unix:{dir}/none/s"], 1, &[
        "biosock: bind to unix:{dir}/none/s: no such file or directory (ENOENT)",
        "  hint: the directory of the socket file does not exist",
    ]),
    (&["listen", "127.0.0.1:no-such-service"], 1, &[
        "biosock: look up 127.0.0.1:no-such-service: servname not supported for ai_socktype (EAI_SERVICE)",
        "  hint: give the port as a number, or a service from /etc/services",
    ]),
    (&["lookup", "127.0.0.1:no-such-service"], 1, &[
        "biosock: look up 127.0.0.1:no-such-service: servname not supported for ai_socktype (EAI_SERVICE)",
        "  hint: give the port as a number, or a service from /etc/services",
    ]),
    (&["lookup", "-6", "127.0.0.1"], 1, &[
        "biosock: look up 127.0.0.1: address family for hostname not supported (EAI_ADDRFAMILY)",
        "  hint: the name exists without an address of this family; try the other one",
    ]),
    (&["man", "{dir}/file"], 1, &[
        "biosock: write {dir}/file: file exists (EEXIST)",
    ]),
];

struct Names {
    dir: tempfile::TempDir,
    refused: String,
    used: TcpListener,
    long: String,
}

impl Names {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("file"), "").unwrap();
        let used = TcpListener::bind("127.0.0.1:0").unwrap();
        Self { dir, refused: refusing(), used, long: "p".repeat(109) }
    }

    fn fill(&self, text: &str) -> String {
        text.replace("{dir}", self.dir.path().to_str().unwrap())
            .replace("{refused}", &self.refused)
            .replace("{used}", &self.used.local_addr().unwrap().to_string())
            .replace("{long}", &self.long)
    }

    fn argument(&self, text: &str) -> OsString {
        let text = self.fill(text).replace("{esc}", "\x1b");
        let mut bytes = Vec::new();
        for (number, part) in text.split("{ff}").enumerate() {
            bytes.extend((number > 0).then_some(0xff));
            bytes.extend(part.as_bytes());
        }
        OsString::from_vec(bytes)
    }
}

#[test]
fn each_gets_its_error() {
    let names = Names::new();
    let width = TABLE.iter().map(|(args, ..)| shown(args).chars().count()).max().unwrap();
    let mut wrong = 0;
    for &(args, status, lines) in TABLE {
        let ended = run(args.iter().map(|arg| names.argument(arg)), b"");
        let expected: String = lines.iter().map(|line| names.fill(line) + "\n").collect();
        for (number, line) in lines.iter().enumerate() {
            let (args, status) =
                if number == 0 { (shown(args), status.to_string()) } else { Default::default() };
            println!("{args:width$}  {status:1}  {line}");
        }
        if (ended.code(), &ended.stderr) != (Some(status), &expected) || !ended.stdout.is_empty() {
            println!("^ WRONG: {ended:?}");
            wrong += 1;
        }
    }
    println!("{} wrong invocations and inputs", TABLE.len());
    assert_eq!(wrong, 0);
}

#[test]
fn the_table_is_long_enough_and_has_no_row_twice() {
    assert!(TABLE.len() >= 40);
    for (number, (args, ..)) in TABLE.iter().enumerate() {
        assert!(TABLE[..number].iter().all(|(other, ..)| other != args), "{args:?}");
    }
}

/// No message contains a terminal control character.
#[test]
fn no_message_has_a_control_character() {
    let names = Names::new();
    for c in (1..0x20).chain(0x7f..0xa0).chain([0x202e]).filter_map(char::from_u32) {
        for args in
            [["connect", "{c}:b:c"], ["lookup", "--{c}"], ["connect", "unix:{dir}/{c}"], ["{c}", "--json"]]
        {
            let args = args.map(|arg| names.fill(&arg.replace("{c}", &c.to_string())));
            let ended = run(&args, b"");
            let text = ended.stderr + &String::from_utf8(ended.stdout).unwrap();
            assert!(!text.is_empty());
            assert!(
                text.chars().all(|c| c == '\n' || !c.is_control() && c != '\u{202e}'),
                "{args:?}: {text:?}"
            );
        }
    }
}

/// Messages have a bounded length, whatever the input.
#[test]
fn no_message_is_as_long_as_hostile_input() {
    for text in ["x".repeat(100_000), "\u{202e}".repeat(30_000)] {
        for args in [
            ["connect", &text, "--json"],
            ["connect", &format!("{text}:80"), "--verbose"],
            ["connect", &format!("a:{text}"), "--trace"],
            ["connect", &format!("--{text}"), "a:1"],
            ["connect", "--bind", &text],
            ["lookup", &format!("a:b:{text}"), "--json"],
            ["listen", "--exec=", &text],
            [&*text, "--json", "a"],
            ["listen", "--max", &text],
        ] {
            let ended = run(args, b"");
            let said = ended.stderr.len() + ended.stdout.len();
            assert!(said > 0 && said < 20_000, "{said} bytes: {}", &ended.stderr[..100]);
        }
    }
}

fn shown(args: &[&str]) -> String {
    let quoted = |arg: &&str| match arg.chars().all(|c| c.is_alphanumeric() || "-.:/_={}@".contains(c)) {
        true if !arg.is_empty() => String::from(*arg),
        _ => format!("'{arg}'"),
    };
    args.iter().map(quoted).collect::<Vec<_>>().join(" ")
}
