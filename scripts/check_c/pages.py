"""The manual pages: complete, well-formed, true to the headers, and their examples run."""

import re
import shutil

from common import CC, INCLUDE, ROOT, Failed, NotApplicable, Skipped, must, needs, run

from . import decls

MAN = ROOT / "man"
SECTIONS = ["NAME", "SYNOPSIS", "DESCRIPTION", "RETURN VALUES", "OWNERSHIP", "EXAMPLES",
            "ERRORS", "SEE ALSO", "HISTORY", "DIFFERENCES"]
FROM_OPENSSL = {"DIFFERENCES"}  # not in a page of biosock's own functions
OVERVIEW = {"libbiosock.3"}  # about all functions, not one group
ESCAPES = {"\\e": "\\", "\\-": "-", "\\(aq": "'", "\\(dq": '"', "\\(ga": "`", "\\(ha": "^",
           "\\(ti": "~", "\\&": ""}
ESCAPE = "|".join(re.escape(key) for key in ESCAPES)
VALGRIND = ["valgrind", "--quiet", "--leak-check=full", "--error-exitcode=99",
            "--errors-for-leak-kinds=definite,indirect,possible"]
# Pages whose example needs an OpenSSL newer than 1.1.1.
NEEDS = {"ERR_get_error": 0x30000000, "BIO_socket_wait": 0x30000000}
# What libraries without the routines lack, too; the overlay has BIO_* only.
LACKING = {"ERR_set_mark"}
# BIO_get_accept_socket of 1.1.1 itself fails for every good name.
BROKEN_BEFORE_3 = {"BIO_gethostbyname"}


def run_checks(report, target):
    pages = [p for p in sorted((MAN / "man3").glob("*.3")) if not _link_target(p)]
    with report.check("pages: every function has one, and every link leads to its page"):
        _check_coverage(pages)
    with report.check("pages: every section is there"):
        _check_sections(pages)
    with report.check("pages: synopses agree with the headers"):
        _check_synopses(pages, target)
    with report.check("pages: mandoc has no warning"):
        _lint_with_mandoc(pages)
    with report.check("pages: man renders them without a warning"):
        _render_with_man(pages)
    with report.check("pages: examples can be copied from the screen"):
        _check_rendered_examples(pages)
    for page in pages:
        _check_example(report, target, page)


def _link_target(page):
    match = re.fullmatch(r"\.so (man3/\S+)\n", page.read_text())
    return match and match.group(1)


def _is_own(page):
    return page.name.startswith("biosock_")


def _names(page):
    return re.findall(r"^\.Nm (\w+)", page.read_text().split(".Sh SYNOPSIS")[0], re.M)


def _check_coverage(pages):
    documented = {name: page for page in pages for name in _names(page)}
    wanted = set(decls.every()) | {m for m in decls.macros() if m.startswith("OPENSSL_")}
    problems = [f"{name} is on no page" for name in sorted(wanted - set(documented))]
    for name, page in documented.items():
        file = MAN / "man3" / f"{name}.3"
        if file != page and not (file.exists() and _link_target(file) == f"man3/{page.name}"):
            problems.append(f"{file.name} is no link to {page.name}")
    for file in (MAN / "man3").glob("*.3"):
        if file not in pages and file.stem not in documented:
            problems.append(f"{file.name} links to a page that does not name it")
    _complain(problems)


def _check_sections(pages):
    problems = []
    for page in pages:
        found = re.findall(r"^\.Sh (.+)$", page.read_text(), re.M)
        wanted = [] if page.name in OVERVIEW else SECTIONS
        if _is_own(page):
            wanted = [section for section in SECTIONS if section not in FROM_OPENSSL]
        problems += [f"{page.name} has no {section}" for section in wanted if section not in found]
    _complain(problems)


def _check_synopses(pages, target):
    """Each synopsis as a second declaration after the headers'."""
    source = target.scratch / "synopses.c"
    inline = set(decls.inlines()) | set(decls.macros())
    found = {}
    for page in pages:
        found.update(_synopsis(page.read_text()))
    missing = sorted(set(decls.every()) - set(found))
    _complain([f"{name} is in no synopsis" for name in missing])
    again = "".join(f"{text};\n" for name, text in found.items() if name not in inline)
    source.write_text("#define OPENSSL_SUPPRESS_DEPRECATED\n" + decls.includes() + decls.OWN + again)
    must([CC, "-std=c17", "-Wall", "-Wextra", "-Werror", "-DBIOSOCK_ALONE",
          f"-I{INCLUDE}", "-fsyntax-only", source])


