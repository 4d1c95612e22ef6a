"""The two ways in which biosock takes the place of OpenSSL's routines."""

import json
import re
import shlex
import shutil
import tempfile
from pathlib import Path

from common import ROOT, TARGET, Failed, must

from .logged import clean_environment, must_log

# BIO_connect(3)'s six routines, and one for each other part of the three objects.
WITNESSES = ("BIO_socket", "BIO_bind", "BIO_connect", "BIO_listen", "BIO_accept_ex", "BIO_closesocket",
             "BIO_ADDR_new", "BIO_lookup_ex", "BIO_parse_hostserv", "BIO_sock_info")


def ours(name):
    """One of biosock's libraries, built now."""
    log = TARGET / "openssl-tests/build-c.log"
    must_log([ROOT / "scripts/build-c"], cwd=ROOT, log=log)
    return TARGET / "release" / name


class Static:
    """`libbiosock_swap.a` for three of libcrypto's object files."""

    name = "static"
    option = "no-shared"
    placed = "swapped"

    def __init__(self, tree):
        self._library = tree.source / "libcrypto.a"
        self._kept = tree.directory / "libcrypto.plain.a"
        self._code = tree.directory / "plain-code.json"

    def is_prepared(self):
        return self._code.exists()

    def prepare(self, tree):
        """Puts the programs back to what the plain build made, and keeps what must change."""
        if not self._kept.exists():
            shutil.copy2(self._library, self._kept)
        if self._library.read_bytes() != self._kept.read_bytes():
            shutil.copy(self._kept, self._library)
            tree.make()
        self._code.write_text(json.dumps(fingerprints(tree)))

    def place(self, tree):
        """Puts biosock's in the archive and links every program again."""
        changed = Path(f"{self._library}.new")
        shutil.copy(self._kept, changed)
        must_log(["ar", "d", changed, *replaced(changed)], log=tree.log)
        must_define_once(changed, add_members(ours("libbiosock_swap.a"), changed, tree.log))
        changed.replace(self._library)
        took = tree.make()
        count = must_have_changed(json.loads(self._code.read_text()), fingerprints(tree))
        return f"{count} programs linked anew in {took:.0f} s"


def replaced(archive):
    """The members for socket calls and addresses, whatever the version's prefix."""
    members = must(["ar", "t", archive]).out.split()
    wanted = re.compile(r"(libcrypto-lib-)?(bio|b)_(sock|sock2|addr)\.o")
    found = [member for member in members if wanted.fullmatch(member)]
    if len(found) != 3:
        raise Failed(f"{archive} should have three members for sockets and addresses, not {found}")
    return found


def add_members(archive, to, log):
    """Unpacks first, since ar cannot merge archives by itself. Returns the names of the members."""
    with tempfile.TemporaryDirectory(prefix="openssl-tests.") as directory:
        names = must(["ar", "t", archive]).out.split()
        if len(set(names)) != len(names):
            raise Failed(f"{archive} has two members of one name, which cannot be unpacked")
        must_log(["ar", "x", archive], cwd=directory, log=log)
        must_log(["ar", "qs", to, *names], cwd=directory, log=log)
    return names


def must_define_once(archive, ours):
    """Every routine is in the archive once, in one of biosock's members."""
    lines = must(["nm", "-A", "--defined-only", archive]).out.splitlines()
    for routine in WITNESSES:
        places = [line.split(":")[1] for line in lines if line.endswith(f" T {routine}")]
        if len(places) != 1 or places[0] not in ours:
            raise Failed(f"{routine} should be in one of biosock's members, and is in {places}")


def programs(tree):
    """The command and the tests, as linked programs."""
    places = [tree.source / "apps/openssl", *sorted((tree.source / "test").iterdir())]
    return [path for path in places if path.suffix == "" and path.is_file() and is_elf(path)]


def is_elf(path):
    with open(path, "rb") as file:
        return file.read(4) == b"\x7fELF"


def fingerprints(tree):
    """The sizes of the routines' code in each program: two compilers do not agree on all."""
    return {path.name: routine_sizes(path) for path in programs(tree)}


def routine_sizes(path):
    found = {}
    for line in must(["nm", "--defined-only", "-S", path]).out.splitlines():
        fields = line.split()
        if len(fields) == 4 and fields[3] in WITNESSES:
            found[fields[3]] = fields[1]
    return found


def must_have_changed(before, after):
    """No program that has the routines may still have the original's code."""
    if before.keys() != after.keys():
        raise Failed("linking anew made or lost programs")
    having = [name for name in after if after[name]]
    same = [name for name in having if before[name] == after[name]]
    if same or not having:
        raise Failed(f"still OpenSSL's own code: {', '.join(same) or 'no program has the routines'}")
    return len(having)


class Shared:
    """`libbiosock_overlay.so` preloaded, into test programs only.

    OpenSSL's tests run every program of theirs by util/shlib_wrap.sh, which is made by the
    build. Their own way of putting a command before each program will not do: some tests take
    it for a cross-compiled build's, and skip themselves.
    """

    name = "shared"
    option = "shared"
    placed = "overlaid"

    def __init__(self, tree):
        self._wrapper = tree.source / "util/shlib_wrap.sh"
        self._plain = tree.source / "util/shlib_wrap.plain.sh"

    def is_prepared(self):
        return True

    def prepare(self, tree):
        """Puts the wrapper back to what the plain build made."""
        if self._plain.exists():
            self._plain.replace(self._wrapper)

    def place(self, tree):
        overlay = ours("libbiosock_overlay.so")
        if not self._plain.exists():
            self._wrapper.rename(self._plain)
        self._wrapper.write_text(
            "#!/bin/sh\n# Runs a program in this tree with the overlay; what runs it goes without.\n"
            f"exec {shlex.quote(str(self._plain))} env LD_PRELOAD={shlex.quote(str(overlay))} \"$@\"\n")
        self._wrapper.chmod(0o755)
        must_answer(overlay, tree)
        return "the command is bound to the overlay's BIO_connect"


def must_answer(overlay, tree):
    """The dynamic linker reports the routines that the command is bound to."""
    for old in tree.directory.glob("bindings*"):
        old.unlink()
    environment = clean_environment(LD_DEBUG="bindings", LD_DEBUG_OUTPUT=str(tree.directory / "bindings"))
    # Nothing listens on that port, so the command fails; only its bindings matter.
    run = "util/shlib_wrap.sh apps/openssl s_client -connect 127.0.0.1:1 || :"
    must(["sh", "-c", run], cwd=tree.source, env=environment)
    text = "".join(path.read_text(errors="replace") for path in tree.directory.glob("bindings*"))
    bound = set(re.findall(r"apps/openssl \[\d+\] to (\S+) \[\d+\]: normal symbol `BIO_connect'", text))
    if bound != {str(overlay)}:
        raise Failed(f"BIO_connect is bound to {sorted(bound)} instead of {overlay}")
