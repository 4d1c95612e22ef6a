"""Failing invocations of Debian's openssl print the same with the overlay preloaded."""

import difflib
import re
import socket
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial

from common import Failed, Skipped, needs, run

# What may differ: the thread, and the place in the sources.
THREAD = re.compile(r"^[0-9A-F]{8,16}(?=:error:)", re.M)
# An error line: thread:error:code:library:function:reason:file:line:data.
PLACE = re.compile(r"^(THREAD:error:[^:]*:[^:]*:[^:]*:[^:]*):([^:\n]*):\d+:", re.M)


@dataclass
class Case:
    """An invocation and the complaint it must print, plain or not.

    {busy} is a TCP port (with -dtls: UDP) in use, {free} one that is free.
    """

    words: str
    complaint: str
    inject: str = ""  # a failure that strace injects into a system call
    instead: str = ""  # what biosock prints where the original has a known defect
    cut_off: bool = False  # in a network namespace where no device is up


CLIENT = "s_client -brief"
SERVER = "s_server -key {key} -cert {cert} -naccept 1"
OCSP = "ocsp -issuer {cert} -cert {cert}"
CASES = {
    "refused": Case(f"{CLIENT} -connect 127.0.0.1:{{free}}", "Connection refused"),
    "refused on IPv6": Case(f"{CLIENT} -connect [::1]:{{free}}", "Connection refused"),
    "refused on every address of a name": Case(f"{CLIENT} -connect localhost:{{free}}",
                                               "Connection refused"),
    "unknown name": Case(f"{CLIENT} -connect no-such-host.invalid:443", "BIO_lookup_ex"),
    "unknown service": Case(f"{CLIENT} -connect 127.0.0.1:no-such-service", "BIO_lookup_ex"),
    "port beyond 65535": Case(f"{CLIENT} -connect 127.0.0.1:65536", "error"),
    "ambiguous -connect": Case(f"{CLIENT} -connect a:b:c", "malformed or ambiguous"),
    "malformed -connect": Case(f"{CLIENT} -connect [::1", "malformed or ambiguous"),
    "malformed after the bracket": Case(f"{CLIENT} -connect [::1]443", "malformed or ambiguous"),
    "malformed -accept": Case(f"{SERVER} -accept a:b:c", "argument"),
    "ocsp, ambiguous": Case(f"{OCSP} -host a:b:c", "ambiguous host or service"),
    "ocsp, malformed": Case(f"{OCSP} -host [::1", "malformed host or service"),
    "busy port": Case(f"{SERVER} -accept 127.0.0.1:{{busy}}", "Address already in use"),
    "missing Unix path to connect": Case(f"{CLIENT} -unix {{directory}}/none", "No such file"),
    "missing directory of a Unix path": Case(f"{SERVER} -unix {{directory}}/no/socket", "No such file"),
    "Unix path that is no socket": Case(f"{CLIENT} -unix {{key}}", "Connection refused"),
    "Unix path longer than an address": Case(
        f"{CLIENT} -unix {{directory}}/{'x' * 120}", "Invalid argument|BIO_lookup_ex",
        instead="BIO_lookup_ex:"),    "Unix path longer than a service's name": Case(
        f"{SERVER} -unix {{directory}}/{'x' * 32}", "addr_strings"),
    "unusable address to bind": Case(f"{CLIENT} -bind 192.0.2.1:0 -connect 127.0.0.1:{{busy}}",
                                     "Cannot assign requested address"),
    "unusable address to listen on": Case(f"{SERVER} -accept 192.0.2.1:0",
                                          "Cannot assign requested address"),
    "bind of another family": Case(f"{CLIENT} -bind [::1]:0 -connect 127.0.0.1:{{busy}}", "."),
    "-6 with an IPv4 address": Case(f"{CLIENT} -6 -connect 127.0.0.1:{{busy}}", "BIO_lookup_ex"),
    "network unreachable": Case(f"{CLIENT} -connect 192.0.2.1:443", "Network is unreachable",
                                cut_off=True),
    "network unreachable over IPv6": Case(f"{CLIENT} -connect [2001:db8::1]:443",
                                          "Network is unreachable|Cannot assign", cut_off=True),
    "DTLS, unknown name": Case(f"{CLIENT} -dtls -connect no-such-host.invalid:443",
                               "BIO_lookup_ex"),
    "DTLS, busy port": Case(f"{SERVER} -dtls -accept 127.0.0.1:{{busy}}", "Address already in use"),
    "s_time, refused": Case("s_time -connect 127.0.0.1:{free} -new -time 1", "Connection refused"),
    "s_time, unknown name": Case("s_time -connect no-such-host.invalid:443 -new -time 1",
                                 "BIO_lookup_ex"),
    "ocsp, refused": Case(f"{OCSP} -url http://127.0.0.1:{{free}}/", "Connection refused"),
    "no more descriptors": Case(f"{CLIENT} -connect 127.0.0.1:{{busy}}", "calling socket",
                                inject="socket:error=EMFILE"),
    "bad descriptor": Case(f"{CLIENT} -connect 127.0.0.1:{{busy}}", "Bad file descriptor",
                           inject="ioctl:error=EBADF"),
    "bad descriptor at connect": Case(f"{CLIENT} -connect 127.0.0.1:{{busy}}",
                                      "Bad file descriptor", inject="connect:error=EBADF"),
    "option refused": Case(f"{SERVER} -accept 127.0.0.1:{{free}}", "calling setsockopt",
                           inject="setsockopt:error=EINVAL"),
    "socket type refused": Case(f"{SERVER} -accept 127.0.0.1:{{free}}", "getting socktype",
                                inject="getsockopt:error=ENOTSOCK"),
    "listen refused": Case(f"{SERVER} -accept 127.0.0.1:{{free}}", "unable to listen",
                           inject="listen:error=EOPNOTSUPP"),
    "own address refused": Case(f"{SERVER} -accept 127.0.0.1:0", "getsockname error",
                                inject="getsockname:error=ENOBUFS"),
    "accept refused": Case(f"{SERVER} -accept 127.0.0.1:{{free}}", "accept error",
                           inject="accept,accept4:error=EMFILE"),
}


