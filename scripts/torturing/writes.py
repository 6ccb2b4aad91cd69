"""write(2) to files of one kind fails. Their names are not known before they are made, and the same call wakes threads
through an eventfd, which is no disk and never fails: so strace cannot choose, and a library before libc does."""

import mmap
import shutil
import struct

# The kinds, by what their paths hold. Receipts are written into inboxes.
KINDS = {"sealed files": ".seal", "key files": ".keys", "receipts": "/.receipts/"}

# Shared with the library, three numbers a kind: fail every so many (0: none), seen since, failed since.
NUMBERS = 3 * len(KINDS)

LIBRARY = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static const char *const parts[] = { PARTS };
enum { KINDS = sizeof parts / sizeof *parts };
static struct { unsigned every, seen, failed; } *kinds;

__attribute__((constructor)) static void begin(void) {
    const char *path = getenv("TORTURE_WRITES");
    int file = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
    if (file < 0) return;
    void *at = mmap(0, KINDS * sizeof *kinds, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    close(file);
    if (at != MAP_FAILED) kinds = at;
}

static int fails(int file) {
    char link[32], path[4096];
    snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length < 0) return 0;
    path[length] = 0;
    for (int kind = 0; kind < KINDS; kind++) {
        unsigned every = kinds[kind].every;
        if (!every || !strstr(path, parts[kind])) continue;
        if (__atomic_add_fetch(&kinds[kind].seen, 1, __ATOMIC_RELAXED) % every) return 0;
        __atomic_add_fetch(&kinds[kind].failed, 1, __ATOMIC_RELAXED);
        return 1;
    }
    return 0;
}

ssize_t write(int file, const void *bytes, size_t count) {
    static ssize_t (*real)(int, const void *, size_t);
    if (!real) real = (ssize_t (*)(int, const void *, size_t))dlsym(RTLD_NEXT, "write");
    int before = errno;
    if (kinds && fails(file)) {
        errno = EIO;
        return -1;
    }
    errno = before;
    return real(file, bytes, count);
}
"""


class Writes:
    """The library in one house, and how often which writes fail."""

    def __init__(self, house, library):
        self.control = house.tools.work / f"{house.name}.writes"
        self.control.write_bytes(bytes(4 * NUMBERS))
        house.env = {"LD_PRELOAD": str(library), "TORTURE_WRITES": str(self.control)}
        with open(self.control, "r+b") as file:
            self.shared = mmap.mmap(file.fileno(), 4 * NUMBERS)

    def fail(self, every):
        """`every` names kinds, and how many writes of each come to one that fails; the others succeed."""
        self.shared[:] = struct.pack(f"{NUMBERS}I", *(number for kind in KINDS for number in (every.get(kind, 0), 0, 0)))

    def failed(self):
        """How many failed, by kind."""
        return dict(zip(KINDS, struct.unpack(f"{NUMBERS}I", self.shared)[2::3]))


def library(tools):
    """The library; `None` where there is no compiler."""
    built = tools.work / "writes.so"
    if not built.exists():
        if not shutil.which("cc"):
            return None
        source = tools.work / "writes.c"
        parts = ", ".join(f'"{part}"' for part in KINDS.values())
        source.write_text(LIBRARY.replace("{ PARTS }", f"{{ {parts} }}"), encoding="ascii")
        tools.call("cc", "-O1", "-shared", "-fPIC", "-o", built, source, "-ldl")
    return built
