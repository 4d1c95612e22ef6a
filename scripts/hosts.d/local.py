"""The overlay finds a host that was loaded with RTLD_LOCAL, as Python loads its own."""

import json
import sys
from functools import partial

import others
from bench import HERE
from common import Failed, must

# What the host's queue holds after a refused connect and after "a:b:c", by its numbering.
MODERN = (["8000006F", "10000067"], ["10000081"])
CLASSIC = (["0200206F", "2008A067"], ["20088081"])


def checks():
    yield "Debian's OpenSSL", partial(check, lambda _: "libcrypto.so.3", MODERN)
    yield "the OpenSSL of Python's ssl", partial(check, lambda _: "ssl", MODERN)
    for version, numbering in (("1.1.1", CLASSIC), ("3", MODERN), ("4", MODERN)):
        yield f"OpenSSL {version}", partial(check, partial(original, version), numbering)
    yield "AWS-LC", partial(check_other, others.aws_lc)
    yield "BoringSSL of Debian", partial(check_other, others.debian_boringssl)


def original(version, bench):
    return bench.original(version) / "lib/libcrypto.so"


def check(find, numbering, bench):
    """The same with the host's own routines and with the overlay's."""
    host = find(bench)
    for library in libraries(bench, host):
        shown = inside(host, library)
        codes = tuple([code for code, _ in shown[what]] for what in ("refused", "malformed"))
        if codes != numbering:
            raise Failed(f"{library} alongside {host}: {shown}")
        distinct = library != host and host != "ssl" or str(library).endswith("overlay.so")
        if shown["distinct"] != distinct:
            raise Failed(f"the routines are {'' if shown['distinct'] else 'not '}two: {shown}")
        if not shown.get("strings from the host", True):
            raise Failed(f"strings of {library} did not come from {host}")
    return f"{len(numbering[0]) + len(numbering[1])} entries in its queue, strings from its allocator"


def libraries(bench, host):
    """The baseline calls the host's own routines."""
    yield "libcrypto.so.3" if host == "ssl" else host
    if not bench.baseline:
        yield bench.ours("libbiosock_overlay.so")


def inside(host, library):
    shown = json.loads(must([sys.executable, HERE / "inside.py", host, library]).out)
    if not shown["hidden"]:
        raise Failed(f"{host} is visible to all: {shown}")
    return shown


def check_other(find, bench):
    """AWS-LC and BoringSSL have no such routines themselves."""
    host = find(bench).libs[1]
    if bench.baseline:
        return "it has no BIO_connect: no baseline"
    shown = inside(host, bench.ours("libbiosock_overlay.so"))
    codes = [int(code, 16) for what in ("refused", "malformed") for code, _ in shown[what]]
    # 102 is their number of "connect error"; they have none of "ambiguous host or service".
    if [code & 0xFFF for code in codes] != [111, 102, 129]:
        raise Failed(f"other entries: {shown}")
    return f"{len(codes)} entries in its queue, strings from its allocator"
