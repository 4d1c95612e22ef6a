"""cargo-mutants over parts of the libraries, each against its own tests."""

import json
import os
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

from place import CARGO, FOLDER, ROOT


@dataclass
class Suite:
    """A package, its files that are broken, and the tests that are to see it: not the
    documentation's, which show how things are used and check little."""

    package: str
    files: list
    tests: list
    words: list = field(default_factory=list)


TOKIO = ["--features", "biosock/tokio"]
PARTS = {
    "core": [
        Suite("biosock", ["addr.rs", "unix.rs", "names.rs", "literal.rs", "hostserv.rs", "error.rs", "cause.rs",
                          "reason.rs"],
              ["--lib", "--test", "addr", "--test", "hostserv", "--test", "errors", "--test", "parts",
               "--test", "lookup"]),
        Suite("biosock-capi", ["addr.rs", "hostserv.rs", "raise.rs"], ["--lib", "--tests"]),
    ],
    "sockets": [Suite("biosock", ["connect.rs", "accept.rs", "cancel.rs"],
                      ["--lib", "--test", "socket", "--test", "dial", "--test", "syscalls", "--test", "parts"])],
    "dial": [Suite("biosock", ["dial/**/*.rs", "dial/*.rs"],
                   ["--lib", "--test", "dial", "--test", "dial_async"], TOKIO)],
    "listeners": [Suite("biosock", ["listeners/**/*.rs", "listeners/*.rs"],
                        ["--lib", "--test", "listeners", "--test", "listeners_async", "--test", "listeners_serve",
                         "--test", "listeners_passed"], TOKIO)],
}
# More than any mutant needs that does not hang.
SECONDS = 60
SURVIVORS = Path(__file__).with_name("survivors")




def show(part):
    for suite in PARTS[part]:
        mutants(suite, [], "--list")
    return True


def run(part, shard=None):
    """`shard`, such as `0/20`, is the one of so many equal shares that is tried."""
    install()
    known = reasons()
    words = ["--shard", shard] if shard else []
    verdicts = [run_suite(part, suite, words, known) for suite in PARTS[part]]
    return all(verdicts)


def run_suite(part, suite, words, known):
    output = FOLDER / f"{part}-{suite.package}"
    shutil.rmtree(output, ignore_errors=True)
    output.mkdir(parents=True)
    mutants(suite, words, "--output", output, "--timeout", str(SECONDS), "--no-shuffle", "--colors", "never",
            "--", *suite.tests)
    found = json.loads((output / "mutants.out/outcomes.json").read_text())
    missed = (output / "mutants.out/missed.txt").read_text().splitlines()
    print(f"{part}, {suite.package}: {found['total_mutants']} mutants, {found['caught']} seen, "
          f"{found['timeout']} hung, {found['unviable']} do not compile, {len(missed)} survive")
    new = [mutant for mutant in missed if without_place(mutant) not in known]
    for mutant in missed:
        print(f"  {'SURVIVES' if mutant in new else 'known'}: {mutant}")
    return not new


def mutants(suite, shard, *words):
    names = [word for file in suite.files for word in ("--file", f"crates/{suite.package}/src/{file}")]
    # Nobody debugs a mutant, and each is linked six times.
    env = os.environ | {"CARGO_PROFILE_DEV_DEBUG": "0"}
    # Its status says that some survive, which the files say better.
    subprocess.run([CARGO, "mutants", "--package", suite.package, *suite.words, *names, *shard, *words],
                   cwd=ROOT, env=env, check=False)


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
