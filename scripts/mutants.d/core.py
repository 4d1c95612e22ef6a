"""cargo-mutants over the code that reads texts and addresses and makes errors."""

import json
import os
import shutil
import subprocess
from pathlib import Path

from place import CARGO, FOLDER, ROOT

# Each package, its files that are broken, and the tests that are to see it: not
# the documentation's, which show how things are used and check little.
PACKAGES = {
    "biosock": (["addr.rs", "unix.rs", "names.rs", "literal.rs", "hostserv.rs", "error.rs", "cause.rs", "reason.rs"],
                ["--lib", "--test", "addr", "--test", "hostserv", "--test", "errors", "--test", "parts",
                 "--test", "lookup"]),
    "biosock-capi": (["addr.rs", "hostserv.rs", "raise.rs"], ["--lib", "--tests"]),
}
# More than any mutant needs that does not hang.
SECONDS = 60
SURVIVORS = Path(__file__).with_name("survivors")


def show():
    for package in PACKAGES:
        mutants(package, "--list")
    return True


def run():
    install()
    known = reasons()
    verdicts = [run_package(package, known) for package in PACKAGES]
    return all(verdicts)


def run_package(package, known):
    output = FOLDER / f"core-{package}"
    shutil.rmtree(output, ignore_errors=True)
    output.mkdir(parents=True)
    _, tests = PACKAGES[package]
    mutants(package, "--output", output, "--timeout", str(SECONDS), "--no-shuffle", "--colors", "never",
            "--", *tests)
    found = json.loads((output / "mutants.out/outcomes.json").read_text())
    missed = (output / "mutants.out/missed.txt").read_text().splitlines()
    print(f"{package}: {found['total_mutants']} mutants, {found['caught']} seen, {found['timeout']} hung, "
          f"{found['unviable']} do not compile, {len(missed)} survive")
    new = [mutant for mutant in missed if without_place(mutant) not in known]
    for mutant in missed:
        print(f"  {'SURVIVES' if mutant in new else 'known'}: {mutant}")
    return not new


def mutants(package, *words):
    files, _ = PACKAGES[package]
    names = [word for file in files for word in ("--file", f"crates/{package}/src/{file}")]
    # Nobody debugs a mutant, and each is linked six times.
    env = os.environ | {"CARGO_PROFILE_DEV_DEBUG": "0"}
    # Its status says that some survive, which the files say better.
    subprocess.run([CARGO, "mutants", "--package", package, *names, *words], cwd=ROOT, env=env, check=False)


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
