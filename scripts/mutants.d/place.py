"""The copy of the sources that is broken, so that the real ones never are."""

import os
import shutil
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TARGET = (ROOT / os.environ.get("CARGO_TARGET_DIR", "target")).resolve()
DIRECTORY = TARGET / "mutants"
CARGO = os.environ.get("CARGO", "cargo")


def copy():
    """The sources as they are now, without the build's litter."""
    tree = DIRECTORY / "tree"
    shutil.rmtree(tree, ignore_errors=True)
    listed = subprocess.run(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
                            cwd=ROOT, check=True, capture_output=True).stdout
    for name in filter(None, listed.decode().split("\0")):
        if (ROOT / name).is_file():
            (tree / name).parent.mkdir(parents=True, exist_ok=True)
            # With its time, so that cargo builds again only what has changed.
            shutil.copy2(ROOT / name, tree / name)
    return tree


def environment(target):
    return os.environ | {"CARGO_TARGET_DIR": str(DIRECTORY / target)}
