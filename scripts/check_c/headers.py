"""The headers: clean in both languages, true to the original, and yielding to it."""

import os
import re
from itertools import product
from pathlib import Path

from common import CARGO, CC, CXX, INCLUDE, ORIGINALS, WARNINGS, Failed, NotApplicable, Skipped, must, run

from . import decls

LANGUAGES = [(CC, "c", "c99"), (CC, "c", "c17"), (CXX, "c++", "c++17"), (CXX, "c++", "c++20")]
ORDERS = [("bio", "err", "crypto"), ("crypto", "err", "bio"), ("err",), ("crypto",),
          ("bio", "bio", "err", "err")]
# What came from OpenSSL and lacks the routines: cargo's package of it, its headers there.
DERIVED = [("aws-lc-sys", "aws-lc/include", "AWS-LC"),
           ("boring-sys", "deps/boringssl/include", "BoringSSL")]
# Names newer than 1.1.1, and since when an original's headers have them.
SINCE = {
    "BIO_socket_wait": 0x30000000, "ERR_get_error_all": 0x30000000,
    "ERR_peek_error_func": 0x30000000, "ERR_peek_error_data": 0x30000000,
    "ERR_peek_error_all": 0x30000000, "ERR_peek_last_error_func": 0x30000000,
    "ERR_peek_last_error_data": 0x30000000, "ERR_peek_last_error_all": 0x30000000,
    "BIO_ADDR_copy": 0x30200000, "BIO_ADDR_dup": 0x30200000,
    "BIO_SOCK_TFO": 0x30200000, "BIO_R_TFO_DISABLED": 0x30200000,
    "BIO_R_TFO_NO_KERNEL_SUPPORT": 0x30200000, "BIO_R_UNABLE_TO_TFO": 0x30200000,
    "ERR_LIB_MASK": 0x30000000, "ERR_LIB_OFFSET": 0x30000000, "ERR_REASON_MASK": 0x30000000,
    "ERR_RFLAGS_MASK": 0x30000000, "ERR_RFLAGS_OFFSET": 0x30000000,
    "ERR_RFLAG_COMMON": 0x30000000, "ERR_RFLAG_FATAL": 0x30000000,
    "ERR_R_UNSUPPORTED": 0x30000000, "ERR_SYSTEM_FLAG": 0x30000000,
    "ERR_SYSTEM_MASK": 0x30000000,
    "INVALID_SOCKET": None,  # the page names it, no header of the original does
}
UNTIL = {"ERR_NUM_ERRORS": 0x40000000}
GROWING = ("biosock_dial_options", "biosock_listen_options", "biosock_attempt", "biosock_lookup")
CODES = ["0", "0x10000067", "0x10080002", "0x100C0102", "0x8000006F", "0x80000009",
         "0x7F8C0100", "0xFFFFFFFF"]
DECOMPOSE = """#include <stdio.h>
#define SHOW(e) printf("%d %d %d %d\\n", ERR_GET_LIB(e), ERR_GET_REASON(e), \\
                       ERR_SYSTEM_ERROR(e) ? 1 : 0, ERR_FATAL_ERROR(e) ? 1 : 0)
int main(void)
{
    printf("%lx\\n", (unsigned long)ERR_PACK(ERR_LIB_BIO, 0, 103));
"""


def run_checks(report, target):
    _all_languages(report, target, "headers: alone, C99 to C17, C++17, C++20, in any order",
                      ["-DBIOSOCK_ALONE"])
    _all_languages(report, target, "headers: alongside an OpenSSL, in the same ways",
                      _original(target))
    with report.check("headers: biosock.h, in both languages, and what begins a structure is its size"):
        _check_own(target)
    _against_original(report, target)
    _mixture(report, target)
    with report.check("headers: over an older OpenSSL's, what is newer is declared"):
        _newer_over_older(target)
    for package, include, name in DERIVED:
        _over_derived(report, target, package, include, name)


def _all_languages(report, target, title, options):
    with report.check(title):
        source = target.scratch / "headers.txt"
        for (compiler, language, standard), order in product(LANGUAGES, ORDERS):
            source.write_text(decls.includes(order) + "int main(void) { return 0; }\n")
            must([compiler, f"-std={standard}", *WARNINGS, f"-I{INCLUDE}", *options,
                  "-fsyntax-only", "-x", language, source])


