"""What the headers declare, read from the preprocessor's output."""

import re
from functools import lru_cache

from common import CC, INCLUDE, must

ALL = ("bio", "err", "crypto")
OWN = "#include <biosock.h>\n"
PROTOTYPE = re.compile(r"^[\w\s*]+?\**\b((?:BIO|ERR|CRYPTO|biosock)_\w+)\s*\(")
CONSTANT = re.compile(r"^#\s*define (\w+) (.+)$")
FAMILY = re.compile(r"^(BIO_|ERR_|INVALID_SOCKET)")


def includes(names=ALL):
    return "".join(f"#include <openssl/{name}.h>\n" for name in names)


@lru_cache
def _preprocess(*options, headers=includes()):
    return must([CC, "-E", "-P", *options, "-DBIOSOCK_ALONE", f"-I{INCLUDE}", "-xc", "-"],
                stdin=headers).out


def prototypes():
    """Name to prototype, without the final semicolon, of every function that an
    OpenSSL has."""
    return _prototypes(includes())


def every():
    """The same, and biosock's own functions."""
    return _prototypes(includes() + OWN)


@lru_cache
def _prototypes(headers):
    text = _preprocess("-DOPENSSL_SUPPRESS_DEPRECATED", headers=headers)
    text = re.sub(r"__attribute__\s*\(\(.*?\)\)\)?", "", text)
    text = re.sub(r"\{[^{}]*\}", ";", text)
    found = {}
    for piece in text.split(";"):
        flat = " ".join(line for line in piece.split("\n") if not line.startswith("#"))
        flat = " ".join(flat.replace('extern "C" {', " ").split())
        match = PROTOTYPE.match(flat)
        if match and "static" not in flat and "typedef" not in flat:
            found[match.group(1)] = flat
    return found


@lru_cache
def constants():
    """The names of all constants, macros without parameters that have a value."""
    matches = (CONSTANT.match(line) for line in _preprocess("-dM").splitlines())
    names = [m.group(1) for m in matches if m and FAMILY.match(m.group(1))]
    enumerated = re.findall(r"enum \w+ \{([^}]*)\}", _preprocess("-DENUMS"))
    names += [n.strip() for body in enumerated for n in body.split(",")
              if FAMILY.match(n.strip())]
    return sorted(names)


@lru_cache
def macros():
    """The names of function-like macros, such as OPENSSL_free."""
    found = re.findall(r"^#define ((?:OPENSSL|ERR|BIO)_\w+)\(", _preprocess("-dM"), re.M)
    return sorted(found)


@lru_cache
def inlines():
    return sorted(set(re.findall(r"static inline int (ERR_\w+)\(", _preprocess())))
