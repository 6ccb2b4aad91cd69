"""Disks that are full, read-only or failing, and are mended: intake goes on by itself or after a restart."""

import os
import signal
import subprocess
import time

from .judge import Finding, Judge
from .kill import furnish
from .tools import Unusable, say, wait_until

# How long the docks write into a fault at most, and how long intake may take to go on once it is mended: it looks at a
# paused disk every few seconds.
FAULT_S = 4
SHORT_FAULT_S = 1.5
GOES_ON_S = 75

# How long a disk may take to be let go of, once its daemon has ended.
LET_GO_S = 10

# A mark: only the files of ledger and catalog.
BOOKS = "books "

# What strace lets fail; each fails the call, so that nothing of it is done. Of write(2) only that to ledger and catalog,
# whose paths are known before: the same call wakes threads through an eventfd, which is no disk and never fails.
ERRORS = {
    "fsync fails": "inject=fsync,fdatasync:error=EIO",
    "fsync fails at times": "inject=fsync,fdatasync:error=EIO:when=3+3",
    "the ledger's and the catalog's writes fail": f"{BOOKS}inject=write,pwrite64,writev:error=EIO",
    "the ledger's and the catalog's writes fail at times": f"{BOOKS}inject=write,pwrite64,writev:error=EIO:when=3+4",
    "the database fails": "inject=pwrite64:error=EIO",
    "the database fails at times": "inject=pwrite64:error=ENOSPC:when=2+2",
    "rename fails at times": "inject=rename,renameat,renameat2:error=EIO:when=2+3",
    "files cannot be made at times": "inject=mkdir,mkdirat,ftruncate,fallocate:error=ENOSPC:when=2+2",
}


def fail(tools, part, rounds, is_short):
    """Each fault, so many rounds; every round has an archive of its own. In short, some of the failing calls, and
    with one place."""
    may_mount, may_trace = tools.may_mount(), tools.may_trace()
    if not may_mount:
        say(part.name, "no full and no read-only disks: this needs root and an ext4 on a loop device")
    if not may_trace:
        say(part.name, "no failing calls: strace is not here, or may not trace")
    for number in range(1, rounds + 1):
        if may_mount:
            _on_disk(tools, part, f"tmpfs-{number}", _Full, lambda at: tools.mount(at, "-t", "tmpfs", "-o", "size=48M", "tmpfs"))
            _on_disk(tools, part, f"ext4-{number}", _Full, lambda at: tools.mount_ext4(at, 64))
            _on_disk(tools, part, f"read-only-{number}", _ReadOnly, lambda at: tools.mount_ext4(at, 256))
            _on_disk(tools, part, f"broken-{number}", _Broken, lambda at: tools.mount_ext4(at, 256))
        if may_trace:
            few = tools.rng("disk", number).sample(sorted(ERRORS), 3)
            _failing_calls(tools, part, f"calls-{number}", (1, few if is_short else ERRORS))
            if not is_short:
                _failing_calls(tools, part, f"calls-in-two-{number}", (2, ERRORS))
        if part.findings:
            return


def _on_disk(tools, part, name, fault, mount):
    """A home on a small disk of its own, with its docks beside it."""
    at = tools.work / f"{name}-disk"
    mount(at)
    house, docks = furnish(tools, name, at=at / "h", outside=tools.work / f"{name}-docks", erases=0.3)
    # What was not forced to the disk may be gone after it broke: the settings are ours.
    os.sync()
    held = fault(tools, at)
    held.house = house
    _through_faults(tools, part, (house, docks), {name: held})
    held.end()
    tools.unmount(at, LET_GO_S)


def _failing_calls(tools, part, name, how):
    places, errors = how
    house, docks = furnish(tools, name, places)
    _through_faults(tools, part, (house, docks), {why: _Calls(house, ERRORS[why]) for why in errors})


def _through_faults(tools, part, furnished, faults):
    house, docks = furnished
    if not house.start_and_wait():
        part.findings += Judge(house, docks).died()
        return
    by_itself = restarted = 0
    span_s = FAULT_S if len(faults) > 3 else SHORT_FAULT_S
    for why, fault in faults.items():
        for dock in docks:
            dock.begin((0.05, 0.3))
        time.sleep(1)
        fault.begin()
        time.sleep(span_s)
        fault.mend()
        for dock in docks:
            dock.end()
        part.trials += 1
        part.faults += 1
        if house.is_up() and wait_until(lambda: _all_answered(docks), GOES_ON_S, 0.1):
            by_itself += 1
            continue
        # A daemon that a fault ended is started again by its supervisor; one that hangs, by a person.
        was_up = house.is_up()
        if was_up:
            part.findings += [Finding("stuck", f"{why}: intake did not go on by itself within {GOES_ON_S} s")]
            house.stop()
        house.start_and_wait()
        restarted += 1
        if not house.is_up() or not wait_until(lambda: _all_answered(docks), GOES_ON_S, 0.1):
            part.findings += [Finding("stuck", f"{why}: intake did not go on after a restart: {house.last_words()}")]
            break
    findings = Judge(house, docks).judge()
    part.judged(None, docks, findings)
    say(part.name, f"{house.name}: {len(faults)} faults, went on "
                   f"{by_itself} times by itself, {restarted} after a restart; {len(findings)} findings")


