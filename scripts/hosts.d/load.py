"""Loading a library has no effect but its being there."""

import re
from functools import partial

from bench import HERE
from common import Failed, must, needs

# What the loader itself does to map a library and those that it needs.
LOADER = {"openat", "read", "pread64", "fstat", "newfstatat", "mmap", "mprotect", "munmap",
          "close", "brk", "getcwd", "readlink"}


def checks():
    for name in ("libbiosock.so", "libbiosock_overlay.so"):
        yield name, partial(check, name)


def check(name, bench):
    needs("strace")
    baseline(bench)
    if bench.baseline:
        return "an empty library passes, a noisy one is caught"
    calls = loaded(bench, bench.ours(name))
    return f"{len(calls)} system calls, all the loader's: {', '.join(sorted(set(calls)))}"


def baseline(bench):
    """The check itself: it lets a quiet library pass and catches a noisy one."""
    quiet = bench.compiled("quiet", [HERE / "c/noisy.c"], ["-shared", "-fPIC", "-DQUIET"],
                           ["-Wl,--no-as-needed", "-lgcc_s"], suffix=".so")
    loaded(bench, quiet)
    for more in ({}, {"NOISY_THREAD": 1}):
        try:
            loaded(bench, bench.shim("noisy"), **more)
        except Failed:
            continue
        raise Failed("a library that is a bad guest was not caught")


def loaded(bench, library, **more):
    """The system calls that loading made, none of them but a loader's."""
    trace = bench.directory("load") / "trace"
    loader = bench.compiled("loader", [HERE / "c/loader.c"], [], ["-ldl"])
    shown = must(["strace", "-f", "-o", trace, "env", *(f"{k}={v}" for k, v in more.items()),
                  loader, library])
    compare(shown.out)
    calls = between_marks(trace.read_text())
    others = sorted(set(calls) - LOADER)
    if others:
        raise Failed(f"loading {library.name} made system calls: {', '.join(others)}")
    return calls


def between_marks(text):
    calls = re.findall(r"^\d+\s+(\w+)\((.*)$", text, re.M)
    marks = [at for at, (name, rest) in enumerate(calls)
             if name == "write" and rest.startswith(('-1, "begin"', '-1, "end"'))]
    if len(marks) != 2:
        raise Failed(f"the trace has no marks:\n{text[-2000:]}")
    return [name for name, _ in calls[marks[0] + 1:marks[1]]]


def compare(text):
    """Threads, signals and descriptors are after loading what they were before."""
    sides = {when: sorted(re.findall(rf"^{when} (.*)$", text, re.M))
             for when in ("before", "after")}
    if sides["before"] != sides["after"] or len(sides["before"]) != 5:
        raise Failed(f"loading changed the process:\n{text}")
