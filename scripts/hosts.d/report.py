"""Prints and counts the results."""

import os
import sys
import time


class Failed(Exception):
    """A check's outcome, with what it saw."""


class Skipped(Exception):
    """Why a check could not be made here."""


class Report:
    def __init__(self):
        self.passed = self.failed = self.skipped = 0
        self.strict = os.environ.get("BIOSOCK_REQUIRE_ALL") == "1"

    def check(self, name, body, bench):
        """Runs one check: it passes by returning its figures."""
        start = time.monotonic()
        try:
            figures = body(bench)
        except Failed as outcome:
            self._fail(name, outcome)
        except Skipped as why:
            self._skip(name, why)
        else:
            self.passed += 1
            took = time.monotonic() - start
            print(f"ok       {name}: {figures} ({took:.1f} s)", flush=True)

    def finish(self):
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
