"""What programs are compiled and linked against in this run."""

import tempfile
from pathlib import Path

from common import CC, INCLUDE, TARGET, WARNINGS, build, must, run


class Target:
    """One of the three modes, with a scratch directory."""

    def __init__(self, mode, prefix):
        self.mode = mode
        self.prefix = prefix
        self.libraries = TARGET / "release"
        self.scratch = None

    def __enter__(self):
        self._directory = tempfile.TemporaryDirectory(prefix="check-c.")
        self.scratch = Path(self._directory.name)
        if self.mode != "openssl":
            build("--release", "-p", "libbiosock" if self.mode == "alone" else "libbiosock-overlay")
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
        return run([CC, *self.cflags, "-fsyntax-only", probe]).status == 0

    def has_routines(self):
        """Whether the library's own headers have BIO_connect(3)'s routines: not so for
        LibreSSL, AWS-LC and BoringSSL."""
        probe = self.scratch / "routines.c"
        probe.write_text("#include <openssl/bio.h>\n__typeof__(BIO_accept_ex) *p;\n")
        original = [f"-isystem{self.prefix}/include"] if self.prefix else []
        return run([CC, *original, "-fsyntax-only", probe]).status == 0
