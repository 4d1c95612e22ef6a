"""scripts/install, pkg-config, CMake and the static archives."""

import os
import re

from common import CC, CXX, INCLUDE, ROOT, WARNINGS, Failed, environment, must, needs, run

from . import decls
from .pages import MAN

CMAKE_EXAMPLE = ROOT / "packaging/cmake-example"
LOOKUP = ["127.0.0.1", "80"], "127.0.0.1 80\n"
# Programs find the library by this name, which changes with its interface.
SONAME = re.compile(r"SONAME.*\[lib(biosock\w*)\.so\.[\d.]+\]")
EXPORTS = {"alone": ("libbiosock.so", ""), "overlay": ("libbiosock_overlay.so", ("BIO_", "biosock_"))}


def run_checks(report, target):
    if target.mode in EXPORTS:
        with report.check("library: it exports every declared function"):
            _check_exports(target)
    if target.mode == "overlay":
        with report.check("library: programs call it, and not the OpenSSL behind it"):
            _check_bindings(target)
    if target.mode != "alone":
        return
    with report.check("library: the archive serves a static program, from C and from C++"):
        _link_statically(target)
    prefix, staged = target.scratch / "prefix", target.scratch / "staged"
    with report.check("install: to a prefix, with nothing left out"):
        _install(prefix)
        _check_installed(prefix)
    with report.check("install: to DESTDIR, with paths of the final place"):
        _check_staged(prefix, staged)
    with report.check("install: refuses what it cannot do, with a reason"):
        _check_refusals()
    with report.check("install: the command and its completions work"):
        _check_command(prefix)
    with report.check("install: man finds the page of every function"):
        _check_manual(prefix)
    with report.check("pkg-config: a program compiles, links and runs"):
        _check_pkg_config(target, prefix)
    with report.check("pkg-config: with the overlay, before libcrypto"):
        _check_pkg_config_overlay(target, prefix)
    with report.check("pkg-config: its static libraries link"):
        _check_pkg_config_static(target, prefix)
    with report.check("cmake: the example builds and runs"):
        _check_cmake(target, prefix)


def _check_exports(target):
    library, family = EXPORTS[target.mode]
    listing = must(["nm", "-D", "--defined-only", target.libraries / library]).out
    exported = {line.split()[-1] for line in listing.splitlines()}
    lost = sorted(n for n in decls.every() if n.startswith(family) and n not in exported)
    if lost:
        raise Failed("not exported: " + ", ".join(lost))


def _check_bindings(target):
    """As the loader reports, lest the original be compared with itself."""
    program = target.compile(CMAKE_EXAMPLE / "lookup.c", target.scratch / "bound")
    bindings = must([program, *LOOKUP[0]], env=environment(LD_BIND_NOW=1, LD_DEBUG="bindings")).text
    for name in ("BIO_lookup_ex", "BIO_ADDRINFO_address", "BIO_ADDR_hostname_string"):
        found = re.search(rf"{re.escape(str(program))} \[0\] to (\S+) .*`{name}'", bindings)
        if not found or "libbiosock_overlay" not in found.group(1):
            raise Failed(f"{name} is bound to {found and found.group(1)}")


def _link_statically(target):
    """From C++ too: the headers must give the functions C names there."""
    archive = target.libraries / "libbiosock.a"
    source = CMAKE_EXAMPLE / "lookup.c"
    program = target.scratch / "static"
    options = ["-DBIOSOCK_ALONE", f"-I{INCLUDE}", "-o", program]
    needed = ["-lgcc_s", "-lpthread", "-ldl", "-lm"]
    must([CC, *options, source, archive, *needed])
    _expect(program, *LOOKUP)
    from_cpp = target.scratch / "lookup.cpp"
    from_cpp.write_text(source.read_text())
    must([CXX, "-std=c++17", *WARNINGS, *options, from_cpp, archive,
          *needed])
    _expect(program, *LOOKUP)


def _expect(program, arguments, answer, **options):
    shown = must([program, *arguments], timeout=30, **options).out
    if shown != answer:
        raise Failed(f"{program} printed {shown!r}, not {answer!r}")


def _install(prefix, **environment):
    must([ROOT / "scripts/install", prefix], timeout=1800, env={**os.environ, **environment})


def _files(directory):
    return {str(path.relative_to(directory)) for path in directory.rglob("*") if not path.is_dir()}


def _check_installed(prefix):
    found = _files(prefix)
    wanted = {f"include/biosock/openssl/{name}.h" for name in decls.ALL}
    wanted |= {"include/biosock/biosock.h"}
    wanted |= {f"share/man/{page.parent.name}/{page.name}" for page in MAN.glob("man*/*.[0-9]")}
    wanted |= {f"lib/pkgconfig/{name}.pc" for name in ("biosock", "biosock-overlay")}
    wanted |= {f"lib/lib{name}{end}" for name in ("biosock", "biosock_overlay")
               for end in (".a", ".so")}
    wanted |= {"bin/biosock"}
    if lost := sorted(wanted - found):
        raise Failed("not installed: " + ", ".join(lost))
    for name in ("biosock", "biosock_overlay"):
        _check_library(prefix / "lib", name)


