"""Both halves, and what differs between them."""

import json
import re
from dataclasses import asdict, dataclass

from common import Failed

RECIPE = re.compile(r"^(?:\S*/)?(\d\d-test[\w-]+\.t) ?\.+ ?(.*)$")
TOTALS = re.compile(r"^Files=(\d+), Tests=(\d+),")


@dataclass
class Result:
    """One run of OpenSSL's tests."""

    status: int
    seconds: float
    files: int
    tests: int
    recipes: dict

    @property
    def passed(self):
        return self.status == 0 and self.files > 0

    def totals(self):
        return {"files": self.files, "tests": self.tests, "passed": self.passed}

    def line(self):
        outcome = "all passed" if self.passed else f"FAILED (status {self.status})"
        skipped = sum(outcome.startswith("skipped") for outcome in self.recipes.values())
        return (f"Files={self.files}, Tests={self.tests}, {outcome}, "
                f"{skipped} files skipped, {self.seconds:.0f} s")


def compare(tree, kind, again, halves):
    """Runs both halves, each of which is put into `halves` by its name; the script's status."""
    print(tree.ensure(), flush=True)
    form = kind(tree)
    plain = halves["plain"] = plain_half(tree, form, again)
    if not plain.passed:
        return print_failures(plain, tree.directory / "plain.log")
    print(f"{form.placed}: {form.place(tree)}", flush=True)
    placed = halves[form.placed] = measure(tree, form.placed)
    differing = differences(plain, placed)
    for line in differing:
        print(f"differs: {line}")
    same = placed.passed and not differing
    print(f"OpenSSL {tree.release}, {form.name}: " + ("no test differs" if same else "DIFFERENCES"))
    return 0 if same else 1


def plain_half(tree, form, again):
    """Without biosock: kept from an earlier run, as it is the same every time."""
    kept = tree.directory / "plain.json"
    if kept.exists() and not again:
        result = Result(**json.loads(kept.read_text()))
        print(f"plain:    {result.line()} (an earlier run)", flush=True)
        if result.passed:
            if not form.is_prepared():
                form.prepare(tree)
            return result
    form.prepare(tree)
    result = measure(tree, "plain")
    kept.write_text(json.dumps(asdict(result)))
    return result


def measure(tree, name):
    log = tree.directory / f"{name}.log"
    status, seconds = tree.test(log)
    result = parse(log.read_text(errors="replace"), status, seconds)
    print(f"{name + ':':9} {result.line()}", flush=True)
    return result


def parse(text, status, seconds):
    """Reads the harness's lines: `30-test_evp.t ........ ok`, and the totals at the end."""
    recipes, files, tests = {}, 0, 0
    for line in text.splitlines():
        if found := RECIPE.match(line):
            recipes[found[1]] = found[2].strip()
        elif found := TOTALS.match(line):
            files, tests = int(found[1]), int(found[2])
    if status == 0 and len(recipes) != files:
        raise Failed(f"read {len(recipes)} lines of tests where the harness counts {files}")
    return Result(status, seconds, files, tests, recipes)


def differences(plain, placed):
    """Each test with another outcome, and the totals if they are not the same."""
    names = sorted(plain.recipes.keys() | placed.recipes.keys())
    pairs = [(name, plain.recipes.get(name), placed.recipes.get(name)) for name in names]
    pairs += [("Files", plain.files, placed.files), ("Tests", plain.tests, placed.tests)]
    return [f"{name}: {before} -> {after}" for name, before, after in pairs if before != after]


def print_failures(result, log):
    for name, outcome in result.recipes.items():
        if outcome != "ok" and not outcome.startswith("skipped"):
            print(f"failed:  {name}: {outcome}")
    print(f"OpenSSL fails its own tests without biosock: see {log}")
    return 1
