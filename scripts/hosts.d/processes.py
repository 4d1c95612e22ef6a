"""Starting programs, and ending those that were started."""

import os
import queue
import re
import shutil
import subprocess
import threading
import time
from dataclasses import dataclass

from report import Failed, Skipped

# The same words from the C library and no colours, wherever this runs; no proxy of ours.
DROPPED = ("LD_PRELOAD", "http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY",
           "NO_PROXY", "OPENSSL_CONF", "LD_LIBRARY_PATH", "MALLOC_CHECK_", "MALLOC_ARENA_MAX")


@dataclass
class Ended:
    """What a program left behind."""

    command: list
    status: int
    out: str
    err: str

    def __str__(self):
        shown = " ".join(map(str, self.command))
        return f"{shown}\nended with {self.status}\n{self.out}{self.err}"


def environment(**more):
    kept = {name: value for name, value in os.environ.items() if name not in DROPPED}
    return {**kept, "LC_ALL": "C", **{name: str(value) for name, value in more.items()}}


def run(command, timeout=120, env=None, stdin="", cwd=None):
    """Runs to the end; the result says how it went."""
    words = [str(word) for word in command]
    try:
        ended = subprocess.run(words, input=stdin, env=env or environment(), timeout=timeout,
                               capture_output=True, text=True, errors="replace", cwd=cwd)
    except subprocess.TimeoutExpired as late:
        raise Failed(f"did not end within {timeout} s: {' '.join(words)}\n"
                     f"{_text(late.stdout)}{_text(late.stderr)}") from late
    except FileNotFoundError as missing:
        raise Skipped(f"there is no {words[0]} here") from missing
    return Ended(words, ended.returncode, ended.stdout, ended.stderr)


def must(command, **options):
    """As run, but anything but status 0 is a failed check."""
    ended = run(command, **options)
    if ended.status != 0:
        raise Failed(str(ended))
    return ended


def needs(*tools):
    for tool in tools:
        if shutil.which(tool) is None:
            raise Skipped(f"there is no {tool} here")


def _text(data):
    return data.decode(errors="replace") if isinstance(data, bytes) else data or ""


class Running:
    """A program that goes on while others talk to it; it ends with the `with`."""

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
