"""examples/c: each compiles cleanly and does its work with the others."""

import os
import socket
import subprocess
import threading
from contextlib import contextmanager

from common import ROOT, Failed, Skipped, must, needs, run

from .pages import VALGRIND, under_valgrind

EXAMPLES = ROOT / "examples/c"
NAMES = ("client", "dual_stack_server", "nonblocking_client")
STANDARDS = ("c99", "c17")
PATIENCE = 30


def run_checks(report, target):
    programs = {}
    with report.check("examples: client, server and non-blocking client compile cleanly"):
        programs = _compile_all(target)
    for client in ("client", "nonblocking_client"):
        for host in ("127.0.0.1", "::1", "localhost"):
            with report.check(f"examples: {client} talks to dual_stack_server by {host}"):
                _converse(programs, client, host)
        with report.check(f"examples: {client} reports why a connection is refused"):
            _refused(programs, client, target.has_version(0x30000000))
        with report.check(f"examples: {client} reports which lookup failed"):
            _unknown_service(programs, client, target.has_version(0x30000000))
    with report.check("examples: client sends a megabyte of standard input"):
        _converse_at_length(programs)
    with report.check("examples: client reaches a Unix socket"):
        _over_unix(programs, target.scratch / "s")
    with report.check("examples: dual_stack_server reports why it cannot listen"):
        _busy_port(programs)
    with report.check("examples: wrong use is status 2 and a hint"):
        _usage(programs)
    with report.check("examples: valgrind finds no error and no leak in all three"):
        _under_valgrind(programs)


def _compile_all(target):
    programs = {}
    for name in NAMES:
        for standard in STANDARDS:
            program = target.scratch / f"{name}-{standard}"
            target.compile(EXAMPLES / f"{name}.c", program, standard)
        programs[name] = program
    return programs


def _need(programs):
    if not programs:
        raise Failed("the examples did not compile")


@contextmanager
def _server(programs, *under):
    """A server for one connection: the port, and lines that it has printed so far."""
    _need(programs)
    with started([*under, programs["dual_stack_server"], "--once", "--port-0"]) as process:
        lines = [process.stdout.readline()]
        if not lines[0].startswith("listening on "):
            raise Failed(f"the server does not listen: {process.stderr.read()}")
        yield lines[0].split()[-1], lines
        lines += process.stdout.read().splitlines()
        if process.wait() != 0:
            raise Failed(f"the server ended with {process.returncode}: {process.stderr.read()}")


@contextmanager
def started(command, **options):
    """A program's process, ended with the `with`, however that ends."""
    process = subprocess.Popen([str(word) for word in command], text=True, stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, **options)
    watchdog = threading.Timer(PATIENCE, process.kill)
    watchdog.start()
    try:
        yield process
    finally:
        watchdog.cancel()
        process.kill()
        process.wait()
        process.stdout.close()
        process.stderr.close()


def _need_address(host):
    try:
        found = socket.getaddrinfo(host, 0, type=socket.SOCK_STREAM)
        with socket.socket(found[0][0]) as probe:
            probe.bind(found[0][4])
    except OSError as error:
        raise Skipped(f"{host} is not an address of this machine: {error}") from error


def _converse(programs, client, host):
    _need_address(host)
    with _server(programs) as (port, lines):
        answer = must([programs[client], host, port, "one line"], timeout=PATIENCE).out
    if answer != "one line\n":
        raise Failed(f"the answer was {answer!r}")
    if not any(line.startswith("connection from ") for line in lines):
        raise Failed(f"the server did not name its client: {lines}")


def _converse_at_length(programs):
    """From a server that answers only at the end, so that neither side can block."""
    _need(programs)
    data = os.urandom(1 << 20)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(PATIENCE)
        received = _answer_at_end(listener)
        command = [programs["client"], "127.0.0.1", str(listener.getsockname()[1])]
        result = subprocess.run(command, input=data, capture_output=True, timeout=PATIENCE)
        received.join()
    if result.returncode != 0 or result.stdout != data:
        raise Failed(f"status {result.returncode}, {len(result.stdout)} bytes: {result.stderr}")


def _answer_at_end(listener):
    def serve():
        connection, _ = listener.accept()
        with connection, connection.makefile("rb") as stream:
            connection.sendall(stream.read())

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    return thread


def _over_unix(programs, path):
    _need(programs)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()
        listener.settimeout(PATIENCE)
        thread = _answer_at_end(listener)
        answer = must([programs["client"], path, "unix", "by path"], timeout=PATIENCE).out
        thread.join()
    if answer != "by path\n":
        raise Failed(f"the answer was {answer!r}")


def _fails(command, status, *texts):
    result = run(command, timeout=PATIENCE)
    lost = [text for text in texts if text not in result.text]
    if result.status != status or lost:
        raise Failed(f"status {result.status}, without {lost}:\n{result.text}")


def _closed_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return str(probe.getsockname()[1])


def _refused(programs, client, modern):
    """Modern is the queue since OpenSSL 3, which has more entries."""
    _need(programs)
    queued = ("connect error", "calling connect()")[: 1 + modern] if client == "client" else ()
    _fails([programs[client], "127.0.0.1", _closed_port(), "x"], 1, "Connection refused", *queued)


def _unknown_service(programs, client, modern):
    _need(programs)
    _fails([programs[client], "127.0.0.1", "no-such-service", "x"], 1,
           "Servname not supported", *(["BIO_lookup_ex"] if modern else []))


def _busy_port(programs):
    _need(programs)
    with socket.create_server(("0.0.0.0", 0)) as busy:
        port = str(busy.getsockname()[1])
        with _also_on_ipv6(port):
            _fails([programs["dual_stack_server"], "--once", port], 1, "cannot listen",
                   "Address already in use", "unable to bind socket")


@contextmanager
def _also_on_ipv6(port):
    with socket.socket(socket.AF_INET6) as sock:
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        try:
            sock.bind(("::", int(port)))
            sock.listen()
        except OSError:
            pass  # without IPv6 there is the IPv4 socket alone
        yield


def _usage(programs):
    _need(programs)
    for name in NAMES:
        _fails([programs[name]], 2, "usage: ")


def _under_valgrind(programs):
    needs("valgrind")
    for client in ("client", "nonblocking_client"):
        with _server(programs, *VALGRIND) as (port, _):
            under_valgrind(programs[client], "localhost", port, "x")
