"""OpenSSL itself with its three socket objects taken out and libbiosock_swap.a put in."""

import re
import shlex
from functools import partial

import errors
import tls
from bench import Side
from common import CC, Failed, must, needs, run

# The original's own objects, by the names that its builds give them.
OBJECTS = {"1.1.1": ("b_sock.o", "b_sock2.o", "b_addr.o"),
           "3": tuple(f"libcrypto-lib-bio_{part}.o" for part in ("sock", "sock2", "addr"))}
OBJECTS["4"] = OBJECTS["3"]
TRANSPORTS = ("IPv4", "IPv6", "dual stack *:0", "Unix socket", "-bind", "-nbio", "DTLS with -listen")
# Each version has its own messages, and is compared with itself.
SOME_COMPLAINT = ":error:|errno|argument|malformed|[Ee]rror"


def checks():
    for version in OBJECTS:
        yield f"{version}: libraries and openssl link", partial(link, version)
        for name in TRANSPORTS:
            yield f"{version}: {name}", partial(talk, version, name)
        yield f"{version}: failing invocations", partial(fail, version)


def link(version, bench):
    needs("ar", "make", "nm")
    plain, tree = original(bench, version)
    check_lacking(bench, version, tree)
    if bench.baseline:
        return "the plain archive has the three objects, and does not link without them"
    swapped(bench, version)
    symbols = check_shared(bench, version, tree)
    said = must([program(bench, version), "version"]).out.split("  ")[0].strip()
    if said != must([plain, "version"]).out.split("  ")[0].strip():
        raise Failed(f"the swapped program prints {said}")
    return f"{said}; shared libcrypto keeps its {symbols} symbols"


def original(bench, version):
    directory = bench.original(version)
    return directory / "bin/openssl", directory / "build"


def program(bench, version):
    return bench.scratch / f"swap-{version}" / "openssl"


def check_lacking(bench, version, tree):
    """Taking the objects out is seen: without them nothing links."""
    directory = bench.directory(f"lacking-{version}")
    archive = without_objects(version, tree, directory)
    ended = run(link_command(tree, directory, directory / "openssl"), cwd=tree, timeout=300)
    missing = set(re.findall(r"undefined reference to `(\w+)'", ended.err))
    if ended.status == 0 or "BIO_connect" not in missing:
        raise Failed(f"{archive} still has BIO_connect:\n{ended}")


def without_objects(version, tree, directory):
    """A copy of libcrypto.a that lacks the three objects, with libssl.a alongside."""
    archive = directory / "libcrypto.a"
    (directory / "libssl.a").symlink_to(tree / "libssl.a")
    archive.write_bytes((tree / "libcrypto.a").read_bytes())
    had = set(must(["ar", "t", archive]).out.split())
    if not set(OBJECTS[version]) <= had:
        raise Failed(f"{tree}/libcrypto.a has no {', '.join(set(OBJECTS[version]) - had)}")
    must(["ar", "d", archive, *OBJECTS[version]])
    return archive


def swapped(bench, version):
    """Builds the swapped archive and the openssl that is linked with it, once."""
    if program(bench, version).exists():
        return
    _, tree = original(bench, version)
    directory = bench.directory(f"swap-{version}")
    archive = without_objects(version, tree, directory)
    ours = bench.ours("libbiosock_swap.a")
    script = f"open {archive}\naddlib {ours}\nsave\nend\n"
    must(["ar", "-M"], stdin=script)
    made = must([*link_command(tree, directory, program(bench, version)), "-Wl,-y,BIO_connect"],
                cwd=tree, timeout=300)
    check_origin(made.out + made.err, ours)


def link_command(tree, directory, output):
    """The build's own way of linking apps/openssl, with another libcrypto.a before its own."""
    shown = must(["make", "-n", "-W", "libcrypto.a", "apps/openssl"], cwd=tree).out
    found = re.search(r"^\$\{LDCMD:-\w+\}((?:.*\\\n)*.* -o apps/openssl (?:.*\\\n)*.*)$",
                      shown, re.M) or re.search(
        r"^\$\{LDCMD:-\w+\}((?:.*\\\n)*\s*-o apps/openssl\b(?:.*\\\n)*.*)$", shown, re.M)
    if not found:
        raise Failed(f"no command that links openssl in:\n{shown[-2000:]}")
    words = shlex.split(found.group(1).replace("\\\n", " "))
    words[words.index("apps/openssl")] = str(output)
    return [CC, f"-L{directory}", *words]


def check_origin(trace, ours):
    """The linker took BIO_connect from biosock's objects, and from nowhere else."""
    members = set(must(["ar", "t", ours]).out.split())
    defined = re.findall(r"\(([^()]+)\): definition of BIO_connect", trace)
    if len(defined) != 1 or defined[0] not in members:
        raise Failed(f"BIO_connect comes from elsewhere:\n{trace}")


def check_shared(bench, version, tree):
    """The shared libcrypto links whole from the swapped archive, and exports what it did."""
    directory = program(bench, version).parent
    script = [f"-Wl,--version-script={tree}/libcrypto.ld"] if (tree / "libcrypto.ld").exists() else []
    made = directory / "libcrypto.so"
    must([CC, "-shared", "-Wl,-Bsymbolic", "-Wl,-z,defs", *script, "-Wl,--whole-archive",
          directory / "libcrypto.a", "-Wl,--no-whole-archive", "-ldl", "-pthread", "-o", made],
         timeout=300)
    before, after = exported(tree.parent / "lib/libcrypto.so"), exported(made)
    if before != after:
        raise Failed(f"lost: {sorted(before - after)[:20]}\ngained: {sorted(after - before)[:20]}")
    return len(after)


def exported(library):
    found = must(["nm", "-D", "--defined-only", library]).out.splitlines()
    return {line.split()[-1] for line in found}


def sides(bench, version):
    """The plain program, then the swapped one; each a way of running `openssl`."""
    plain, _ = original(bench, version)
    yield Side("plain"), plain
    if not bench.baseline:
        swapped(bench, version)
        yield Side("swapped"), program(bench, version)


def talk(version, name, bench):
    for _, openssl in sides(bench, version):
        tls.meet(bench, tls.TRANSPORTS[name], openssl)
    return f"{len(tls.TRANSPORTS[name].clients)} x handshake and echo a side"


def fail(version, bench):
    """The failing invocations of the other part, plain and swapped."""
    ways = [errors.Way(side.name, openssl, ours=side.name == "swapped")
            for side, openssl in sides(bench, version)]
    entries = 0
    for name, case in errors.CASES.items():
        try:
            figures = errors.compared(bench, case, ways, SOME_COMPLAINT)
        except Failed as outcome:
            raise Failed(f"{name}:\n{outcome}") from outcome
        entries += int(re.search(r"(\d+) of the queue", figures).group(1))
    return f"{len(errors.CASES)} invocations, {entries} entries of the queue" + (
        " are the same swapped" if len(ways) > 1 else "")
