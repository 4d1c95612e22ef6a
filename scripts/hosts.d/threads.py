"""Many threads at once, each with a queue of its own."""

from common import Failed, Skipped, must, run

THREADS = 32
NOT_PERMITTED = 77


def checks():
    yield "queues", check
    yield "two SCHED_FIFO priorities on one CPU", priorities


def check(bench):
    rounds = 5000 if bench.full else 500
    shown = [(form, must([bench.program("queues", form), THREADS, rounds], timeout=300).out)
             for form in bench.forms()]
    return "; ".join(f"{form}: {text.strip()}" for form, text in shown)


def priorities(bench):
    """<biosock.h> is used, so there is no baseline."""
    rounds = 200000 if bench.full else 20000
    shown = []
    for form in bench.forms():
        if form == "plain":
            continue
        ended = run([bench.program("priorities", form), rounds], timeout=400)
        if ended.status == NOT_PERMITTED:
            raise Skipped("SCHED_FIFO is not permitted here")
        if ended.status != 0:
            raise Failed(str(ended))
        shown.append(f"{form}: {ended.out.strip()}")
    return "; ".join(shown) or "nothing to compare with"
