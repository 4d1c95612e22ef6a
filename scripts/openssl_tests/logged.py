"""Running what takes hours, with its output in a file."""

import os
import signal
import subprocess
import time

from common import Failed, shown


def run_logged(command, cwd=None, log=None, env=None, timeout=7200):
    """Runs to the end, with its output in `log`, and returns the status and the seconds."""
    start = time.monotonic()
    with open(log or os.devnull, "ab") as output:
        child = subprocess.Popen([str(part) for part in command], cwd=cwd, env=env,
                                 stdin=subprocess.DEVNULL, stdout=output,
                                 stderr=subprocess.STDOUT, start_new_session=True)
        try:
            status = child.wait(timeout)
        except BaseException as interruption:
            os.killpg(child.pid, signal.SIGKILL)
            child.wait()
            if not isinstance(interruption, subprocess.TimeoutExpired):
                raise
            raise Failed(f"{command[0]} did not end within {timeout} s: see {log}") from None
    return status, time.monotonic() - start


def must_log(command, **options):
    """As `run_logged`; any status but 0 is a failure. Returns the seconds."""
    status, took = run_logged(command, **options)
    if status != 0:
        raise Failed(f"{shown(command)}\nended with {status}: see {options.get('log')}")
    return took


def clean_environment(**more):
    """This process's environment without what would change how OpenSSL is configured or tested."""
    unwanted = ("MAKE", "OPENSSL", "SSL_CERT", "HARNESS", "EXE_SHELL", "LD_PRELOAD", "V", "VERBOSE",
                "TESTS", "CTLOG", "CARGO_MAKEFLAGS")
    kept = {name: value for name, value in os.environ.items()
            if not name.startswith(unwanted[:4]) and name not in unwanted
            and not name.lower().endswith("_proxy")}
    return kept | {"LC_ALL": "C"} | more