def _check_own(target):
    source = target.scratch / "own.txt"
    sets = "".join(f"    {name} a_{name} = {name.upper()}_INIT;\n    sizes += a_{name}.size;\n"
                   for name in GROWING)
    source.write_text(f"{decls.OWN}int main(void)\n{{\n    size_t sizes = 0;\n{sets}"
                      "    return sizes == 0;\n}\n")
    for (compiler, language, standard), options in product(LANGUAGES, (["-DBIOSOCK_ALONE"],
                                                                       _original(target))):
        program = target.scratch / "own"
        must([compiler, f"-std={standard}", *WARNINGS, f"-I{INCLUDE}", *options, "-x", language,
              source, "-o", program])
        must([program])


def _against_original(report, target):
    original = _original(target)
    with report.check("headers: every function is declared as the original declares it"):
        _need_original(target, original)
        _compare_prototypes(target, original)
    with report.check("headers: every constant has the original's value"):
        _need_original(target, original)
        _compare_constants(target, original)
    with report.check("headers: codes come apart as in the original"):
        _need_original(target, original)
        if not _version(target, original) >= 0x30000000:
            raise NotApplicable("packed otherwise before OpenSSL 3")
        _compare_decomposition(target, original)


def _over_derived(report, target, package, include, name):
    with report.check(f"headers: over {name}'s, which gain what they lack"):
        theirs = _headers_of(package, include, target.scratch / package)
        source = target.scratch / "derived.txt"
        uses = "".join(f"    used += {name} != 0;\n" for name in sorted(decls.prototypes())
                       if name.startswith("BIO_"))
        source.write_text("#define OPENSSL_SUPPRESS_DEPRECATED\n#include <openssl/ssl.h>\n"
                          + decls.includes() + "int main(void)\n{\n    int used = 0;\n"
                          + uses + "    return used + BIO_SOCK_NODELAY;\n}\n")
        for compiler, language, standard in LANGUAGES:
            must([compiler, f"-std={standard}", *WARNINGS, "-Wno-address", f"-I{INCLUDE}",
                  f"-isystem{theirs}", "-fsyntax-only", "-x", language, source])
    with report.check(f"headers: {name}'s first are refused by biosock.h, with a reason"):
        source = target.scratch / "order.c"
        source.write_text("#include <biosock.h>\n")
        result = run([CC, f"-I{theirs}", f"-I{INCLUDE}", "-fsyntax-only", source])
        if result.status == 0 or "put biosock's -I before its" not in result.text:
            raise Failed(f"nothing about the order:\n{result.text}")


NEWER = """#include <openssl/bio.h>
int main(void)
{
    BIO_ADDR *one = BIO_ADDR_new(), *other = BIO_ADDR_dup(one);
    int done = BIO_ADDR_copy(other, one) + BIO_socket_wait(-1, 1, 1) + BIO_SOCK_TFO + BIO_R_UNABLE_TO_TFO;

    BIO_ADDR_free(one);
    BIO_ADDR_free(other);
    return done == 0;
}
"""


def _newer_over_older(target):
    """The system's headers, or the prefix's, and 1.1.1's where they are built."""
    _need_original(target, _original(target))
    source = target.scratch / "newer.txt"
    source.write_text(NEWER)
    oldest = ORIGINALS / "1.1.1/include"
    for options in [_original(target), *([[f"-isystem{oldest}"]] if oldest.exists() else [])]:
        for compiler, language, standard in LANGUAGES:
            must([compiler, f"-std={standard}", *WARNINGS, f"-I{INCLUDE}", *options,
                  "-fsyntax-only", "-x", language, source])


def _mixture(report, target):
    with report.check("headers: biosock's alone after an OpenSSL's are refused"):
        source = target.scratch / "mixed.c"
        source.write_text("#include <openssl/opensslv.h>\n#include <openssl/bio.h>\n")
        _need_original(target, _original(target))
        result = run([CC, "-DBIOSOCK_ALONE", f"-I{INCLUDE}", *_original(target),
                      "-fsyntax-only", source])
        if result.status == 0 or "drop -DBIOSOCK_ALONE" not in result.text:
            raise Failed(f"nothing about the mixture:\n{result.text}")


def _original(target):
    return [f"-isystem{target.prefix}/include"] if target.prefix else []


def _need_original(target, original):
    probe = target.scratch / "probe.c"
    probe.write_text("#include <openssl/opensslv.h>\n")
    if run([CC, *original, "-fsyntax-only", probe]).status != 0:
        raise Skipped("no OpenSSL headers here")
    if not target.has_routines():
        raise NotApplicable("this library lacks the routines")


