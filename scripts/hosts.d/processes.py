"""Starting programs, and ending those that were started."""

import os
import queue
import re
import subprocess
import threading
import time

from common import Failed, environment, needs


class Running:
    """A program that runs until the `with` ends."""

    def __init__(self, command, env=None, cwd=None, pass_fds=()):
        self.command = [str(word) for word in command]
        needs(self.command[0])
        self.lines = []
        self._queue = queue.Queue()
        self.process = subprocess.Popen(
            self.command, env=env or environment(), cwd=cwd, stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace",
            bufsize=1, pass_fds=pass_fds)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self._reader.join(10)
        for stream in (self.process.stdin, self.process.stdout):
            try:
                stream.close()
            except BrokenPipeError:
                pass

    @property
    def pid(self):
        return self.process.pid

    def say(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def no_more(self):
        self.process.stdin.close()

    def expect(self, pattern, timeout=30):
        """Reads on to a line that has the pattern, and returns the match."""
        deadline = time.monotonic() + timeout
        while True:
            try:
                line = self._queue.get(timeout=max(0.01, deadline - time.monotonic()))
            except queue.Empty:
                raise Failed(f"no {pattern!r} within {timeout} s from {self}") from None
            if line is None:
                raise Failed(f"ended without {pattern!r}: {self}")
            found = re.search(pattern, line)
            if found:
                return found

    def ended(self, timeout=30):
        """Waits for its end and returns its status."""
        try:
            status = self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            raise Failed(f"did not end within {timeout} s: {self}") from None
        self._reader.join(timeout)
        return status

    def __str__(self):
        return " ".join(self.command) + "\n" + "".join(self.lines)

    def _read(self):
        for line in self.process.stdout:
            self.lines.append(line)
            self._queue.put(line)
        self._queue.put(None)


def open_files(pid):
    """What each descriptor of the process is."""
    found = {}
    for name in os.listdir(f"/proc/{pid}/fd"):
        try:
            found[int(name)] = os.readlink(f"/proc/{pid}/fd/{name}")
        except FileNotFoundError:
            pass  # closed meanwhile
    return found


def appears(path, timeout=30):
    """Waits until the file is there."""
    deadline = time.monotonic() + timeout
    while not os.path.exists(path):
        if time.monotonic() > deadline:
            raise Failed(f"{path} did not appear within {timeout} s")
        time.sleep(0.01)