def _synopsis(text):
    part = text.split(".Sh SYNOPSIS")[1].split("\n.Sh ")[0]
    found, result = {}, ""
    for line in part.splitlines():
        macro, _, rest = line.partition(" ")
        words = [quoted or plain for quoted, plain in re.findall(r'"([^"]*)"|(\S+)', rest)]
        if macro == ".Ft":
            result = " ".join(words)
        elif macro == ".Fn":
            found[words[0]] = f"{result} {words[0]}({', '.join(words[1:])})"
        elif macro == ".Fo":
            name, arguments = words[0], []
        elif macro == ".Fa":
            arguments.append(words[0])
        elif macro == ".Fc":
            found[name] = f"{result} {name}({', '.join(arguments)})"
    return found


def _lint_with_mandoc(pages):
    needs("mandoc")
    result = run(["mandoc", "-T", "lint", "-W", "warning", *pages])
    if result.status != 0 or result.text:
        raise Failed(result.text)


def _render_with_man(pages):
    needs("man")
    problems = [f"{page.name}:\n{text}" for page in pages
                if (text := run(["man", "--warnings=w", "-E", "UTF-8", "-Tutf8", "-Z", "-l", page],
                                cwd=MAN, env=_man_environment()).text) and "warning" in text]
    _complain(problems)


def _check_rendered_examples(pages):
    needs("man")
    for page in pages:
        if raw := re.search("[-'`^~\"]", re.sub(ESCAPE, "", _literal(page))):
            raise Failed(f"{page.name}: {raw.group()} in the example needs an escape: some "
                         "terminals show another character for it")
        shown = must(["man", "-E", "UTF-8", "-l", page], cwd=MAN, env=_man_environment()).out
        lines = {line.strip() for line in re.sub(".\b", "", shown).splitlines()}
        lost = [line for line in _example(page).splitlines() if line.strip() not in lines]
        if lost:
            raise Failed(f"{page.name} shows otherwise:\n" + "\n".join(lost))


def _man_environment():
    return {"PATH": "/usr/local/bin:/usr/bin:/bin", "LC_ALL": "C.UTF-8", "MANWIDTH": "200",
            "MAN_KEEP_FORMATTING": "", "TERM": "dumb"}


def _example(page):
    """The program on the page, with its escapes undone."""
    return re.sub(ESCAPE, lambda m: ESCAPES[m.group()], _literal(page))


def _literal(page):
    part = page.read_text().split("\n.Sh EXAMPLES\n")[1].split("\n.Sh ")[0]
    found = re.findall(r"^\.Bd -literal\n(.*?)^\.Ed$", part, re.M | re.S)
    if len(found) != 1:
        raise Failed(f"{page.name} has {len(found)} programs among its examples, not one")
    return found[0]


def _check_example(report, target, page):
    name = page.stem
    with report.check(f"pages: the example of {page.name} compiles, runs and leaks nothing"):
        _check_applies(target, page)
        source = target.scratch / f"{name}.c"
        source.write_text(_example(page))
        program = target.compile(source, target.scratch / name)
        must([program], timeout=30)
        under_valgrind(program)


def _check_applies(target, page):
    name = page.stem
    if _is_own(page) and target.mode == "openssl":
        raise NotApplicable("these functions are biosock's own")
    if name in NEEDS and not target.has_version(NEEDS[name]):
        raise NotApplicable(f"not before OpenSSL {NEEDS[name] >> 28}")
    if name in LACKING and target.mode == "overlay" and not target.has_routines():
        raise NotApplicable("this library lacks a function of the example")
    if name in BROKEN_BEFORE_3 and target.mode == "openssl" and not target.has_version(0x30000000):
        raise NotApplicable("the original has a defect there")


def under_valgrind(program, *arguments, **options):
    """Once more where valgrind is installed: no error and no leak."""
    if shutil.which("valgrind") is None:
        raise Skipped("it ran well, but without valgrind to look for leaks")
    must([*VALGRIND, program, *arguments], timeout=120, **options)


def _complain(problems):
    if problems:
        raise Failed("\n".join(problems))
