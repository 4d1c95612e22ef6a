"""Many threads at once, each with a queue of its own."""

from processes import must

THREADS = 32


def checks():
    yield "queues", check


def check(bench):
    rounds = 5000 if bench.full else 500
    shown = [(form, must([bench.program("queues", form), THREADS, rounds], timeout=300).out)
             for form in bench.forms()]
    return "; ".join(f"{form}: {text.strip()}" for form, text in shown)