def _version(target, original):
    text = must([CC, *original, "-E", "-P", "-xc", "-"],
                stdin="#include <openssl/opensslv.h>\nOPENSSL_VERSION_NUMBER\n").out
    expression = re.sub(r"(?<=[0-9a-fA-F])L", "", text.strip().splitlines()[-1])
    return int(eval(expression, {"__builtins__": {}}))  # digits, shifts and ors


def _missing(target, original, names, use):
    """Which of the names the original's headers do not know."""
    source = target.scratch / "missing.c"
    uses = "\n".join(use.format(name=name) for name in names)
    source.write_text(f"{decls.includes()}void f(void);\nvoid f(void)\n{{\n{uses}\n}}\n")
    result = run([CC, "-w", "-fmax-errors=0", *original, "-fsyntax-only", source])
    return set(re.findall(r"'(\w+)' undeclared", result.text))


def _expect_missing(target, original, names, use):
    """The names that can be compared; a gap that the version does not explain fails."""
    version = _version(target, original)
    known = {n for n in names if n in SINCE and (SINCE[n] is None or version < SINCE[n])}
    known |= {n for n in names if n in UNTIL and version >= UNTIL[n]}
    found = _missing(target, original, names, use)
    if found != known:
        raise Failed(f"version {version:#x} should lack {sorted(known)} and lacks {sorted(found)}")
    return [n for n in names if n not in found]


def _compare_prototypes(target, original):
    names = _expect_missing(target, original, sorted(decls.prototypes()),
                            "    __typeof__({name}) *p_{name} = 0;")
    again = "".join(f"{decls.prototypes()[name]};\n" for name in names)
    source = target.scratch / "prototypes.c"
    source.write_text("#define OPENSSL_SUPPRESS_DEPRECATED\n" + decls.includes() + again)
    must([CC, "-std=c17", *WARNINGS, "-Wno-redundant-decls", *original, "-fsyntax-only", source])


def _compare_constants(target, original):
    names = _expect_missing(target, original, decls.constants(), "    (void)({name});")
    if _version(target, original) < 0x30000000:  # where codes are packed otherwise
        names = [name for name in names if not name.startswith("ERR_R")]
    shows = "".join(f'    printf("{name} %lld\\n", (long long)({name}));\n' for name in names)
    outputs = _both(target, original, "constants",
                    "#include <stdio.h>\nint main(void)\n{\n" + shows + "    return 0;\n}\n")
    _equal(*outputs)


def _compare_decomposition(target, original):
    shows = "".join(f"    SHOW({code}UL);\n" for code in CODES)
    _equal(*_both(target, original, "codes", DECOMPOSE + shows + "    return 0;\n}\n"))


def _both(target, original, name, body):
    """What a program without the library prints under biosock's headers and under the original's."""
    source = target.scratch / f"{name}.c"
    source.write_text(decls.includes() + body)
    outputs = []
    for side, options in (("biosock", [f"-I{INCLUDE}", "-DBIOSOCK_ALONE"]), ("original", original)):
        program = target.scratch / f"{name}-{side}"
        must([CC, "-std=c99", "-O1", *options, source, "-o", program])
        outputs.append(must([program]).out)
    return outputs


def _equal(ours, theirs):
    pairs = zip(ours.splitlines(), theirs.splitlines())
    wrong = [f"biosock: {o}\noriginal: {t}" for o, t in pairs if o != t]
    if wrong or not ours or len(ours.splitlines()) != len(theirs.splitlines()):
        raise Failed("\n".join(wrong) or "nothing to compare")


def _headers_of(package, include, scratch):
    """The include directory of a library, as cargo's package of it brings it."""
    home = Path(os.environ.get("CARGO_HOME", Path.home() / ".cargo"))
    pattern = f"registry/src/*/{package}-[0-9]*/{include}"
    if not sorted(home.glob(pattern)):
        _fetch(package, scratch)
    found = sorted(home.glob(pattern))
    if not found:
        raise Skipped(f"cargo could not fetch {package}, which has the headers")
    return found[-1]


def _fetch(package, directory):
    (directory / "src").mkdir(parents=True)
    (directory / "src/lib.rs").touch()
    (directory / "Cargo.toml").write_text(
        '[package]\nname = "fetch"\nversion = "0.0.0"\nedition = "2021"\n\n'
        f'[dependencies]\n{package} = "*"\n\n[workspace]\n')
    run([CARGO, "fetch", "--quiet"], timeout=600, cwd=directory, env=os.environ)
