"""What programs are compiled and linked against in this run."""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from .report import Failed, Skipped

ROOT = Path(__file__).resolve().parents[2]
INCLUDE = ROOT / "include"
WARNINGS = ["-Wall", "-Wextra", "-Wpedantic", "-Werror"]
MODES = ("alone", "overlay", "openssl")
CC = os.environ.get("CC", "cc")
CXX = os.environ.get("CXX", "c++")


class UsageError(Exception):
    """The arguments make no sense."""


def run(command, timeout=120, **options):
    """Runs to the end and returns the result, text merged from both outputs."""
    options.setdefault("stdin", subprocess.DEVNULL)
    try:
        return subprocess.run([str(part) for part in command], timeout=timeout, text=True,
                              errors="replace", stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, **options)
    except subprocess.TimeoutExpired as late:
        raise Failed(f"did not end within {timeout} s: {' '.join(map(str, command))}") from late


def must(command, **options):
    """As run, but anything but status 0 is a failed check."""
    result = run(command, **options)
    if result.returncode != 0:
        shown = " ".join(map(str, command))
        raise Failed(f"{shown}\nended with {result.returncode}:\n{result.stdout}")
    return result.stdout


def needs(tool):
    if shutil.which(tool) is None:
        raise Skipped(f"there is no {tool} here")


class Target:
    """One of the three modes, with a scratch directory."""

    def __init__(self, mode, prefix):
        self.mode = mode
        self.prefix = prefix
        target_dir = Path(os.environ.get("CARGO_TARGET_DIR", "target"))
        self.libraries = (ROOT / target_dir / "release").resolve()
        self.scratch = None

    @classmethod
    def from_arguments(cls, arguments):
        mode = arguments[0] if arguments else "alone"
        if mode not in MODES:
            raise UsageError(f"no such mode: {mode}")
        if len(arguments) > 2 or (mode == "alone" and len(arguments) == 2):
            raise UsageError("too many arguments")
        prefix = Path(arguments[1]).resolve() if len(arguments) == 2 else None
        if prefix is not None and not (prefix / "include/openssl/bio.h").exists():
            raise UsageError(f"{prefix} has no include/openssl/bio.h")
        return cls(mode, prefix)

    def __enter__(self):
        self._directory = tempfile.TemporaryDirectory(prefix="check-c.")
        self.scratch = Path(self._directory.name)
        if self.mode != "openssl":
            self._build()
        return self

    def __exit__(self, *_):
        self._directory.cleanup()

    @property
    def cflags(self):
        ours = {"alone": [f"-I{INCLUDE}", "-DBIOSOCK_ALONE"], "overlay": [f"-I{INCLUDE}"]}
        theirs = [f"-isystem{self.prefix}/include"] if self.prefix else []
        return ours.get(self.mode, []) + theirs

    @property
    def libs(self):
        names = {"alone": ["-lbiosock"], "overlay": ["-lbiosock_overlay"], "openssl": []}
        found = [f"-L{self.libraries}", f"-Wl,-rpath,{self.libraries}"] if names[self.mode] else []
        return found + names[self.mode] + ([] if self.mode == "alone" else self._openssl_libs())

    def _openssl_libs(self):
        if self.prefix is None:
            return ["-lcrypto"]
        directory = self.prefix / ("lib64" if (self.prefix / "lib64").exists() else "lib")
        return [f"-L{directory}", f"-Wl,-rpath,{directory}", "-lcrypto", "-ldl", "-lpthread"]

    def compile(self, source, program, standard="c99", others=()):
        """Compiles and links one file as a user with strict warnings would."""
        must([CC, f"-std={standard}", *WARNINGS, *self.cflags, source, "-o", program,
              *others, *self.libs])
        return program

    def has_version(self, number):
        """Whether the headers are at least at this OPENSSL_VERSION_NUMBER."""
        probe = self.scratch / "version.c"
        probe.write_text("#include <openssl/crypto.h>\n"
                         f"#if OPENSSL_VERSION_NUMBER < {number:#x}L\n#error older\n#endif\n")
        return run([CC, *self.cflags, "-fsyntax-only", probe]).returncode == 0

    def has_routines(self):
        """Whether the library's own headers have BIO_connect(3)'s routines: not so for
        LibreSSL, AWS-LC and BoringSSL."""
        probe = self.scratch / "routines.c"
        probe.write_text("#include <openssl/bio.h>\n__typeof__(BIO_accept_ex) *p;\n")
        original = [f"-isystem{self.prefix}/include"] if self.prefix else []
        return run([CC, *original, "-fsyntax-only", probe]).returncode == 0

    def _build(self):
        package = "libbiosock" if self.mode == "alone" else "libbiosock-overlay"
        cargo = os.environ.get("CARGO", "cargo")
        built = run([cargo, "build", "--quiet", "--release", "-p", package], timeout=1800, cwd=ROOT)
        if built.returncode != 0:
            raise SystemExit(f"check-c: cannot build {package}:\n{built.stdout}")
