"""s_time connects for some seconds; neither it nor the server loses a descriptor."""

import re
import time

from common import Failed, must, needs
from processes import Running, open_files


def checks():
    yield "s_time", s_time


def s_time(bench):
    needs("openssl")
    seconds = 10 if bench.full else 2
    counts = {side.name: measure(bench, side, seconds) for side in bench.sides()}
    shown = ", ".join(f"{name} {count} connections" for name, count in counts.items())
    return f"{seconds} s each: {shown}; no descriptor lost"


def measure(bench, side, seconds):
    key, cert = bench.certificate()
    command = ["openssl", "s_server", "-key", key, "-cert", cert, "-accept", "127.0.0.1:0", "-www"]
    with Running(command, side.env()) as server:
        address = server.expect(r"^ACCEPT (\S+)$").group(1)
        mapped(side, server.pid)
        warm_up(side, cert, address)
        before = settled(server.pid, None)
        count, most = connect_often(side, address, seconds)
        after = settled(server.pid, len(before))
    if len(after) != len(before):
        raise Failed(f"{side.name}: the server had {before} and then {after}")
    if most > 8:
        raise Failed(f"{side.name}: s_time had {most} descriptors open at once")
    return count


def mapped(side, pid):
    """The preloaded library really is in the process."""
    with open(f"/proc/{pid}/maps", encoding="utf-8") as maps:
        there = "libbiosock_overlay" in maps.read()
    if there != side.ours:
        raise Failed(f"{side.name}: the overlay is {'' if there else 'not '}in the server")


def warm_up(side, cert, address):
    must(["openssl", "s_client", "-brief", "-CAfile", cert, "-connect", address], env=side.env(),
         stdin="GET / HTTP/1.0\r\n\r\n")


def connect_often(side, address, seconds):
    """The number of connections made, and the most descriptors s_time had at a time."""
    command = ["openssl", "s_time", "-connect", address, "-new", "-time", seconds, "-www", "/"]
    most = 0
    with Running(command, side.env()) as client:
        while client.process.poll() is None:
            try:
                most = max(most, len(open_files(client.pid)))
            except (FileNotFoundError, PermissionError):
                break  # it has just ended
            time.sleep(0.02)
        if client.ended() != 0:
            raise Failed(f"{side.name}: {client}")
        found = re.search(r"^(\d+) connections in \d+ real seconds", "".join(client.lines), re.M)
    if not found or int(found.group(1)) < 10:
        raise Failed(f"{side.name}: too few connections: {client}")
    return int(found.group(1)), most


def settled(pid, wanted):
    """The server's descriptors, once it has seen its last client go."""
    for _ in range(200):
        found = open_files(pid)
        if len(found) == wanted:
            break
        time.sleep(0.01)
    return found
