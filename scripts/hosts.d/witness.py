"""Who served BIO_connect(3)'s routines in a program that ran: see c/witness.c."""

import struct

from common import Failed

LINE = struct.Struct("32s56sQ")
LINES = 32


class Witness:
    """A table that preloaded witnesses write to."""

    def __init__(self, bench, directory):
        self.shim = bench.shim("witness")
        self.path = directory / "witness"
        self.path.write_bytes(bytes(LINE.size * LINES))

    def env(self, side, **more):
        return side.env(self.shim, WITNESS=self.path, **more)

    def calls(self):
        """Each routine that was called: how often, and by which library it was served."""
        found = {}
        data = self.path.read_bytes()
        for at in range(0, len(data), LINE.size):
            name, library, count = LINE.unpack_from(data, at)
            if count:
                found[name.rstrip(b"\0").decode()] = (count, library.rstrip(b"\0").decode())
        return found

    def check(self, side, wanted):
        """All calls were served by the side's library, and the wanted ones were made."""
        calls = self.calls()
        missing = sorted(set(wanted) - set(calls))
        if missing:
            raise Failed(f"{side.name}: never called: {', '.join(missing)}")
        for name, (_, library) in calls.items():
            if not library.startswith(side.server):
                raise Failed(f"{side.name}: {name} was served by {library}, not {side.server}")
        return calls
