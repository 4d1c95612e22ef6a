"""Failures that the C layer no longer reports, and the comparison that must see it."""

import json
import subprocess
from dataclasses import dataclass

from common import CARGO, TARGET, Failed, run as run_program
from place import DIRECTORY, copy, environment

SRC = "crates/biosock-capi/src/"
# Whose entries have the same form as biosock's, down to the functions' names.
ORIGINAL = "3"


@dataclass
class Mutation:
    """One place in the C layer, and the cases that go through it."""

    name: str
    file: str
    old: str
    new: str
    cases: str


MUTATIONS = [
    Mutation("the system's entry", "raise.rs",
             "    entries.refused(refusal.syscall, refusal.errno);", "", "connect/tcp4/"),
    Mutation("BIO's reason after it", "raise.rs",
             "        entries.push(What::Bio(reason.code().into()));\n", "        let _ = reason;\n", "bind/tcp4/"),
    Mutation("errno after raising", "raise.rs",
             "    errno::set(errno.unwrap_or(before));", "    errno::set(0);", "listen/tcp4/"),
    Mutation("the resolver's entry", "raise.rs",
             "    entries.push_data(what, resolver);", "    let _ = (what, resolver);", "lookup_ex/"),
    Mutation("an invalid socket", "descriptor.rs",
             "INVALID_SOCKET => Err(Failure::Bio(Reason::InvalidSocket.code().into()))",
             "INVALID_SOCKET => Err(Failure::Reported)", "connect/"),
    Mutation("a port that is not defined", "deprecated.rs",
             "service.ok_or(Failure::Bio(Reason::NoPortDefined.code().into()))",
             "service.ok_or(Failure::Reported)", "get_port/"),
    Mutation("the host in a lookup's data", "deprecated.rs",
             'errno::keeping(|| H::annotate(c"host=", unsafe { CStr::from_ptr(name) }));',
             "let _ = name;", "get_host_ip/"),
    Mutation("BIO_accept_ex's entries before BIO_accept's", "deprecated.rs",
             "    raise::<H>(BIO_ACCEPT_EX, failure);\n    if is_retry",
             "    drop(failure);\n    if is_retry", "accept/"),
    Mutation("an unknown kind of information", "sock.rs",
             "return Err(Failure::Bio(UNKNOWN_INFO_TYPE));", "return Err(Failure::Reported);", "sock_info/"),
    Mutation("another function's name on an entry", "raise.rs",
             "(_, Syscall::Ioctl) => BIO_SOCKET_IOCTL,", "(_, Syscall::Ioctl) => site,",
             "connect/tcp4/closed"),
]


def show():
    for mutation in MUTATIONS:
        print(f"{mutation.file:14} without {mutation.name} ({mutation.cases})")
    return True


def run():
    tree = copy()
    env = environment("raises")
    # The originals are looked for where the real sources have them.
    env.setdefault("ORIGINALS_DIR", str(TARGET / "originals"))
    cargo(tree, env, "build", "--quiet", "-p", "biosock-conformance", "--features", "biosock-conformance/original-3",
          "-p", "libbiosock")
    if any(compare(env, mutation.cases) for mutation in MUTATIONS):
        print("raises: the comparison fails before anything is broken")
        return False
    seen = [is_seen(tree, env, mutation) for mutation in MUTATIONS]
    print(f"raises: {sum(seen)} of {len(seen)} breakages seen", flush=True)
    return all(seen)


def is_seen(tree, env, mutation):
    path = tree / SRC / mutation.file
    whole = path.read_text()
    if whole.count(mutation.old) != 1:
        print(f"raises: {mutation.file} no longer has the one place for {mutation.name!r}")
        return False
    path.write_text(whole.replace(mutation.old, mutation.new))
    try:
        # What is not used any more is no error here.
        cargo(tree, env | {"RUSTFLAGS": "--cap-lints=warn -Awarnings"}, "build", "--quiet", "-p", "libbiosock")
        different = compare(env, mutation.cases)
    finally:
        path.write_text(whole)
    print(f"{'seen' if different else 'NOT SEEN':9} without {mutation.name}: {different} cases differ ({mutation.cases})",
          flush=True)
    return different > 0


def compare(env, cases):
    """How many cases differ from the original's."""
    directory = DIRECTORY / "raises" / "debug"
    totals = directory / "totals.json"
    words = [directory / "compare", "--limit", "0", "--filter", cases, "--json", totals, ORIGINAL,
             directory / "libbiosock.so"]
    ended = run_program(words, env=env)
    if ended.status not in (0, 1):
        raise Failed(str(ended))
    counts = json.loads(totals.read_text())
    if counts["same"] + counts["differences left"] == 0:
        raise Failed(f"no case is named {cases}")
    return counts["differences left"]


def cargo(tree, env, *words):
    subprocess.run([CARGO, *words], cwd=tree, env=env, check=True)