@dataclass(frozen=True)
class Way:
    """A way of running openssl."""

    name: str
    openssl: str = "openssl"
    preload: tuple = ()
    ours: bool = False  # whether biosock's library answers


def checks():
    for name, case in CASES.items():
        yield name, partial(check, case)


def check(case, bench):
    needs("openssl")
    ways = [Way(side.name, preload=side.preload, ours=side.ours) for side in bench.sides()]
    return compared(bench, case, ways, case.complaint)


def compared(bench, case, ways, wanted):
    """Runs the case in the first way, which must print what is wanted, then in the others."""
    with ExitStack() as stack:
        names = surroundings(bench, case, stack)
        plain, *others = [complaint(case, names, way) for way in ways]
    if not re.search(wanted, plain):
        raise Failed(f"{ways[0].name}: no complaint of {wanted!r}:\n{plain}")
    for way, text in zip(ways[1:], others):
        compare(case, plain, text, way.name)
    entries = plain.count("THREAD:error:")
    outcome = "as the plain run" if others and others[0] == plain else "rightly not as the plain run"
    return f"status and {len(plain.splitlines())} lines, {entries} of the queue" + (
        f", {outcome}" if others else "")


def compare(case, plain, text, name):
    mended = case.instead and not re.search(case.instead, plain)
    if mended and re.search(case.instead, text):
        return
    if mended or text != plain:
        raise Failed("\n".join(difflib.unified_diff(plain.splitlines(), text.splitlines(),
                                                    "plain", name, lineterm="")))


def surroundings(bench, case, stack):
    """What the case's words may name; a port that is busy stays so until the stack ends."""
    key, cert = bench.certificate()
    holder = udp() if "-dtls" in case.words else socket.create_server(("127.0.0.1", 0))
    stack.enter_context(holder)
    return {"key": key, "cert": cert, "directory": bench.directory("errors"),
            "busy": holder.getsockname()[1], "free": free_port()}


def udp():
    one = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    one.bind(("127.0.0.1", 0))
    return one


def free_port():
    """A port that nothing listens on: the next one that is assigned is another."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def command_of(case, names, way):
    # Preloaded into openssl alone, not into the tools that start it.
    preload = [f"LD_PRELOAD={path}" for path in way.preload]
    words = ["env", *preload, way.openssl, *(word.format(**names) for word in case.words.split())]
    if case.inject:
        calls = case.inject.split(":")[0]
        words = ["strace", "-f", "-o", names["directory"] / "trace", "-e", f"trace={calls}",
                 "-e", f"inject={case.inject}", *words]
    return ["unshare", "--net", *words] if case.cut_off else words


def complaint(case, names, way):
    """What the invocation printed, but for thread, file and line; then its status.

    The status may be any: s_server ends with 0 after some of its complaints.
    """
    ended = run(command_of(case, names, way), timeout=60)
    if "unshare: " in ended.err or "strace: " in ended.err:
        raise Skipped(ended.err.strip().splitlines()[0])
    text = THREAD.sub("THREAD", ended.err)
    check_origin(text, way)
    text = PLACE.sub(r"\1:PLACE:", text)
    return f"{text}{ended.out}status {ended.status}"


def check_origin(text, way):
    """Where there are entries, some are from biosock's sources, and without biosock none."""
    rust = [place for _, place in PLACE.findall(text) if place.endswith(".rs")]
    if bool(rust) != (way.ours and ":error:" in text):
        raise Failed(f"{way.name}: entries from {rust or 'no Rust file'}:\n{text}")
