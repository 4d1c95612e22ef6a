"""Debian's s_server and s_client talk TLS: plain, then with the overlay preloaded."""

import re
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from common import Failed, needs
from processes import Running, appears
from witness import Witness

CLIENT = {"BIO_socket", "BIO_connect", "BIO_lookup_ex", "BIO_ADDRINFO_free", "BIO_closesocket"}
SERVER = {"BIO_listen", "BIO_accept_ex"}
# Whether these are called depends on timing.
CHANCE = {"BIO_sock_should_retry", "BIO_sock_error"}
# The original's routines call these themselves, biosock's do not.
INNER = {"BIO_ADDR_family", "BIO_ADDR_rawmake", "BIO_bind", "BIO_socket_ioctl", "BIO_socket_nbio"}
WORDS = "nine men's morris"


@dataclass
class Transport:
    """How the two meet; {directory} is scratch, {port} the server's."""

    server: tuple
    clients: tuple  # the arguments of one client after the other
    wanted: set = field(default_factory=set)
    dtls: bool = False
    source: str = ""  # where the client comes from, as /proc/net/tcp writes it


TRANSPORTS = {
    "IPv4": Transport(("-accept", "127.0.0.1:0"), (("-connect", "127.0.0.1:{port}"),)),
    "IPv6": Transport(("-accept", "[::1]:0"), (("-connect", "[::1]:{port}"),)),
    "dual stack *:0": Transport(("-accept", "*:0"), (("-connect", "127.0.0.1:{port}"),
                                                     ("-connect", "[::1]:{port}"))),
    "a name": Transport(("-accept", "localhost:0"), (("-connect", "localhost:{port}"),)),
    "Unix socket": Transport(("-unix", "{directory}/socket"), (("-unix", "{directory}/socket"),)),
    "-bind": Transport(("-accept", "127.0.0.1:0"),
                       (("-bind", "127.0.0.2:0", "-connect", "127.0.0.1:{port}"),),
                       {"BIO_bind"}, source="0200007F"),
    "-nbio": Transport(("-nbio", "-accept", "127.0.0.1:0"),
                       (("-nbio", "-connect", "127.0.0.1:{port}"),), {"BIO_socket_nbio"}),
    "-4 and -6": Transport(("-accept", "*:0"), (("-4", "-connect", "localhost:{port}"),
                                                ("-6", "-connect", "[::1]:{port}"))),
    "DTLS": Transport(("-dtls", "-accept", "127.0.0.1:0"),
                      (("-dtls", "-connect", "127.0.0.1:{port}"),), dtls=True),
    "DTLS with -listen": Transport(("-dtls", "-listen", "-accept", "127.0.0.1:0"),
                                   (("-dtls", "-connect", "127.0.0.1:{port}"),), dtls=True),
}


def checks():
    for name, transport in TRANSPORTS.items():
        yield name, partial(check, transport)


def check(transport, bench):
    needs("openssl")
    seen = {}
    for side in bench.sides():
        seen[side.server] = talk(bench, side, transport)
    compare(seen)
    shown = ", ".join(f"{sum(count for count, _ in calls.values())} calls served by {library}"
                      for library, calls in seen.items())
    return f"{len(transport.clients)} x handshake and echo; {shown}"


def compare(seen):
    """The program called the same routines on both sides."""
    sets = [set(calls) - CHANCE - INNER for calls in seen.values()]
    if sets[0] != sets[-1]:
        raise Failed(f"called on one side only: {sorted(sets[0] ^ sets[-1])}")


def talk(bench, side, transport):
    """One server, its clients, and which routines they called."""
    server_saw, client_saw = (Witness(bench, bench.directory(f"tls-{who}")) for who in "sc")
    meet(bench, transport, "openssl", server_saw.env(side), client_saw.env(side))
    wanted = {"BIO_listen"} if transport.dtls else SERVER
    calls = server_saw.check(side, wanted)
    for name, (count, library) in client_saw.check(side, CLIENT | transport.wanted).items():
        calls[name] = (count + calls.get(name, (0, ""))[0], library)
    return calls


def meet(bench, transport, openssl, server_env=None, client_env=None):
    """One server of this openssl, and its clients one after the other."""
    directory = bench.directory("tls")
    with Running(server_command(bench, transport, openssl, directory), server_env) as server:
        port = listening(transport, server, directory)
        for arguments in transport.clients:
            command = client_command(bench, arguments, openssl, directory, port)
            with Running(command, client_env) as client:
                converse(transport, server, client, port)
        if server.ended() != 0:
            raise Failed(f"the server failed: {server}")


def server_command(bench, transport, openssl, directory):
    key, cert = bench.certificate()
    # Backwards from the server itself; over DTLS it only shows what came.
    echo = [] if transport.dtls else ["-rev"]
    where = [word.format(directory=directory) for word in transport.server]
    return [openssl, "s_server", "-key", key, "-cert", cert, *echo,
            "-naccept", len(transport.clients), *where]


def client_command(bench, arguments, openssl, directory, port):
    _, cert = bench.certificate()
    where = [word.format(directory=directory, port=port) for word in arguments]
    return [openssl, "s_client", "-brief", "-CAfile", cert, "-verify_return_error", *where]


def listening(transport, server, directory):
    """Waits for the server; its port, where it has one."""
    if "-unix" in transport.server:
        appears(directory / "socket")
        return ""
    return server.expect(r"^ACCEPT .*:(\d+)$").group(1)


def converse(transport, server, client, port):
    client.expect(r"Verification: OK")
    client.say(WORDS)
    if transport.dtls:
        server.expect(re.escape(WORDS))
    else:
        client.expect(re.escape(WORDS[::-1]))
    if transport.source:
        check_source(transport.source, int(port))
    client.no_more()
    if client.ended() != 0:
        raise Failed(f"the client failed: {client}")


def check_source(source, port):
    """A connection from there to the port is open now."""
    remote = f"0100007F:{port:04X}"
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        words = line.split()
        if words[1].startswith(source + ":") and words[2] == remote:
            return
    raise Failed(f"no connection from {source} to {remote}")
