"""cargo-mutants over parts of the libraries, each against its own tests."""

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

from common import CARGO, ROOT
from place import DIRECTORY, copy


@dataclass
class Suite:
    """A package, its files that are broken, and the tests that are to see it: first
    the quick ones, then others for what survived these, then the laboratory's. None are
    the documentation's, which show how things are used and check little."""

    package: str
    files: list
    tests: list
    more: list = field(default_factory=list)
    lab: list = field(default_factory=list)
    features: list = field(default_factory=list)
    # Files of tests alone, which cargo-mutants takes for others, and what has a suite of its own.
    left_out: list = field(default_factory=list)
    # Of the workspace adapters, which cargo-mutants does not copy with what it stands on:
    # so it breaks our copy in its place.
    adapter: bool = False

    @property
    def laboratory(self):
        return "biosock-lab-hickory" if self.adapter else "biosock-lab"

    @property
    def source(self):
        return f"{self.package}/src" if self.adapter else f"crates/{self.package}/src"


def tests(*names):
    return [f"--test={name}" for name in names]


ASYNC = ["dial/async_resolver.rs", "dial/tokio.rs"]
PARTS = {
    "core": [
        Suite("biosock", ["raw/*.rs", "error/*.rs", "addr.rs", "unix.rs", "names.rs", "literal.rs", "hostserv.rs"],
              ["--lib", *tests("addr", "hostserv", "errors", "parts", "lookup")]),
        Suite("biosock-capi", ["addr.rs", "failure.rs", "hostserv.rs", "raise.rs"], ["--lib", "--tests"]),
    ],
    "sockets": [
        Suite("biosock", ["connect.rs", "connecting.rs", "accept.rs", "cancel.rs"],
              ["--lib", *tests("socket", "fd", "dial", "syscalls", "parts")]),
        Suite("biosock", ["cancel/tokio.rs"], ["--lib", *tests("dial_async", "listeners_async")],
              features=["tokio"]),
    ],
    "dial": [
        Suite("biosock", ["dial/*.rs"], ["--lib", "--", "dial::"],
              tests("dial", "dial_settings", "dial_lookups", "syscalls", "dial_async"),
              tests("fifo", "itself", "order", "outcomes", "reach", "worlds"), ["tokio"], ASYNC),
        Suite("biosock", ASYNC, tests("dial_async"), [], tests("outcomes"), ["tokio"]),
        Suite("biosock-hickory", ["*.rs"], ["--lib", *tests("dial")], [], tests("fifo", "outcomes", "reach"),
              adapter=True),
    ],
    "listeners": [
        Suite("biosock", ["listeners/*.rs"], ["--lib", "--", "listeners::", "forked::"],
              tests("listeners", "listeners_alone", "listeners_serve", "listeners_passed", "syscalls"),
              tests("listeners"), [], ["listeners/tokio.rs"]),
        Suite("biosock", ["listeners/tokio.rs"], tests("listeners_async", "syscalls"), features=["tokio"]),
    ],
}
# Where adapters are built.
ADAPTERS = os.environ | {"CARGO_TARGET_DIR": str(DIRECTORY / "adapters")}
# More than any mutant needs that does not hang.
SECONDS = 60
SURVIVORS = Path(__file__).with_name("survivors")


def show(part):
    for suite in PARTS[part]:
        mutants(suite, "--list")
    return True


def run(part, options):
    install()
    known = reasons()
    seen = [run_suite(f"{part}-{number}", suite, options, known) for number, suite in enumerate(PARTS[part])]
    return all(seen)


def run_suite(name, suite, options, known):
    output = DIRECTORY / name
    shutil.rmtree(output, ignore_errors=True)
    output.mkdir(parents=True)
    share = ["--shard", options.shard] if options.shard else []
    jobs = [] if suite.adapter else ["--jobs", str(options.jobs)]
    words = ["--output", output, "--timeout", str(SECONDS), *jobs, "--no-shuffle", "--colors", "never", *share]
    mutants(suite, *words, *by(suite.tests))
    found = outcomes(output)
    # cargo-mutants tries the tests of the package that it breaks first, so those of another are tried here.
    lab = ["--test-package", suite.laboratory, "--baseline", "skip"]
    for stage, words_too in [(suite.more, []), (suite.lab, lab)]:
        if not stage or not found["missed"]:
            continue
        if words_too:
            where, env = (ROOT / "adapters", ADAPTERS) if suite.adapter else (ROOT, os.environ)
            subprocess.run([CARGO, "test", "--quiet", "--package", suite.laboratory, *stage], cwd=where, env=env,
                           check=True)
        # Those that hang need not do so twice.
        with (output / "mutants.out/previously_caught.txt").open("a") as seen:
            seen.writelines(f"{line}\n" for line in found["timeout"])
        mutants(suite, *words, "--iterate", *words_too, *by(stage))
        last = outcomes(output)
        found = {kind: found[kind] + last[kind] for kind in KINDS} | {"missed": last["missed"]}
    missed, counts = found["missed"], {kind: len(found[kind]) for kind in KINDS}
    print(f"{name}, {suite.package}: {sum(counts.values())} mutants, {counts['caught']} seen, "
          f"{counts['timeout']} hung, {counts['unviable']} do not compile, {len(missed)} survive")
    new = [mutant for mutant in missed if without_place(mutant) not in known]
    for mutant in missed:
        print(f"  {'SURVIVES' if mutant in new else 'known'}: {mutant}")
    return not new


def by(tests):
    """What has cargo-mutants build these tests and no others, then run them."""
    targets = tests[:tests.index("--")] if "--" in tests else tests
    return [*(f"--cargo-arg={target}" for target in targets), "--", *tests[len(targets):]]


KINDS = ["caught", "timeout", "unviable", "missed"]


def outcomes(output):
    """The mutants of the last run, by how they ended."""
    return {kind: (output / f"mutants.out/{kind}.txt").read_text().splitlines() for kind in KINDS}


def mutants(suite, *words):
    names = [word for file in suite.files for word in ("--file", f"{suite.source}/{file}")]
    names += [word for file in suite.left_out for word in ("--exclude", f"{suite.source}/{file}")]
    names += [word for feature in suite.features for word in ("--features", f"{suite.package}/{feature}")]
    # A mutant is not debugged, and each is linked several times, in its own target directory.
    env = {name: value for name, value in os.environ.items() if name != "CARGO_TARGET_DIR"}
    where = ROOT
    if suite.adapter:
        env, where, names = dict(ADAPTERS), copy() / "adapters", [*names, "--in-place"]
    env["CARGO_PROFILE_DEV_DEBUG"] = "0"
    done = subprocess.run([CARGO, "mutants", "--package", suite.package, *names, *words],
                          cwd=where, env=env, check=False)
    # The files list what survives (2) or hangs (3); with any other status not all were tried.
    if done.returncode not in (0, 2, 3):
        sys.exit(f"mutants: cargo-mutants ended with {done.returncode}: not every mutant was tried")


def reasons():
    """The survivors that are no fault of the tests: a line each, `MUTANT  # WHY`."""
    lines = SURVIVORS.read_text().splitlines()
    return {line.split("  # ")[0] for line in lines if line and not line.startswith("#")}


def without_place(mutant):
    """Without line and column, which any edit moves: `FILE: replace ...`."""
    place, text = mutant.split(": ", 1)
    return f"{place.split(':')[0]}: {text}"


def install():
    if shutil.which("cargo-mutants") is None:
        subprocess.run([CARGO, "install", "cargo-mutants", "--locked", "--quiet"], check=True, env=os.environ)
