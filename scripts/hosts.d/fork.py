"""Children of a process that uses the routines, with threads at work or not."""

from bench import HERE
from common import must


def checks():
    yield "children", check
    yield "in the middle of a first use", midfork


def check(bench):
    count = 500 if bench.full else 50
    shown = [(form, must([bench.program("forks", form), count], timeout=300).out)
             for form in bench.forms()]
    return "; ".join(f"{form}: {text.strip()}" for form, text in shown)


def midfork(bench):
    """<biosock.h> is used too, so there is no baseline; OpenSSL's own child hangs."""
    rounds = 2000 if bench.full else 100
    shown = [f"{form}: {must([held_up(bench, form), rounds], timeout=3000).out.strip()}"
             for form in bench.forms() if form != "plain"]
    return "; ".join(shown) or "nothing to compare with"


def held_up(bench, form):
    cflags, libs = bench.linking(form)
    over = ["-DOVER_A_HOST"] if form == "overlay" else []
    return bench.compiled(f"midfork-{form}", [HERE / "c/midfork.c"],
                          ["-Wno-pedantic", "-rdynamic", *over, *cflags], [*libs, "-ldl"])
