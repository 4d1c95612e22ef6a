"""inside.py HOST LIBRARY: calls BIO_connect(3)'s routines of LIBRARY alongside HOST, loaded with RTLD_LOCAL.

Run by local.py in a Python of its own; HOST may be "ssl", for the libcrypto of Python's own
module. Prints what the host's queue and allocator saw, as one line of JSON.
"""

import ctypes
import json
import os
import socket
import sys
from ctypes import byref, c_char_p, c_int, c_size_t, c_ulong, c_void_p

MALLOC = ctypes.CFUNCTYPE(c_void_p, c_size_t, c_char_p, c_int)
REALLOC = ctypes.CFUNCTYPE(c_void_p, c_void_p, c_size_t, c_char_p, c_int)
FREE = ctypes.CFUNCTYPE(None, c_void_p, c_char_p, c_int)


def main(host_path, library_path):
    host = ctypes.CDLL(host_of_ssl() if host_path == "ssl" else host_path, os.RTLD_LOCAL)
    host.ERR_get_error.restype = c_ulong
    host.ERR_reason_error_string.argtypes = [c_ulong]
    host.ERR_reason_error_string.restype = c_char_p
    memory = Memory(host) if host_path != "ssl" else None
    library = ctypes.CDLL(library_path, os.RTLD_LOCAL)
    shown = {"hidden": not hasattr(ctypes.CDLL(None), "ERR_clear_error"),
             "distinct": address(library) != address(host),
             "refused": refused(host, library), "malformed": malformed(host, library)}
    strings(host, library)
    if memory is not None and memory.watched:
        shown["strings from the host"] = memory.counted(lambda: strings(host, library)) >= 2
    print(json.dumps(shown), flush=True)
    # Without the host's exit handlers, which would call functions of a Python that has ended.
    os._exit(0)


def host_of_ssl():
    """The libcrypto that Python's ssl module has brought."""
    import ssl  # noqa: F401  (loading it is what counts)

    with open("/proc/self/maps", encoding="utf-8") as maps:
        return next(line.split()[-1] for line in maps if "/libcrypto" in line)


def address(library):
    try:
        return ctypes.cast(library.BIO_connect, c_void_p).value
    except AttributeError:
        return None  # AWS-LC and BoringSSL have none


def queue(host):
    """The host's entries, oldest first, with the reason texts that it has for them."""
    found = []
    while code := host.ERR_get_error():
        text = host.ERR_reason_error_string(code)
        found.append([f"{code:08X}", text.decode() if text else None])
    return found


def refused(host, library):
    """Connects to a port that nothing listens on."""
    library.BIO_lookup_ex.argtypes = [c_char_p, c_char_p, c_int, c_int, c_int, c_int,
                                      ctypes.POINTER(c_void_p)]
    library.BIO_ADDRINFO_address.argtypes = library.BIO_ADDRINFO_free.argtypes = [c_void_p]
    library.BIO_ADDRINFO_address.restype = c_void_p
    library.BIO_connect.argtypes = [c_int, c_void_p, c_int]
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port = one.getsockname()[1]
    found = c_void_p()
    assert library.BIO_lookup_ex(b"127.0.0.1", str(port).encode(), 0, socket.AF_INET,
                                 socket.SOCK_STREAM, 0, byref(found)) == 1
    sock = library.BIO_socket(int(socket.AF_INET), int(socket.SOCK_STREAM), 0, 0)
    assert library.BIO_connect(sock, library.BIO_ADDRINFO_address(found), 0) == 0
    assert library.BIO_closesocket(sock) == 1
    library.BIO_ADDRINFO_free(found)
    return queue(host)


def malformed(host, library):
    first, second = c_void_p(), c_void_p()
    assert library.BIO_parse_hostserv(b"a:b:c", byref(first), byref(second), 0) == 0
    return queue(host)


def strings(host, library):
    """Strings that the library makes and the host frees."""
    first, second = c_void_p(), c_void_p()
    assert library.BIO_parse_hostserv(b"localhost:https", byref(first), byref(second), 0) == 1
    assert ctypes.string_at(first) == b"localhost" and ctypes.string_at(second) == b"https"
    for text in (first, second):
        free(host, text)


def free(host, pointer):
    if hasattr(host, "CRYPTO_free"):
        host.CRYPTO_free(pointer, b"inside.py", 0)
    else:
        host.OPENSSL_free(pointer)


class Memory:
    """Stands in for the host's allocator and counts, where the host lets it."""

    def __init__(self, host):
        libc = ctypes.CDLL(None)
        libc.malloc.restype = libc.realloc.restype = c_void_p
        self.count = 0
        self.functions = (MALLOC(lambda size, *_: self.took(libc.malloc(c_size_t(size)))),
                          REALLOC(lambda p, size, *_: libc.realloc(c_void_p(p), c_size_t(size))),
                          FREE(lambda p, *_: libc.free(c_void_p(p))))
        take = getattr(host, "CRYPTO_set_mem_functions", None)
        self.watched = take is not None and hasattr(host, "CRYPTO_free") and take(*self.functions) == 1

    def took(self, pointer):
        self.count += 1
        return pointer

    def counted(self, body):
        before = self.count
        body()
        return self.count - before


if __name__ == "__main__":
    main(*sys.argv[1:])
