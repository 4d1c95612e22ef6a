"""A TLS client over AWS-LC and BoringSSL, which lack BIO_connect(3)'s routines."""

import json
import os
import re
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from bench import HERE
from common import CARGO, CC, INCLUDE, ROOT, WARNINGS, Failed, Skipped, must, needs, run
from errors import free_port
from processes import Running, appears

SOURCE = ROOT / "examples/hosts/tls_client.c"
DEBIAN_BORING = Path("/usr/lib/x86_64-linux-gnu/android")
WORDS = "able was I"
# What is tried without success, and what the host's own queue then has.
FAILURES = {
    "127.0.0.1:{free}": ("[Cc]onnection refused", "connect error"),
    "[::1]:{free}": ("[Cc]onnection refused", "connect error"),
    "no-such-host.invalid:443": ("Name or service not known",),
    "127.0.0.1:no-such-service": ("Servname not supported",),
    "a:b:c": ("ambiguous host or service",),
    "[::1": ("malformed host or service",),
    "unix:/nonexistent/socket": ("No such file or directory", "connect error"),
}


@dataclass
class Library:
    """A built libssl and libcrypto with their headers."""

    name: str
    include: Path
    libs: tuple

    def flags(self):
        paths = ":".join(str(lib.parent) for lib in self.libs)
        return [f"-isystem{self.include}"], [*self.libs, f"-Wl,-rpath,{paths}"]


def checks():
    yield "the client over OpenSSL alone", over_openssl
    for name, find in LIBRARIES.items():
        yield name, partial(over, name, find)


def over_openssl(bench):
    """The baseline of all others: the same source over an OpenSSL that has the routines."""
    needs("openssl")
    program = bench.compiled("tls-openssl", [SOURCE], [], ["-lssl", "-lcrypto"])
    return exercise(bench, program)


def over(name, find, bench):
    needs("openssl", "cmake")
    library = find(bench)
    lacking = check_lacking(bench, library)
    if bench.baseline:
        return lacking
    return f"{lacking} without the overlay; {exercise(bench, with_overlay(bench, library))}"


def check_lacking(bench, library):
    """Without biosock the program does not link, for want of BIO_connect(3)'s routines."""
    cflags, libs = library.flags()
    ended = run([CC, "-std=c11", f"-I{INCLUDE}", *cflags, SOURCE, "-o",
                 bench.scratch / "lacking", *libs])
    missing = sorted(set(re.findall(r"undefined reference to `(\w+)'", ended.err)))
    if ended.status == 0 or "BIO_connect" not in missing:
        raise Failed(f"{library.name} has BIO_connect itself, or fails otherwise:\n{ended}")
    return f"{len(missing)} routines undefined"


def with_overlay(bench, library):
    cflags, libs = library.flags()
    overlay = bench.ours("libbiosock_overlay.so")
    program = bench.directory("others") / "tls_client"
    must([CC, "-std=c11", *WARNINGS, f"-I{INCLUDE}", *cflags, SOURCE, "-o", program,
          overlay, f"-Wl,-rpath,{overlay.parent}", *libs])
    return program


def exercise(bench, program):
    """Handshakes with Debian's server over three families, then each failure."""
    seen = [shake_hands(bench, program, *where) for where in (
        (("-accept", "*:0"), "localhost:{port}"), (("-accept", "[::1]:0"), "[::1]:{port}"),
        (("-unix", "{directory}/socket"), "unix:{directory}/socket"))]
    for where, complaints in FAILURES.items():
        check_failure(bench, program, where, complaints)
    return f"3 handshakes ({seen[0]}), {len(FAILURES)} failures in its own queue"


def shake_hands(bench, program, server, client):
    key, cert = bench.certificate()
    directory = bench.directory("s")  # short: s_server refuses paths of more than 31 characters
    words = [word.format(directory=directory) for word in server]
    with Running(["openssl", "s_server", "-key", key, "-cert", cert, "-rev", "-naccept", "1",
                  *words]) as running:
        port = None
        if "-unix" in server:
            appears(directory / "socket")
        else:
            port = running.expect(r"^ACCEPT .*:(\d+)$").group(1)
        ended = must([program, client.format(port=port, directory=directory), cert, WORDS])
        if ended.out != WORDS[::-1] + "\n":
            raise Failed(f"the server answered something else:\n{ended}")
        running.expect("CONNECTION ESTABLISHED")
    return ended.err.splitlines()[-1]


def check_failure(bench, program, where, complaints):
    _, cert = bench.certificate()
    ended = run([program, where.format(free=free_port()), cert, WORDS])
    entries = [line for line in ended.err.splitlines() if ":error:" in line]
    silent = [text for text in complaints if not any(re.search(text, e) for e in entries)]
    if ended.status != 1 or silent or len(entries) != len(complaints):
        raise Failed(f"{where}: expected entries with {complaints}:\n{ended}")


def aws_lc(bench):
    directory = built(bench, "aws-lc-sys", "aws-lc", ["-DDISABLE_GO=ON", "-DDISABLE_PERL=ON",
                                                   "-DBUILD_TOOL=OFF"])
    libs = (directory / "ssl/libssl.so", directory / "crypto/libcrypto.so")
    return Library("AWS-LC", source_of("aws-lc-sys") / "aws-lc/include", libs)


def boringssl(bench):
    directory = built(bench, "boring-sys", "deps/boringssl", [])
    libs = (directory / "libssl.so", directory / "libcrypto.so")
    return Library("BoringSSL", source_of("boring-sys") / "deps/boringssl/include", libs)


def debian_boringssl(_):
    libs = (DEBIAN_BORING / "libssl.so.0", DEBIAN_BORING / "libcrypto.so.0")
    include = Path("/usr/include/android")
    if not (libs[0].exists() and (include / "openssl/ssl.h").exists()):
        raise Skipped("Debian's android-libboringssl-dev is not installed")
    return Library("Debian's BoringSSL", include, libs)


LIBRARIES = {"AWS-LC": aws_lc, "BoringSSL": boringssl, "BoringSSL of Debian": debian_boringssl}


def built_library(bench, name):
    """One of them, built if need be."""
    return LIBRARIES[name](bench)


def source_of(package):
    """Where cargo keeps the package that brings the sources."""
    manifest = HERE / "sources/Cargo.toml"
    ended = run([CARGO, "metadata", "--locked", "--format-version", "1", "--manifest-path",
                 manifest], timeout=600, env=os.environ)
    if ended.status != 0:
        raise Skipped(f"cargo cannot fetch {package}: {ended.err.strip()[-300:]}")
    for found in json.loads(ended.out)["packages"]:
        if found["name"] == package:
            return Path(found["manifest_path"]).parent
    raise Failed(f"{manifest} does not bring {package}")


def built(bench, package, directory, options):
    """Builds the sources' shared libraries once; unoptimised, as speed does not matter."""
    source = source_of(package)
    build = bench.kept / source.name
    stamp = build / "built"
    if not stamp.exists():
        must(["cmake", "-S", source / directory, "-B", build, "-DBUILD_SHARED_LIBS=ON",
              "-DBUILD_TESTING=OFF", "-DCMAKE_BUILD_TYPE=Debug", "-DCMAKE_C_FLAGS_DEBUG=-O0",
              "-DCMAKE_CXX_FLAGS_DEBUG=-O0", *options], timeout=300)
        must(["cmake", "--build", build, "-j2", "--target", "ssl"], timeout=3000)
        stamp.touch()
    return build
