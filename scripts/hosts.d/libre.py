"""The failure table over a stand-in for LibreSSL, which is not packaged.

The stand-in (libre/) has LibreSSL's symbols, numbers and strings as far as the
overlay needs them, and nothing of its code.
"""

import re
from functools import partial

from bench import HERE
from common import CC, INCLUDE, WARNINGS, Failed, must, needs, run
from errors import free_port
from others import built_library

HOME = HERE / "libre"
PROGRAM = HERE / "c/fails.c"
# What fails, and what its queue then has, an entry each.
FAILURES = {
    "127.0.0.1:{free}": (":connect:Connection refused:.*calling connect", "connect error:.*BIO_connect"),
    "[::1]:{free}": (":connect:(Connection refused|Cannot assign).*calling connect", "connect error"),
    "no-such-host.invalid:443": ("system lib:.*BIO_lookup_ex: Name or service not known",),
    "127.0.0.1:no-such-service": ("system lib:.*BIO_lookup_ex: Servname not supported",),
    "a:b:c": (r"reason\(129\):.*BIO_parse_hostserv: ambiguous host or service",),
    "[::1": (r"reason\(130\):.*BIO_parse_hostserv: malformed host or service",),
    "unix:/nonexistent/socket": ("No such file or directory", "connect error"),
    "listeners": ("null parameter:.*set is NULL",),
}
# Its own words for OpenSSL's numbers, which would mislead.
MISLEADING = re.compile(r"invalid port number|too long|BUF lib|keepalive|invalid ip address"
                        r"|error setting nbio|func\(\d+\):(?!reason)")


def checks():
    yield "the overlay over a shared stand-in", partial(over, False)
    yield "the overlay over a static stand-in", partial(over, True)
    for name in ("AWS-LC", "BoringSSL of Debian"):
        yield f"reasons by macro over {name}", partial(by_macro, name)


def library(bench, static):
    """The stand-in as a shared library or an archive of two objects."""
    directory = bench.directory(f"libre-{static}")
    objects = []
    for name in ("err", "bss_sock"):
        objects.append(directory / f"{name}.o")
        must([CC, "-std=c11", "-O1", "-g", "-fPIC", "-D_GNU_SOURCE", *WARNINGS, f"-I{HOME / 'include'}",
              "-c", HOME / f"{name}.c", "-o", objects[-1]])
    if static:
        must(["ar", "rcs", directory / "libcrypto.a", *objects])
        return [directory / "libcrypto.a"]
    must([CC, "-shared", *objects, "-o", directory / "libcrypto.so"])
    return [directory / "libcrypto.so", f"-Wl,-rpath,{directory}"]


def over(static, bench):
    host = library(bench, static)
    flags = ["-std=c11", *WARNINGS, "-DWITH_BIO"]
    program = bench.directory(f"libre-program-{static}") / "fails"
    lacking = run([CC, *flags, f"-I{INCLUDE}", f"-isystem{HOME / 'include'}", PROGRAM, "-o", program, *host])
    if lacking.status == 0 or "BIO_connect" not in lacking.err:
        raise Failed(f"the stand-in has BIO_connect itself, or fails otherwise:\n{lacking}")
    if bench.baseline:
        return "without the overlay the program does not link"
    name = "libbiosock_overlay.a" if static else "libbiosock_overlay.so"
    overlay = bench.ours(name)
    must([CC, *flags, f"-I{INCLUDE}", f"-isystem{HOME / 'include'}", PROGRAM, "-o", program, overlay,
          f"-Wl,-rpath,{overlay.parent}", *host, "-lgcc_s", "-lpthread", "-ldl"])
    for where, complaints in FAILURES.items():
        check_failure(program, where, complaints)
    must([program])
    return f"{len(FAILURES)} failures, and 5 reasons by macro"


def check_failure(program, where, complaints):
    ended = run([program, where.format(free=free_port())])
    entries = [line for line in ended.err.splitlines() if ":error:" in line]
    unlike = [text for text, entry in zip(complaints, entries) if not re.search(text, entry)]
    if ended.status != 1 or unlike or len(entries) != len(complaints) or MISLEADING.search(ended.err):
        raise Failed(f"{where}: expected entries with {complaints}:\n{ended}")


def by_macro(name, bench):
    """What the headers call a reason is what the queue has."""
    needs("cmake")
    host = built_library(bench, name)
    if bench.baseline:
        return "the host lacks what would fail"
    cflags, libs = host.flags()
    overlay = bench.ours("libbiosock_overlay.so")
    program = bench.directory("libre-macros") / "fails"
    must([CC, "-std=c11", *WARNINGS, f"-I{INCLUDE}", *cflags, PROGRAM, "-o", program, overlay,
          f"-Wl,-rpath,{overlay.parent}", *libs])
    must([program])
    return "5 reasons"