def _all_answered(docks):
    for dock in docks:
        dock.read_answers()
    return not any(dock.unanswered() for dock in docks)


class _Full:
    """The disk is filled to the last byte in the middle of deposits; then there is room again."""

    def __init__(self, tools, at):
        self.ballast = at / "ballast"

    def begin(self):
        with open(self.ballast, "wb", buffering=0) as file:
            for size in (1 << 20, 4096):
                try:
                    while file.write(bytes(size)) == size:
                        pass
                except OSError:
                    pass

    def mend(self):
        os.unlink(self.ballast)

    def end(self):
        pass


class _ReadOnly:
    """The vault becomes read-only under the daemon, and writable again."""

    def __init__(self, tools, at):
        self.tools, self.at = tools, at / "h" / "home" / "vault"
        # Over itself, so that it alone changes: elsewhere the daemon has files open.
        tools.mount(self.at, "--bind", self.at)

    def begin(self):
        # Busy while a file is open for writing, as in the middle of an attempt; between two there are moments.
        command = ["mount", "-o", "remount,bind,ro", self.at]
        if not wait_until(lambda: subprocess.run(command, capture_output=True, check=False).returncode == 0, 30, 0.005):
            raise Unusable(f"{self.at} cannot be made read-only")

    def mend(self):
        self.tools.call("mount", "-o", "remount,bind,rw", self.at)

    def end(self):
        self.tools.unmount(self.at, LET_GO_S)


class _Broken:
    """The kernel finds an error on the disk and makes it read-only, as ext4 does with `errors=remount-ro`; then it is
    checked and mounted again, for which the daemon must end."""

    def __init__(self, tools, at):
        self.tools, self.at, self.house = tools, at, None
        tools.call("mount", "-o", "remount,errors=remount-ro", at)

    def begin(self):
        device = self.tools.call("findmnt", "-n", "-o", "SOURCE", self.at).strip()
        with open(f"/sys/fs/ext4/{os.path.basename(device)}/trigger_fs_error", "w", encoding="ascii") as trigger:
            trigger.write("1")

    def mend(self):
        image = self.at.with_name(self.at.name + ".image")
        self.house.kill()
        self.tools.unmount(self.at, LET_GO_S)
        self.tools.copy_image(image)
        # 1: errors were corrected.
        checked = subprocess.run(["e2fsck", "-fp", image], capture_output=True, text=True, check=False)
        if checked.returncode > 1:
            raise Unusable(f"e2fsck {image}: {checked.stdout}")
        self.tools.mount(self.at, "-o", "loop", image)

    def end(self):
        pass


class _Calls:
    """Calls of the running daemon fail."""

    def __init__(self, house, inject):
        self.house, self.inject, self.tracer = house, inject, None

    def begin(self):
        inject = self.inject.removeprefix(BOOKS)
        calls = inject.split("=")[1].split(":")[0]
        only = []
        if inject != self.inject:
            home = self.house.home
            books = [*sorted((home / "ledger").glob("*.jsonl")), *(home / "catalog").glob("catalog.db*")]
            only = [f"--trace-path={path}" for path in books]
        self.tracer = subprocess.Popen(
            ["strace", "-f", "-qq", "-o", "/dev/null", "-e", f"trace={calls}", "-e", inject, *only,
             "-p", str(self.house.daemon.pid)],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        self.house.tools.children.append(self.tracer)
        wait_until(self._is_traced, 20)

    def _is_traced(self):
        try:
            with open(f"/proc/{self.house.daemon.pid}/status", encoding="ascii") as status:
                return f"TracerPid:\t{self.tracer.pid}\n" in status.read()
        except OSError:
            return True

    def mend(self):
        # At this signal it lets its threads go; killed, it might leave one standing.
        self.tracer.send_signal(signal.SIGTERM)
        self.tracer.wait()
        self.house.tools.children.remove(self.tracer)
