"""pthread_cancel(3) in every function that blocks or reaches a cancellation point."""

import re
from collections import Counter

from bench import HERE
from common import INCLUDE, Failed, environment, run

SOURCE = HERE / "c/cancelled.c"
LINE = re.compile(r"^(\S.*?)  +(pending|blocked)  ?(.+)$", re.M)
FLAGS = ["-Wno-pedantic", "-rdynamic"]


def checks():
    yield "every function", check


def check(bench):
    """With OpenSSL alone each thread ends; so it does with each form of biosock, as promised."""
    figures = []
    for form, (failure, rows) in outcomes(bench).items():
        if failure:
            raise Failed(f"{form}:\n{failure}")
        counts = Counter(rows.values())
        figures.append(f"{form}: " + ", ".join(f"{count} {what}" for what, count in counts.items()))
    return "; ".join(figures)


def outcomes(bench):
    """By form: why it failed, if it did, and what became of each cancelled call."""
    return {form: outcome(bench, form) for form in (
        ["plain"] if bench.baseline else ["plain", "alone", "overlay", "swap"])}


def outcome(bench, form):
    program = bench.compiled(f"cancelled-{form}", [SOURCE], *flags(bench, form))
    original = {"ORIGINAL": 1} if form == "plain" else {}
    ended = run([program], timeout=900, cwd=bench.scratch, env=environment(**original))
    rows = {(name, how): what for name, how, what in LINE.findall(ended.out)}
    return ("" if ended.status == 0 and rows else str(ended)), rows


def flags(bench, form):
    host = ["-lcrypto", "-ldl", "-lpthread"]
    if form == "plain":
        return [*FLAGS, "-DOVER_A_HOST"], host
    if form == "swap":
        return ([*FLAGS, f"-I{INCLUDE}", "-DOVER_A_HOST"],
                [bench.ours("libbiosock_swap.a"), *host, "-lgcc_s"])
    cflags, libs = bench.linking(form)
    over = ["-DOVER_A_HOST"] if form == "overlay" else []
    return [*FLAGS, *cflags, "-DWITH_BIOSOCK", *over], [*libs, "-ldl"]
