"""The copy of the sources that is broken, so that the real ones never are."""

import os
import shutil

from common import ROOT, TARGET, tracked

DIRECTORY = TARGET / "mutants"


def copy():
    """The sources as they are now, without what a build leaves."""
    tree = DIRECTORY / "tree"
    shutil.rmtree(tree, ignore_errors=True)
    for name in tracked():
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        # With its time, so that cargo builds again only what has changed.
        shutil.copy2(ROOT / name, tree / name)
    return tree


def environment(target):
    return os.environ | {"CARGO_TARGET_DIR": str(DIRECTORY / target)}
