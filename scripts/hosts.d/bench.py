"""What a check works with: biosock's libraries, the originals, scratch space."""

import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from common import CC, INCLUDE, ORIGINALS, ROOT, TARGET, WARNINGS, Failed, Skipped, environment, must, run

HERE = Path(__file__).resolve().parent


@dataclass(frozen=True)
class Side:
    """One half of a check: the host as it is, or with biosock's library."""

    name: str
    preload: tuple = ()
    server: str = "libcrypto.so"  # the library whose routines must be called

    @property
    def ours(self):
        return bool(self.preload)

    def env(self, *before, **more):
        """The environment for a program on this side, with other preloads in front."""
        preload = [str(path) for path in (*before, *self.preload)]
        return environment(**({"LD_PRELOAD": ":".join(preload)} if preload else {}), **more)


class Bench:
    def __init__(self, full, baseline):
        self.full = full
        self.baseline = baseline
        self.libraries = TARGET / "release"
        self.kept = TARGET / "hosts"
        self._programs = {}
        self._originals = {}
        self._built = False

    def __enter__(self):
        self._directory = tempfile.TemporaryDirectory(prefix="hosts.")
        self.scratch = Path(self._directory.name)
        return self

    def __exit__(self, *_):
        self._directory.cleanup()

    def sides(self):
        """The baseline first; then, unless --baseline leaves it out, the overlay."""
        yield Side("plain")
        if not self.baseline:
            yield Side("overlay", (self.ours("libbiosock_overlay.so"),), "libbiosock_overlay.so")

    def ours(self, name):
        """One of biosock's libraries, built when the first is asked for."""
        if not self._built:
            self._build()
        path = self.libraries / name
        if not path.exists():
            raise Failed(f"building left no {name}")
        return path

    def _build(self):
        must([ROOT / "scripts/build-c"], timeout=3000, cwd=ROOT, env=os.environ)
        self._built = True

    def directory(self, name):
        """A fresh directory for one check."""
        path = self.scratch / name
        if path.exists():
            shutil.rmtree(path)
        path.mkdir(parents=True)
        return path

    def shim(self, name):
        """A shared library made of one of the C files in c/."""
        # -Wno-pedantic: ISO C has no way to make a function pointer of dlsym's result.
        return self.compiled(name, [HERE / "c" / f"{name}.c"],
                             ["-shared", "-fPIC", "-Wno-pedantic"], ["-ldl", "-lpthread"],
                             suffix=".so")

    def program(self, name, form, sources=None, original=None):
        """A C program of these sources (of its own name if none), linked in the given form."""
        sources = sources or [HERE / "c" / f"{name}.c"]
        cflags, libs = self.linking(form, original)
        return self.compiled(f"{name}-{form}-{original}", sources, cflags, libs)

    def linking(self, form, original=None):
        """How a C program is compiled and linked: plain OpenSSL, overlay before it, or alone.

        The OpenSSL is the system's, unless one of the originals is named.
        """
        cflags, libs = [], ["-lcrypto", "-lpthread"]
        if original is not None:
            directory = self.original(original)
            cflags = [f"-isystem{directory / 'include'}"]
            libs = [f"-L{directory / 'lib'}", f"-Wl,-rpath,{directory / 'lib'}", *libs]
        if form == "plain":
            return cflags, libs
        library = self.ours("libbiosock.so" if form == "alone" else "libbiosock_overlay.so")
        ours = [library, f"-Wl,-rpath,{library.parent}"]
        if form == "alone":
            return [f"-I{INCLUDE}", "-DBIOSOCK_ALONE"], [*ours, "-lpthread"]
        return [f"-I{INCLUDE}", *cflags], [*ours, *libs]

    def forms(self):
        """The forms in which a C program is linked, the baseline first."""
        return ["plain"] if self.baseline else ["plain", "overlay", "alone"]

    def compiled(self, name, sources, cflags, libs, suffix=""):
        if name not in self._programs:
            output = self.scratch / f"{name}{suffix}"
            must([CC, "-std=c11", "-O1", "-g", "-D_GNU_SOURCE", *WARNINGS, *cflags, *sources,
                  "-o", output, *libs])
            self._programs[name] = output
        return self._programs[name]

    def original(self, name):
        """The directory of a built OpenSSL (1.1.1, 3 or 4), which is built now if it is not there."""
        if name not in self._originals:
            built = run([ROOT / "scripts/originals", name], cwd=ROOT, timeout=3000,
                        env=os.environ)
            if built.status != 0:
                raise Skipped(f"cannot build OpenSSL {name}: {built.err.strip()[-500:]}")
            self._originals[name] = (ORIGINALS / name).resolve()
        return self._originals[name]

    def certificate(self):
        """A key and a certificate for localhost, made once."""
        directory = self.scratch / "certificate"
        key, cert = directory / "key.pem", directory / "cert.pem"
        if not cert.exists():
            directory.mkdir()
            must(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                  "ec_paramgen_curve:P-256", "-nodes", "-keyout", key, "-out", cert,
                  "-days", "30", "-subj", "/CN=localhost",
                  "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1,IP:::1"])
        return key, cert
