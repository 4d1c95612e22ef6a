"""The Rust definitions of the C functions have the types that the headers declare."""

import re
from functools import lru_cache

from common import CC, INCLUDE, ROOT, WARNINGS, Failed, must

from . import decls

PLACES = ["crates/biosock-capi/src", "crates/libbiosock/src"]
FUNCTION = re.compile(r"\bfn\s+((?:BIO|ERR|CRYPTO|biosock)_\w+)\s*(?:<[^>(]*>)?\s*\(([^{};]*?)\)\s*"
                      r"(?:->\s*([^{;]+?))?\s*(?:where[^{;]*)?[{;]", re.S)
PLAIN = {
    "c_int": "int", "i32": "int", "c_long": "long", "c_ulong": "unsigned long",
    "c_ushort": "unsigned short", "u16": "unsigned short", "c_uchar": "unsigned char",
    "u8": "unsigned char", "c_char": "char", "c_void": "void", "usize": "size_t",
    "size_t": "size_t", "time_t": "time_t", "BIO_ADDR": "BIO_ADDR", "BioAddr": "BIO_ADDR",
    "BIO_ADDRINFO": "BIO_ADDRINFO", "BioAddrInfo": "BIO_ADDRINFO", "addrinfo": "BIO_ADDRINFO",
    "hostent": "struct hostent", "FILE": "FILE", "File": "FILE",
    "c_longlong": "long long", "BIO_sock_info_u": "union BIO_sock_info_u", "SockInfo": "union BIO_sock_info_u",
}
# In Rust an enum of C is an integer, since C may pass any number.
ENUMS = {("BIO_lookup", 2): "enum BIO_lookup_type",
         ("BIO_parse_hostserv", 3): "enum BIO_hostserv_priorities",
         ("BIO_sock_info", 1): "enum BIO_sock_info_type"}
STRUCTURE = re.compile(r"\bpub struct (biosock_\w+) \{((?:\s*pub \w+: [^,]+,)+)\s*\}")
INTEGERS = {"c_int", "c_uint", "i32", "u32"}
ALIAS = re.compile(r"\btype\s+(\w+)\s*=\s*([^;]+);")
POINTER_TO_FUNCTION = re.compile(r"(?:unsafe )?extern \"C\" fn\((.*)\)(?: -> (.+))?")


def run_checks(report, target):
    if target.mode != "alone":
        return
    with report.check("rust: every C function is defined with the header's types"):
        _compare(target, _definitions())
    with report.check("rust: every structure has the header's fields, in the same places"):
        _compare_structures(target)


@lru_cache
def _sources():
    files = [file for place in PLACES for file in sorted((ROOT / place).rglob("*.rs"))]
    return "\n".join(re.sub(r"//.*", "", file.read_text()) for file in files)


def _definitions():
    """(name, parameters, result) of each definition."""
    return [(m.group(1), m.group(2), m.group(3) or "()") for m in FUNCTION.finditer(_sources())]


def _compare(target, definitions):
    missing = sorted(set(decls.every()) - {name for name, _, _ in definitions})
    if missing:
        raise Failed("not defined in Rust: " + ", ".join(missing))
    declared = [d for d in definitions if d[0] in decls.every()]
    pairs = [(decls.every()[d[0]], _prototype(*d)) for d in declared]
    lines = [_renamed(text) for pair in pairs for text in pair]
    source = target.scratch / "rust.c"
    source.write_text("#define OPENSSL_SUPPRESS_DEPRECATED\n" + decls.includes() + decls.OWN
                      + "".join(f"{line};\n" for line in lines))
    must([CC, "-std=c17", *WARNINGS, "-DBIOSOCK_ALONE", f"-I{INCLUDE}", "-fsyntax-only", source])


def _compare_structures(target):
    lines = []
    for name, body in STRUCTURE.findall(_sources()):
        fields = re.findall(r"pub (\w+): ([^,]+),", body)
        declared = "".join(f" {_c_type(name, None, rust)} {field};" for field, rust in fields)
        lines.append(f"struct same_{name} {{{declared} }};")
        lines.append(_equal(f"sizeof(struct same_{name})", f"sizeof({name})"))
        lines += [_equal(f"offsetof(struct same_{name}, {field})", f"offsetof({name}, {field})")
                  for field, _ in fields]
    if len(lines) < 10:
        raise Failed("no structures were found")
    source = target.scratch / "structures.c"
    source.write_text(decls.OWN + "\n".join(lines) + "\n")
    must([CC, "-std=c17", *WARNINGS, "-DBIOSOCK_ALONE", f"-I{INCLUDE}", "-fsyntax-only", source])


def _equal(ours, theirs):
    return f'_Static_assert({ours} == {theirs}, "{theirs}");'


def _renamed(prototype):
    """Under another name, so that only the two that are compared meet. Without
    const, which Rust adds where a function only reads, and no ABI knows."""
    bare = re.sub(r"\bconst\b", "", prototype)
    return re.sub(r"\b((?:BIO|ERR|CRYPTO|biosock)_\w+)\s*\(", r"same_\1(", bare, count=1)


def _prototype(name, parameters, result):
    types = [part.split(":", 1)[1] for part in _split(parameters)]
    c_types = [_c_type(name, index, rust) for index, rust in enumerate(types)]
    return f"{_c_type(name, None, result)} {name}({', '.join(c_types) or 'void'})"


def _split(parameters):
    """The parameters, cut at the commas that stand in no bracket."""
    depth, parts, part = 0, [], ""
    for char in parameters.replace("->", "@"):
        depth += (char in "(<[") - (char in ")>]")
        if char == "," and depth == 0:
            parts.append(part)
            part = ""
        else:
            part += char
    return [p.replace("@", "->") for p in [*parts, part] if p.strip()]


def _c_type(name, index, rust):
    rust = _resolved(" ".join(rust.split()))
    if (name, index) in ENUMS and rust in INTEGERS:
        return ENUMS[name, index]
    if rust == "()":
        return "void"
    function = POINTER_TO_FUNCTION.fullmatch(rust)
    if function:
        return _c_function_pointer(name, *function.groups())
    pointer = re.fullmatch(r"\*(const|mut) (.+)", rust)
    if pointer:
        inner = _c_type(name, None, pointer.group(2))
        return f"{inner}{' const' if pointer.group(1) == 'const' else ''} *"
    plain = rust.split("::")[-1]
    if plain.startswith("biosock_"):
        return plain
    if plain not in PLAIN:
        raise Failed(f"{name}: no C type is known for the Rust type {rust}")
    return PLAIN[plain]


def _resolved(rust):
    """Without aliases of the crate's own, and without Option, which is NULL's home."""
    rust = re.sub(r"^(?:\w+::)*Option<(.+)>$", r"\1", rust)
    aliases = dict(ALIAS.findall(_sources()))
    return " ".join(aliases.get(rust, rust).split())


def _c_function_pointer(name, parameters, result):
    types = [re.sub(r"^\s*\w+\s*:(?!:)", "", part) for part in _split(parameters)]
    inner = ", ".join(_c_type(name, None, one) for one in types)
    return f"{_c_type(name, None, result or '()')} (*)({inner or 'void'})"
