"""Loading, using and unloading a library again and again leaves nothing behind."""

import re
from functools import partial

from bench import HERE
from common import INCLUDE, Failed, Skipped, must

ROUNDS = 1000
# malloc's smallest piece has 32 bytes: one lost each round after the first count would be
# twice as much. An OpenSSL's own tables grow by less.
MOST_GROWTH = 32 * (ROUNDS - ROUNDS // 10) // 2
LINE = re.compile(r"^\d+ mappings=(\d+) descriptors=(\d+) bytes=(\d+) there=(\d)$", re.M)


def checks():
    yield "libbiosock.so", partial(check, "libbiosock.so", False)
    yield "libbiosock_overlay.so", partial(check, "libbiosock_overlay.so", False)
    yield "libbiosock_overlay.so over an OpenSSL", partial(check, "libbiosock_overlay.so", True)
    yield "a thread that outlives libbiosock.so", partial(outlive, "libbiosock.so", False)
    yield "a thread that outlives libbiosock_overlay.so", partial(outlive, "libbiosock_overlay.so",
                                                                  True)
    yield "a lookup that outlives libbiosock.so", partial(linger, "libbiosock.so")
    yield "a lookup that outlives libbiosock_overlay.so", partial(linger, "libbiosock_overlay.so")


def check(name, beside_openssl, bench):
    baseline(bench)
    if bench.baseline:
        return "an empty library passes, a leaking one is caught"
    figures = reloaded(bench, bench.ours(name), "used", beside_openssl)
    return f"{ROUNDS} rounds: {figures}"


def baseline(bench):
    quiet = bench.compiled("quiet", [HERE / "c/noisy.c"], ["-shared", "-fPIC", "-DQUIET"], [],
                           suffix=".so")
    reloaded(bench, quiet, "unused", False)
    try:
        reloaded(bench, bench.shim("noisy"), "unused", False)
    except Failed:
        return
    raise Failed("a library that loses a descriptor a round was not caught")


def reloader(bench, name, beside_openssl):
    host = ["-Wl,--no-as-needed", "-lcrypto"] if beside_openssl else []
    return bench.compiled(f"{name}-{bool(host)}", [HERE / f"c/{name}.c"],
                          ["-Wno-pedantic"], [*host, "-ldl", "-lpthread"])


def reloaded(bench, library, how, beside_openssl):
    program = reloader(bench, "reload", beside_openssl)
    shown = must([program, library, ROUNDS, how], timeout=300)
    found = [tuple(map(int, one)) for one in LINE.findall(shown.out)]
    if len(found) != 2:
        raise Failed(str(shown))
    early, late = found
    if late[:2] != early[:2] or late[3] or late[2] - early[2] > MOST_GROWTH:
        raise Failed(f"left behind by {library.name}:\n{shown.out}")
    return f"mappings {late[0]}, descriptors {late[1]}, heap {late[2] - early[2]:+d} bytes"


def outlive(name, beside_openssl, bench):
    """The thread has entries in its queue when the library goes, and ends after it."""
    if bench.baseline:
        raise Skipped("OpenSSL cannot be unloaded, so there is no baseline")
    shown = must([reloader(bench, "outlive", beside_openssl), bench.ours(name)], timeout=60)
    return shown.out.strip()


def linger(name, bench):
    """Threads of the library's own have yet to begin, or are at work, when the library goes."""
    if bench.baseline:
        raise Skipped("OpenSSL has no threads of its own, so there is no baseline")
    program = bench.compiled("linger", [HERE / "c/linger.c"],
                             [f"-I{INCLUDE}", "-DBIOSOCK_ALONE", "-rdynamic", "-Wno-pedantic"],
                             ["-ldl", "-lpthread"])
    return "; ".join(must([program, bench.ours(name), how], timeout=60).out.strip() for how in ("begin", "lookup"))
