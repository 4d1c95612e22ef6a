"""Valgrind finds no error, no leak and no lost descriptor, whatever is called."""

import re
from functools import partial

import others
from bench import HERE
from common import ROOT, Failed, must, needs, run
from errors import free_port
from processes import Running

ORIGINAL = "3"  # the newest 3.x has every function of the walk, Debian's 3.0 not yet
EXAMPLES = ROOT / "examples/c"
VALGRIND = ["valgrind", "--tool=memcheck", "--leak-check=full", "--num-callers=30",
            "--show-leak-kinds=definite,indirect,possible", "--errors-for-leak-kinds=definite,possible",
            "--track-fds=yes", "--error-exitcode=99", "--child-silent-after-fork=yes",
            f"--suppressions={HERE / 'valgrind.supp'}"]
DESCRIPTORS = re.compile(r"FILE DESCRIPTORS: (\d+) open \((\d+) std\) at exit")


def checks():
    yield "valgrind catches what is wrong", baseline
    yield "every function, good and bad input", walk
    yield "every function of biosock's, good and bad input", own
    yield "threads", threads
    yield "examples/c: client and dual_stack_server", partial(examples, "client")
    yield "examples/c: nonblocking_client", partial(examples, "nonblocking_client")
    yield "examples/hosts: tls_client over AWS-LC", tls_client


def baseline(bench):
    """The check itself: a clean program passes, each kind of loss is caught."""
    needs("valgrind")
    program = bench.compiled("lossy", [HERE / "c/lossy.c"], [], [])
    clean(bench, [program, "nothing"])
    for how in ("overrun", "descriptor", "leak"):
        try:
            clean(bench, [program, how])
        except Failed:
            continue
        raise Failed(f"{how} was not caught")
    return "an overrun, a lost descriptor and a leak"


def under(log):
    return [*VALGRIND, f"--log-file={log}"]


def clean(bench, command, status=0, **options):
    """Runs the command under valgrind to the given end; returns what it printed."""
    needs("valgrind")
    log = bench.directory("valgrind") / "log"
    ended = run([*under(log), *command], timeout=600, **options)
    check_log(log, str(ended))
    if ended.status != status:
        raise Failed(f"{ended}\n{log.read_text()}")
    return ended.out.strip()


def check_log(log, context):
    """No error and no leak; no descriptor but the standard ones and the log's own."""
    text = log.read_text()
    found = DESCRIPTORS.search(text)
    lost = found and int(found.group(1)) - int(found.group(2)) - text.count(f": {log}\n")
    if lost != 0 or "ERROR SUMMARY: 0 errors" not in text:
        raise Failed(f"{context}\n{text}")


def walk(bench):
    sources = sorted((HERE / "c/walk").glob("*.c"))
    figures = []
    for form in bench.forms():
        program = bench.program("walk", form, sources, ORIGINAL)
        if form == "alone":
            check_complete(program)
        shown = clean(bench, [program], cwd=bench.scratch)
        if form != "plain":
            shown = clean(bench, [program, "nulls"], cwd=bench.scratch)
        figures.append(f"{form}: {shown}")
    return "; ".join(figures)


def own(bench):
    """<biosock.h>: no original has it, so there is no baseline."""
    figures = []
    for form in bench.forms():
        if form == "plain":
            continue
        program = bench.program("own", form)
        check_complete(program, own=True)
        figures.append(f"{form}: {clean(bench, [program])}")
    return "; ".join(figures) or "nothing to compare with"


def check_complete(program, own=False):
    """The walk calls every function that the library exports, under biosock's or OpenSSL's names."""
    exported = {name for name in (ROOT / "crates/libbiosock/exports").read_text().split()
                if name.startswith("biosock_") == own}
    called = {line.split()[-1] for line in must(["nm", "-u", program]).out.splitlines()}
    if missing := sorted(exported - called):
        raise Failed(f"never called: {', '.join(missing)}")


def threads(bench):
    shown = [f"{form}: {clean(bench, [bench.program('queues', form), 8, 64])}"
             for form in bench.forms()]
    return "; ".join(shown)


def examples(client, bench):
    """The client talks to the server, both under valgrind; then it fails in two ways."""
    figures = []
    for form in bench.forms():
        talk(bench, form, client)
        program = bench.program(client, form, [EXAMPLES / f"{client}.c"])
        clean(bench, [program, "127.0.0.1", free_port(), "hi"], status=1)
        clean(bench, [program, "no-such-host.invalid", "1", "hi"], status=1)
        figures.append(form)
    return f"{', '.join(figures)}: an echo and two failures each"


def talk(bench, form, client):
    needs("valgrind")
    server = bench.program("dual_stack_server", form, [EXAMPLES / "dual_stack_server.c"])
    log = bench.directory("valgrind-server") / "log"
    with Running([*under(log), server, "--once", "--port-0"]) as running:
        port = running.expect(r"^listening on 0\.0\.0\.0 (\d+)").group(1)
        program = bench.program(client, form, [EXAMPLES / f"{client}.c"])
        shown = clean(bench, [program, "127.0.0.1", port, "hello"])
        if shown != "hello" or running.ended() != 0:
            raise Failed(f"{form}: {shown!r} from {running}")
    check_log(log, form)


def tls_client(bench):
    """Over AWS-LC with the overlay; the baseline is the same over OpenSSL."""
    needs("valgrind", "openssl")
    plain = bench.compiled("tls-openssl", [others.SOURCE], [], ["-lssl", "-lcrypto"])
    programs = [plain] if bench.baseline else [plain, others.with_overlay(bench, others.aws_lc(bench))]
    key, cert = bench.certificate()
    for program in programs:
        with Running(["openssl", "s_server", "-key", key, "-cert", cert, "-rev", "-naccept", 1,
                      "-accept", "127.0.0.1:0"]) as server:
            port = server.expect(r"^ACCEPT .*:(\d+)$").group(1)
            shown = clean(bench, [program, f"127.0.0.1:{port}", cert, "drawer"])
            if shown != "reward":
                raise Failed(f"{program}: {shown}")
        clean(bench, [program, f"127.0.0.1:{free_port()}", cert, "drawer"], status=1)
        clean(bench, [program, "a:b:c", cert, "drawer"], status=1)
    return f"{len(programs)} programs: a handshake and two failures each"
