"""examples/c with biosock's own functions: greeter and dial_tls do their work."""

import re
import signal
import socket
import subprocess
import threading
from contextlib import contextmanager

from common import Failed, NotApplicable, environment, must, needs, run

from .pages import VALGRIND, under_valgrind
from .programs import EXAMPLES, PATIENCE, STANDARDS, started

LONGEST = 30  # the lines of dial_tls.c are fewer


def run_checks(report, target):
    if target.mode == "openssl":
        return
    greeter = target.scratch / "greeter"
    with report.check("examples: greeter compiles cleanly"):
        for standard in STANDARDS:
            target.compile(EXAMPLES / "greeter.c", greeter, standard)
    with report.check("examples: greeter greets on each address of a name, and ends at a signal"):
        _greets_everywhere(greeter)
    with report.check("examples: greeter removes a Unix socket's file"):
        _greets_over_unix(greeter, target.scratch / "greeter.s")
    with report.check("examples: greeter serves what a service manager passes"):
        _greets_on_passed(greeter)
    with report.check("examples: greeter reports why it cannot listen"):
        _cannot_listen(greeter)
    if target.mode == "overlay":
        _over_tls(report, target)


@contextmanager
def _running(command, ends=0, **options):
    """A program's process; in the end SIGTERM ends it, with this status."""
    with started(command, **options) as process:
        yield process
        process.send_signal(signal.SIGTERM)
        _, printed = process.communicate(timeout=PATIENCE)
        if process.returncode != ends:
            raise Failed(f"ended with {process.returncode}: {printed}")


def _greeted(family, address):
    with socket.socket(family) as client:
        client.settimeout(PATIENCE)
        client.connect(address)
        with client.makefile("rb") as stream:
            heard = stream.read()
    if heard != b"hello\n":
        raise Failed(f"{address} sent {heard!r}")


def _listening(process):
    """The host and the port of the next line."""
    line = process.stdout.readline()
    found = re.fullmatch(r"listening on (\S+) (\d+)\n", line)
    if not found:
        raise Failed(f"not a listener's line: {line!r}")
    return found.group(1), int(found.group(2))


def _greets_everywhere(greeter):
    addresses = {info[4][0] for info in socket.getaddrinfo("localhost", 0, type=socket.SOCK_STREAM)}
    for under in ([], _valgrind()):
        with _running([*under, greeter, "localhost:0"]) as process:
            seen = [_listening(process) for _ in addresses]
            if {port for _, port in seen} != {seen[0][1]} or {host for host, _ in seen} != addresses:
                raise Failed(f"listens on {seen}, not on {addresses}")
            for host, port in seen:
                _greeted(socket.AF_INET6 if ":" in host else socket.AF_INET, (host, port))


def _valgrind():
    needs("valgrind")
    return VALGRIND


def _greets_over_unix(greeter, path):
    with _running([greeter, f"unix:{path}"]) as process:
        wait = threading.Event()
        for _ in range(PATIENCE * 100):
            if path.exists() or process.poll() is not None:
                break
            wait.wait(0.01)
        _greeted(socket.AF_UNIX, str(path))
    if path.exists():
        raise Failed("the file is still there")


def _greets_on_passed(greeter):
    """As sd_listen_fds(3) has it: descriptor 3, for the process that LISTEN_PID names."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        start = f'exec 3<&{listener.fileno()}; LISTEN_PID=$$ LISTEN_FDS=1 exec "$0" "$1"'
        command = ["sh", "-c", start, greeter, "203.0.113.1:1"]
        with _running(command, pass_fds=[listener.fileno()]) as process:
            if _listening(process)[1] != port:
                raise Failed("it listens elsewhere")
            _greeted(socket.AF_INET, ("127.0.0.1", port))


def _cannot_listen(greeter):
    for target, text in (("203.0.113.1:1", "bind to 203.0.113.1:1: "), ("a:b:c", "a:b:c"),
                         ("localhost:no-such-service", "no-such-service")):
        result = run([greeter, target], timeout=PATIENCE)
        if result.status != 1 or text not in result.text:
            raise Failed(f"{target}: status {result.status}\n{result.text}")


def _over_tls(report, target):
    program = target.scratch / "dial_tls"
    with report.check(f"examples: dial_tls compiles cleanly, in fewer than {LONGEST} lines"):
        _need_openssl(target)
        for standard in STANDARDS:
            target.compile(EXAMPLES / "dial_tls.c", program, standard, ["-lssl"])
        if len((EXAMPLES / "dial_tls.c").read_text().splitlines()) >= LONGEST:
            raise Failed("it is longer")
    with report.check("examples: dial_tls shakes hands with OpenSSL's server, and leaks nothing"):
        _need(program)
        needs("openssl")
        _shake_hands(program, target.scratch)
    with report.check("examples: dial_tls names each address that refused"):
        _need(program)
        _refused(program)


def _need_openssl(target):
    if not target.has_routines():
        raise NotApplicable("written for OpenSSL's own libssl")


def _need(program):
    if not program.exists():
        raise NotApplicable("it did not compile, see above")


def _shake_hands(program, scratch):
    key, cert = scratch / "key.pem", scratch / "cert.pem"
    must(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
          "-nodes", "-keyout", key, "-out", cert, "-days", "30", "-subj", "/CN=localhost",
          "-addext", "subjectAltName=DNS:localhost"])
    trusting = environment(SSL_CERT_FILE=cert)
    with _tls_server(key, cert) as port:
        shown = must([program, f"127.0.0.1:{port}", "localhost"], timeout=PATIENCE, env=trusting).out
        if not shown.startswith("TLSv1.3 TLS_"):
            raise Failed(f"it printed {shown!r}")
        must([program, f"localhost:{port}", "localhost"], timeout=PATIENCE, env=trusting)
        under_valgrind(program, f"127.0.0.1:{port}", "localhost", env=trusting)
        for name, env in (("localhost", environment()), ("example.org", trusting)):
            result = run([program, f"127.0.0.1:{port}", name], timeout=PATIENCE, env=env)
            if result.status != 1 or "certificate verify failed" not in result.text:
                raise Failed(f"{name}: status {result.status}\n{result.text}")


@contextmanager
def _tls_server(key, cert):
    command = ["openssl", "s_server", "-key", key, "-cert", cert, "-accept", "127.0.0.1:0", "-www"]
    with _running(command, -signal.SIGTERM, stdin=subprocess.DEVNULL) as process:
        for line in process.stdout:
            found = re.match(r"ACCEPT .*:(\d+)$", line)
            if found:
                break
        else:
            raise Failed("the server does not listen")
        yield found.group(1)


def _refused(program):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
        result = run([program, f"127.0.0.1:{port}", "localhost"], timeout=PATIENCE)
    wanted = [f"calling connect() for 127.0.0.1:{port}, at 0.", "connect error",
              f"dial 127.0.0.1:{port}: no address answered"]
    lost = [text for text in wanted if text not in result.text]
    if result.status != 1 or lost:
        raise Failed(f"status {result.status}, without {lost}:\n{result.text}")
