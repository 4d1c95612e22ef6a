"""What the scripts share: where things are, running programs, options, results."""

import argparse
import os
import shutil
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
INCLUDE = ROOT / "include"
TARGET = (ROOT / os.environ.get("CARGO_TARGET_DIR", "target")).resolve()
ORIGINALS = (ROOT / os.environ.get("ORIGINALS_DIR", TARGET / "originals")).resolve()
CARGO = os.environ.get("CARGO", "cargo")
CC = os.environ.get("CC", "cc")
CXX = os.environ.get("CXX", "c++")
JOBS = os.environ.get("JOBS") or str(os.cpu_count() or 1)
WARNINGS = ["-Wall", "-Wextra", "-Wpedantic", "-Werror"]
# A program's environment is without these: no proxy, preloaded library or other OpenSSL.
DROPPED = {"LD_PRELOAD", "LD_LIBRARY_PATH", "OPENSSL_CONF", "MALLOC_CHECK_", "MALLOC_ARENA_MAX"}


class Failed(Exception):
    """A check's failure: what it saw, or what went wrong and what to try."""


class Skipped(Exception):
    """Why a check cannot run here, though it should."""


class NotApplicable(Exception):
    """Why there is nothing to check."""


@dataclass
class Ended:
    """A program that has ended."""

    command: list
    status: int
    out: str
    err: str

    @property
    def text(self):
        """Standard output, then standard error."""
        return self.out + self.err

    def __str__(self):
        return f"{shown(self.command)}\nended with {self.status}\n{self.text}"


def shown(command):
    return " ".join(map(str, command))


def environment(**more):
    """This process's environment without what changes results, in the C locale."""
    kept = {name: value for name, value in os.environ.items()
            if name not in DROPPED and not name.lower().endswith("_proxy")}
    return kept | {"LC_ALL": "C"} | {name: str(value) for name, value in more.items()}


def run(command, timeout=120, env=None, stdin="", cwd=None):
    """Runs a program to its end, in `environment()` unless `env` is given."""
    words = [str(word) for word in command]
    try:
        ended = subprocess.run(words, input=stdin, env=env or environment(), timeout=timeout,
                               capture_output=True, text=True, errors="replace", cwd=cwd)
    except subprocess.TimeoutExpired as late:
        raise Failed(f"did not end within {timeout} s: {shown(words)}\n"
                     f"{_text(late.stdout)}{_text(late.stderr)}") from late
    except FileNotFoundError as missing:
        raise Skipped(f"there is no {words[0]} here") from missing
    return Ended(words, ended.returncode, ended.stdout, ended.stderr)


def must(command, **options):
    """As `run`; any status but 0 is a failure."""
    ended = run(command, **options)
    if ended.status != 0:
        raise Failed(str(ended))
    return ended


def show(command, **environment):
    """Runs a program at the repository's root, its output on this script's, and returns its status."""
    words = [str(word) for word in command]
    return subprocess.run(words, cwd=ROOT, env=os.environ | environment, check=False).returncode


def build(*words, **environment):
    """Builds with cargo, by its lock file."""
    must_show([CARGO, "build", "--quiet", "--locked", *words], **environment)


def must_show(command, **environment):
    """As `show`; any status but 0 is a failure."""
    if status := show(command, **environment):
        raise Failed(f"{shown(command)} ended with {status}")


def needs(*tools):
    for tool in tools:
        if shutil.which(tool) is None:
            raise Skipped(f"there is no {tool} here")


def tracked():
    """The repository's files as they are now, without what a build leaves."""
    listed = must(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=ROOT)
    return [name for name in listed.out.split("\0") if name and (ROOT / name).is_file()]


def _text(data):
    return data.decode(errors="replace") if isinstance(data, bytes) else data or ""


class Report:
    """Prints each check's result as it ends, and counts them."""

    def __init__(self):
        self.passed = self.failed = self.skipped = 0
        self.strict = os.environ.get("BIOSOCK_REQUIRE_ALL") == "1"

    @contextmanager
    def check(self, name):
        """The body is the check: it passes by ending. What it adds to the list is printed."""
        figures, start = [], time.monotonic()
        try:
            yield figures
        except Failed as outcome:
            self._fail(name, outcome)
        except Skipped as why:
            self._skip(name, why)
        except NotApplicable as why:
            print(f"n/a      {name} ({why})", flush=True)
        else:
            self.passed += 1
            took = f" ({time.monotonic() - start:.1f} s)" if figures else ""
            print(f"ok       {': '.join([name, *figures])}{took}", flush=True)

    def run(self, name, body, *words):
        """A check that returns its figures."""
        with self.check(name) as figures:
            figures.append(body(*words))

    def finish(self):
        """Prints the totals, and returns the script's status."""
        skipped = f", {self.skipped} skipped" if self.skipped else ""
        print(f"{self.passed} passed, {self.failed} failed{skipped}")
        return 1 if self.failed or not self.passed else 0

    def _fail(self, name, outcome):
        self.failed += 1
        print(f"FAILED   {name}")
        for line in str(outcome).rstrip().splitlines():
            print(f"         {line}")
        sys.stdout.flush()

    def _skip(self, name, why):
        if self.strict:
            self._fail(name, f"skipped where everything is required: {why}")
            return
        self.skipped += 1
        print(f"skipped: {name}: {why}", flush=True)


class Help(argparse.RawDescriptionHelpFormatter):
    """Ends the help of an option by its default."""

    def __init__(self, prog):
        super().__init__(prog, max_help_position=20, width=96)

    def add_usage(self, usage, actions, groups, prefix=None):
        super().add_usage(usage, actions, groups, prefix or "Usage: ")

    def _get_help_string(self, action):
        plain = action.default in (None, False, "", [], argparse.SUPPRESS)
        return action.help if plain or not action.help else f"{action.help} [default: %(default)s]"


def options(doc, *named, arguments=None):
    """The script's options: `doc` is its help, each of `named` the words and the keywords of
    one option."""
    first, _, rest = doc.strip().partition("\n")
    parser = argparse.ArgumentParser(prog=f"scripts/{Path(sys.argv[0]).name}", formatter_class=Help,
                                     description=first, epilog=rest.strip(), allow_abbrev=False)
    parser._positionals.title, parser._optionals.title = "Arguments", "Options"
    for *words, keywords in named:
        parser.add_argument(*words, **keywords)
    return parser.parse_args(arguments)


def one_of(names, hint=None):
    """The `type` of an argument that is one of these words."""
    def choose(text):
        if text not in names:
            raise argparse.ArgumentTypeError(f"{text!r}: {hint or 'choose from ' + ', '.join(names)}")
        return text
    return choose


def flag(name, text):
    return name, {"action": "store_true", "help": text}


def main(body):
    """Runs a script; a failure of it is a line on standard error."""
    try:
        sys.exit(body())
    except (Failed, Skipped) as why:
        sys.exit(f"{Path(sys.argv[0]).name}: {why}")
