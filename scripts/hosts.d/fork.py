"""Children of a process that uses the routines, with threads at work or not."""

from processes import must


def checks():
    yield "children", check


def check(bench):
    count = 500 if bench.full else 50
    shown = [(form, must([bench.program("forks", form), count], timeout=300).out)
             for form in bench.forms()]
    return "; ".join(f"{form}: {text.strip()}" for form, text in shown)
