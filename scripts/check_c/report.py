"""Counts and prints results."""

import os
import sys
from contextlib import contextmanager


class Failed(Exception):
    """A check's outcome, with what it saw."""


class Skipped(Exception):
    """Why a check could not be made here, though it should."""


class NotApplicable(Exception):
    """Why there is nothing to check about this library."""


class Report:
    def __init__(self):
        self.passed = self.failed = self.skipped = 0
        self.strict = os.environ.get("BIOSOCK_REQUIRE_ALL") == "1"

    @contextmanager
    def check(self, name):
        """The body is the check; it passes by ending."""
        try:
            yield
        except Failed as outcome:
            self._fail(name, outcome)
        except Skipped as why:
            self._skip(name, why)
        except NotApplicable as why:
            print(f"n/a      {name} ({why})", flush=True)
        else:
            self.passed += 1
            print(f"ok       {name}", flush=True)

    def finish(self):
        skipped = f", {self.skipped} skipped" if self.skipped else ""
        print(f"{self.passed} passed, {self.failed} failed{skipped}")
        return 1 if self.failed or not self.passed else 0

    def _fail(self, name, outcome):
        self.failed += 1
        print(f"FAILED   {name}", flush=True)
        for line in str(outcome).rstrip().splitlines():
            print(f"         {line}")
        sys.stdout.flush()

    def _skip(self, name, why):
        if self.strict:
            self._fail(name, f"skipped where everything is required: {why}")
            return
        self.skipped += 1
        print(f"skipped: {name} ({why})", flush=True)
