"""A small SOCKS 5 server (RFC 1928) that directs every connection to one local port."""

import ipaddress
import socket
import struct
import threading
from contextlib import ExitStack

CONNECT, RESOLVE = 1, 0xF0  # the latter is Tor's, which torsocks asks for names with
FAKE = "192.0.2.7"  # what names resolve to; reserved for documentation, so nothing is there


class Socks:
    """Answers in threads of its own until the `with` ends; keeps the requests."""

    def __init__(self, target):
        self.target = target
        self.asked = []
        self._stack = ExitStack()

    def __enter__(self):
        self._listener = self._stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()
        return self

    def __exit__(self, *_):
        self._listener.shutdown(socket.SHUT_RDWR)
        self._stack.close()

    def _serve(self):
        while True:
            try:
                peer, _ = self._listener.accept()
            except OSError:
                return  # closed: the test is over
            threading.Thread(target=self._answer, args=(peer,), daemon=True).start()

    def _answer(self, peer):
        with peer:
            try:
                peer.settimeout(30)
                self._greet(peer)
                command, host, port = self._request(peer)
                self.asked.append((command, host, port))
                reply = b"\5\0\0\1" + ipaddress.ip_address(FAKE).packed + struct.pack(">H", port)
                peer.sendall(reply)
                if command == CONNECT:
                    with socket.create_connection(("127.0.0.1", self.target)) as target:
                        pump(peer, target)
            except (OSError, EOFError):
                pass  # the client left, and reports what it got

    def _greet(self, peer):
        version, count = take(peer, 2)
        take(peer, count)
        if version != 5:
            raise EOFError
        peer.sendall(b"\5\0")

    def _request(self, peer):
        _, command, _, kind = take(peer, 4)
        if kind == 3:
            host = take(peer, take(peer, 1)[0]).decode()
        else:
            host = str(ipaddress.ip_address(take(peer, 4 if kind == 1 else 16)))
        return command, host, struct.unpack(">H", take(peer, 2))[0]


def take(peer, count):
    data = b""
    while len(data) < count:
        more = peer.recv(count - len(data))
        if not more:
            raise EOFError
        data += more
    return data


def pump(one, other):
    """Both directions until both have ended."""
    back = threading.Thread(target=copy, args=(other, one), daemon=True)
    back.start()
    copy(one, other)
    back.join(30)


def copy(source, sink):
    try:
        while data := source.recv(65536):
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)
    except OSError:
        pass  # the other direction sees it as well
