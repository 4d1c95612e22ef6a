"""Debian's source packages, by apt and a list of its own."""

import os
import re
import subprocess
from pathlib import Path

from common import Failed, must

# The suites that have had each version, and what OpenSSL calls the version.
SUITES = {"1.1.1": ("bullseye", r"1\.1\.1[a-z]+"), "3.0": ("bookworm", r"3\.0\.\d+"),
          "3.5": ("trixie", r"3\.5\.\d+")}
KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"


def tarball(version, directory):
    """The newest upstream tarball of a version: one kept, or downloaded now."""
    directory.mkdir(parents=True, exist_ok=True)
    return newest_kept(version, directory) or download(version, directory)


def newest_kept(version, directory):
    exact = re.compile(rf"openssl_{SUITES[version][1]}\.orig\.tar\.gz")
    kept = [path for path in directory.iterdir() if exact.fullmatch(path.name)]
    return max(kept, key=lambda path: natural(path.name), default=None)


def natural(name):
    return [(int(number or 0), text) for number, text in re.findall(r"(\d+)|(\D+)", name)]


def download(version, directory):
    """The listed package may be gone from the mirror already; then the one before."""
    apt = Apt(version, directory)
    apt.update()
    for package in apt.versions():
        # A missing packaging part makes apt fail although the tarball has come.
        apt.source(package)
        path = newest_kept(version, directory)
        if path:
            return path
    raise Failed(f"apt brought no source of OpenSSL {version}: see {apt.log}, or put its "
                 f".orig.tar.gz into {directory}")


class Apt:
    """apt-get with sources, lists and cache that are not the system's."""

    def __init__(self, version, directory):
        self.version = version
        self.directory = directory
        self.log = directory / "apt.log"
        self.state = directory / f"apt-{version}"
        for part in ("lists/partial", "cache/archives/partial", "parts"):
            (self.state / part).mkdir(parents=True, exist_ok=True)
        (self.state / "sources.list").write_text("".join(self._entries()))

    def update(self):
        self._get("update")

    def versions(self):
        """The package's versions of this OpenSSL, newest first."""
        words = must(["apt-cache", *self._options(), "madison", "openssl"]).out.splitlines()
        upstream = re.compile(rf"{SUITES[self.version][1]}-\S+")
        found = {fields[1] for fields in map(split_fields, words)
                 if len(fields) == 3 and fields[2].endswith("Sources") and upstream.fullmatch(fields[1])}
        return sorted(found, key=natural, reverse=True)

    def source(self, package):
        self._get("source", "--download-only", "--tar-only", f"openssl={package}")

    def _get(self, *words):
        with open(self.log, "ab") as log:
            subprocess.run(["apt-get", *self._options(), *words], cwd=self.directory, check=False,
                           stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                           env=os.environ | {"LC_ALL": "C"})

    def _options(self):
        places = {"Dir::Etc::SourceList": self.state / "sources.list",
                  "Dir::Etc::SourceParts": self.state / "parts",
                  "Dir::State::Lists": self.state / "lists", "Dir::Cache": self.state / "cache",
                  "APT::Sandbox::User": "root"}
        return [word for name, value in places.items() for word in ("-o", f"{name}={value}")]

    def _entries(self):
        suite, _ = SUITES[self.version]
        signed = f"[signed-by={KEYRING}] " if Path(KEYRING).exists() else ""
        for site in mirrors():
            security = site.rstrip("/").endswith("-security")
            names = [f"{suite}-security"] if security else [suite, f"{suite}-updates"]
            for name in names:
                yield f"deb-src {signed}{site} {name} main\n"


def split_fields(line):
    return [field.strip() for field in line.split("|")]


def mirrors():
    """Where this system's own Debian packages come from."""
    listed = must(["apt-get", "indextargets", "--format", "$(ORIGIN) $(SITE)", "Created-By: Packages"]).out
    sites = {line.split(maxsplit=1)[1] for line in listed.splitlines() if line.startswith("Debian ")}
    if not sites:
        raise Failed("apt knows no Debian mirror here: run apt-get update on a Debian system")
    return sorted(sites)