def _check_library(directory, name):
    dynamic = must(["readelf", "-d", directory / f"lib{name}.so"]).out
    soname = SONAME.search(dynamic)
    if not soname or soname.group(1) != name:
        raise Failed(f"lib{name}.so has no name with a version:\n{dynamic}")
    versioned = re.search(r"\[(lib\S+)\]", soname.group()).group(1)
    if not (directory / versioned).exists():
        raise Failed(f"{versioned} does not exist, which programs will look for")


def _check_staged(prefix, staged):
    if not prefix.exists():
        raise Failed("there is no installation to compare with")
    _install("/opt/biosock", DESTDIR=str(staged))
    inside = staged / "opt/biosock"
    if _files(inside) != _files(prefix) or _files(staged) != {f"opt/biosock/{f}"
                                                              for f in _files(inside)}:
        raise Failed("DESTDIR got other files than the prefix")
    described = (inside / "lib/pkgconfig/biosock.pc").read_text()
    if "prefix=/opt/biosock\n" not in described or str(staged) in described or "@" in described:
        raise Failed(f"biosock.pc names a wrong place:\n{described}")


def _check_refusals():
    for arguments, word in ((["relative"], "slash"), (["--unknown"], "option"),
                            (["/a", "/b"], "one PREFIX"), (["/with space"], "letters")):
        result = run([ROOT / "scripts/install", *arguments])
        if result.status == 0 or word not in result.text:
            raise Failed(f"{arguments}: status {result.status}, {result.text}")


def _check_command(prefix):
    if "listen" not in must([prefix / "bin/biosock", "--help"]).out:
        raise Failed("the command's help does not name its parts")
    for name in ("bash-completion/completions/biosock", "zsh/site-functions/_biosock",
                 "fish/vendor_completions.d/biosock.fish"):
        if "biosock" not in (prefix / "share" / name).read_text():
            raise Failed(f"{name} completes nothing")


def _check_manual(prefix):
    needs("man")
    for name in sorted(decls.every()):
        shown = run(["man", "-M", prefix / "share/man", "3", name],
                    env={"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"})
        if shown.status != 0 or name not in shown.text:
            raise Failed(f"man 3 {name}: status {shown.status}\n{shown.text[:400]}")


def _environment(prefix):
    return environment(PKG_CONFIG_PATH=prefix / "lib/pkgconfig", LD_LIBRARY_PATH=prefix / "lib")


def _flags(prefix, *arguments):
    needs("pkg-config")
    return must(["pkg-config", *arguments], env=_environment(prefix)).out.split()


def _check_pkg_config(target, prefix):
    flags = _flags(prefix, "--cflags", "--libs", "biosock")
    program = target.scratch / "by-pkg-config"
    must([CC, "-std=c99", *WARNINGS, CMAKE_EXAMPLE / "lookup.c", "-o", program, *flags])
    _expect(program, *LOOKUP, env=_environment(prefix))
    if "libcrypto" in must(["readelf", "-d", program]).out:
        raise Failed("the program wants an OpenSSL")


def _check_pkg_config_overlay(target, prefix):
    flags = _flags(prefix, "--cflags", "--libs", "biosock-overlay")
    crypto = _flags(prefix, "--cflags", "--libs", "libcrypto")
    program = target.scratch / "over-openssl"
    must([CC, "-std=c99", *WARNINGS, CMAKE_EXAMPLE / "lookup.c", "-o", program, *flags, *crypto])
    _expect(program, *LOOKUP, env=_environment(prefix))
    needed = re.findall(r"NEEDED.*\[lib([a-z_]+)", must(["readelf", "-d", program]).out)
    if needed[:2] != ["biosock_overlay", "crypto"]:
        raise Failed(f"the libraries are searched in a wrong order: {needed}")


def _check_pkg_config_static(target, prefix):
    flags = _flags(prefix, "--cflags", "--libs", "--static", "biosock")
    archive = [str(prefix / "lib/libbiosock.a") if flag == "-lbiosock" else flag for flag in flags]
    program = target.scratch / "by-pkg-config-static"
    must([CC, "-std=c99", *WARNINGS, CMAKE_EXAMPLE / "lookup.c", "-o", program, *archive])
    _expect(program, *LOOKUP)


def _check_cmake(target, prefix):
    needs("cmake")
    build = target.scratch / "cmake-build"
    env = _environment(prefix)
    must(["cmake", "-S", CMAKE_EXAMPLE, "-B", build], env=env)
    must(["cmake", "--build", build], env=env)
    _expect(build / "lookup", *LOOKUP, env=env)
