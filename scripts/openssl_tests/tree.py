"""One configured and built OpenSSL."""

import fcntl
import shutil

from common import JOBS, TARGET

from . import sources
from .logged import clean_environment, must_log, run_logged


class Tree:
    """`VERSION/FORM` in the target directory; only one run at a time is in it."""

    def __init__(self, version, form):
        self.version = version
        self.form = form
        self.directory = TARGET / "openssl-tests" / version / form.name
        self.source = self.directory / "source"
        self.log = self.directory / "build.log"

    def __enter__(self):
        self.directory.mkdir(parents=True, exist_ok=True)
        self._lock = open(self.directory / "lock", "w")
        fcntl.flock(self._lock, fcntl.LOCK_EX)
        return self

    def __exit__(self, *_):
        self._lock.close()

    def ensure(self):
        """Builds unless the same recipe has been built; returns a line about it."""
        tarball = sources.tarball(self.version, TARGET / "openssl-tests/sources")
        self.release = tarball.name.removeprefix("openssl_").removesuffix(".orig.tar.gz")
        recipe = f"{tarball.name} ./config {self.form.option}\n"
        stamp = self.directory / "built"
        if stamp.exists() and stamp.read_text() == recipe:
            return f"OpenSSL {self.release}, {self.form.name}: built before"
        for old in self.directory.iterdir():
            if old.is_file() and old.name != "lock":
                old.unlink()
        took = self._build(tarball)
        stamp.write_text(recipe)
        return f"OpenSSL {self.release}, {self.form.name}: built in {took:.0f} s"

    def _build(self, tarball):
        shutil.rmtree(self.source, ignore_errors=True)
        self.source.mkdir()
        must_log(["tar", "-xf", tarball, "--strip-components=1", "-C", self.source], log=self.log)
        took = must_log(["./config", self.form.option], cwd=self.source, log=self.log,
                    env=clean_environment())
        return took + self.make()

    def make(self, *words):
        return must_log(["make", f"-j{JOBS}", *words], cwd=self.source, log=self.log,
                    env=clean_environment())

    def test(self, log):
        """The whole `make test`; its status, and the seconds."""
        log.unlink(missing_ok=True)
        return run_logged(["make", "test"], cwd=self.source, log=log,
                   env=clean_environment(HARNESS_JOBS=JOBS))
