"""Libraries between a program and its system calls see biosock's calls as any other's."""

import shutil
import socket
import threading
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from common import ROOT, Failed, environment, must, needs
from processes import Running
from socks import CONNECT, FAKE, Socks

CLIENT = ROOT / "examples/c/client.c"
SERVER = ROOT / "examples/c/dual_stack_server.c"
NAME = "biosock.example"
BANNER = b"hello from behind\n"


def checks():
    yield "calls of a client are seen and redirected", redirected
    yield "calls of a server are seen", served
    for tool in ("proxychains4", "torsocks"):
        yield f"{tool}, an address", partial(proxied, tool, "192.0.2.7")
        yield f"{tool}, a name", partial(proxied, tool, NAME)
        yield f"{tool}, s_client", partial(proxied_tls, tool)


@contextmanager
def greeter():
    """A server that sends its banner to each client and closes; yields its port."""
    listener = socket.create_server(("127.0.0.1", 0))

    def greet():
        while True:
            try:
                peer, _ = listener.accept()
            except OSError:
                return
            with peer:
                peer.settimeout(30)
                try:
                    while peer.recv(4096):
                        pass
                    peer.sendall(BANNER)
                except OSError:
                    pass  # the client's complaint is what counts

    threading.Thread(target=greet, daemon=True).start()
    try:
        yield listener.getsockname()[1]
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()


def recording(bench, **more):
    """The environment in which calls are recorded, and the file that they go to."""
    record = bench.directory("recorder") / "record"
    record.touch()
    return environment(LD_PRELOAD=bench.shim("recorder"), RECORDER=record, **more), record


def calls(record):
    return [line.split(" ", 1) for line in record.read_text().splitlines()]


def redirected(bench):
    """The client connects to an address that is not assigned, and is redirected."""
    figures = []
    for form in bench.forms():
        program = bench.program("client", form, [CLIENT])
        with greeter() as port:
            env, record = recording(bench, REDIRECT=port)
            shown = must([program, "192.0.2.7", "9", "hi"], env=env, timeout=60)
        seen = calls(record)
        if shown.out.encode() != BANNER or ["connect", "192.0.2.7"] not in seen:
            raise Failed(f"{form}: {shown}\n{seen}")
        need_calls(form, seen, {"socket", "setsockopt", "connect", "close"})
        figures.append(f"{form} {len(seen)} calls")
    return ", ".join(figures)


def served(bench):
    figures = []
    for form in bench.forms():
        program = bench.program("dual_stack_server", form, [SERVER])
        env, record = recording(bench)
        with Running([program, "--once", "--port-0"], env=env) as server:
            port = int(server.expect(r"^listening on \S+ (\d+)").group(1))
            with socket.create_connection(("127.0.0.1", port)) as peer:
                peer.sendall(b"ping")
                peer.shutdown(socket.SHUT_WR)
                if peer.recv(16) != b"ping":
                    raise Failed(f"{form}: no echo: {server}")
            if server.ended() != 0:
                raise Failed(f"{form}: {server}")
        need_calls(form, calls(record), {"socket", "bind", "listen", "accept", "setsockopt", "close"})
        figures.append(f"{form} {len(calls(record))} calls")
    return ", ".join(figures)


def need_calls(form, seen, wanted):
    missing = wanted - {name for name, *_ in seen}
    if missing:
        raise Failed(f"{form}: the interposer did not see {', '.join(sorted(missing))}: {seen}")


def through(tool, bench, port):
    """The words that put the tool before a program, and its environment."""
    needs(tool)
    directory = bench.directory("proxy")
    config = directory / f"{tool}.conf"
    if tool == "torsocks":
        config.write_text(f"TorAddress 127.0.0.1\nTorPort {port}\n")
        return [tool], environment(TORSOCKS_CONF_FILE=config)
    config.write_text(f"strict_chain\nproxy_dns\nquiet_mode\n[ProxyList]\nsocks5 127.0.0.1 {port}\n")
    return [tool, "-q", "-f", config], environment()


def proxied(tool, host, bench):
    for form in bench.forms():
        program = bench.program("client", form, [CLIENT])
        with greeter() as port, Socks(port) as socks:
            words, env = through(tool, bench, socks.port)
            shown = must([*words, program, host, "9", "hi"], env=env, timeout=60)
        if shown.out.encode() != BANNER:
            raise Failed(f"{form}: another answer: {shown}")
        need_asked(form, socks, host)
    return f"{', '.join(bench.forms())}: {socks.asked[-1][1]} asked of the proxy"


def need_asked(form, socks, host):
    """The proxy was asked to connect to the host, by that name or by what it resolved to."""
    hosts = [asked for command, asked, port in socks.asked if command == CONNECT and port == 9]
    names = [asked for _, asked, _ in socks.asked]
    if len(hosts) != 1 or host not in names or hosts[0] not in (host, FAKE):
        raise Failed(f"{form}: the proxy was asked for {socks.asked}")


def proxied_tls(tool, bench):
    """Debian's s_client, plain and with the overlay, through the proxy."""
    needs("openssl")
    key, cert = bench.certificate()
    for side in bench.sides():
        server = ["openssl", "s_server", "-key", key, "-cert", cert, "-accept", "127.0.0.1:0",
                  "-rev", "-naccept", 1]
        with Running(server) as running:
            port = int(running.expect(r"^ACCEPT .*:(\d+)$").group(1))
            with Socks(port) as socks:
                words, env = through(tool, bench, socks.port)
                env |= {key: str(value) for key, value in side.env().items() if key == "LD_PRELOAD"}
                client = [shutil.which(words[0]), *words[1:], "openssl", "s_client", "-brief",
                          "-CAfile", cert, "-connect", "192.0.2.7:9"]
                converse(client, env, side)
            need_asked(side.name, socks, "192.0.2.7")
    return ", ".join(side.name for side in bench.sides()) + ": handshake and echo"


def converse(client, env, side):
    with Running(client, env) as running:
        running.expect("Verification: OK")
        running.say("level")
        running.expect("^level")
        if side.ours and "libbiosock_overlay" not in Path(f"/proc/{running.pid}/maps").read_text():
            raise Failed("the overlay is not in the process")
        running.no_more()
        if running.ended() != 0:
            raise Failed(f"{side.name}: {running}")
