"""Disks that are full, read-only or failing, and are mended: intake goes on by itself or after a restart."""

import os
import subprocess
import time

from . import writes
from .judge import CRASHED, UNTRIED, Finding, Judge
from .kill import furnish
from .tools import Unusable, say, wait_until
from .tracer import Tracer

# How long the docks write into a fault, and how much longer where it has not come to pass by then; how long intake may
# take to go on once it is mended: it looks at a paused disk every few seconds.
FAULT_S = 2.5
SHORT_FAULT_S = 1.5
COMES_TO_PASS_S = 20
GOES_ON_S = 75

# How long a disk may take to be let go of, once its daemon has ended.
LET_GO_S = 10

# A mark: only the files of ledger and catalog, whose paths are known before.
BOOKS = "books "

# What strace lets fail; each fails the call, so that nothing of it is done.
SYNCS = {
    "fsync fails": "inject=fsync,fdatasync:error=EIO",
    "fsync fails at times": "inject=fsync,fdatasync:error=EIO:when=3+3",
}
RENAMES = {
    "rename fails": "inject=rename,renameat,renameat2:error=EIO",
    "rename fails at times": "inject=rename,renameat,renameat2:error=EIO:when=2+3",
}
OTHERS = {
    "the ledger's and the catalog's writes fail": f"{BOOKS}inject=write,pwrite64,writev:error=EIO",
    "the ledger's and the catalog's writes fail at times": f"{BOOKS}inject=write,pwrite64,writev:error=EIO:when=3+4",
    "the database fails": "inject=pwrite64:error=EIO",
    "the database fails at times": "inject=pwrite64:error=ENOSPC:when=2+2",
    "files cannot be made at times": "inject=mkdir,mkdirat,ftruncate,fallocate:error=ENOSPC:when=2+2",
}

# Writes to everything else, of which so many of each kind come to one that fails. A sealed file takes some of them, so
# that with fewer none would ever be finished, and nothing that follows it be written.
WRITES = {
    "writes of sealed files fail": {"sealed files": 1},
    "writes of key files fail": {"key files": 1},
    "writes of receipts fail": {"receipts": 1},
    "all their writes fail at times": {"sealed files": 7, "key files": 3, "receipts": 3},
}


def fail(tools, part, rounds, is_short):
    """Each fault, so many rounds; every round has archives of its own. Of the failing calls one half meets an archive
    with one place and the other half one with two, and in the next round the other way round. In short, one failing call
    of each kind, and with one place."""
    may_mount, may_trace, library = tools.may_mount(), tools.may_trace(), writes.library(tools)
    if not may_mount:
        part.skip("no full and no read-only disks: this needs root and an ext4 on a loop device")
    if not may_trace:
        part.skip("no failing calls: strace is not here, or may not trace")
    if library is None:
        part.skip("no failing writes of sealed, key and receipt files: there is no cc")
    for number in range(1, rounds + 1):
        if may_mount:
            _on_disks(tools, part, number)
        calls = sorted(_calls(tools.rng("disk", number), may_trace, library, is_short).items())
        # The same order for two rounds, so that the halves change places.
        tools.rng("disk", "halves", (number - 1) // 2).shuffle(calls)
        halves = [calls] if is_short else [calls[number % 2 :: 2], calls[1 - number % 2 :: 2]]
        for places, half in enumerate(halves, 1):
            if half and not part.found():
                _failing_calls(tools, part, f"calls-{places}-{number}", (places, dict(half), library))
        if part.found():
            return


def _calls(rng, may_trace, library, is_short):
    groups = [SYNCS, RENAMES, OTHERS] if may_trace else []
    if is_short:
        # Those that come to pass in a short time, and leave something to do meanwhile.
        groups = [dict([rng.choice(sorted(group.items()))]) for group in groups[:2]]
    groups += [dict(list(WRITES.items())[-1:]) if is_short else WRITES] if library else []
    return {why: call for group in groups for why, call in group.items()}


def _on_disks(tools, part, number):
    _on_disk(tools, part, f"tmpfs-{number}", _Full, lambda at: tools.mount(at, "-t", "tmpfs", "-o", "size=48M", "tmpfs"))
    _on_disk(tools, part, f"ext4-{number}", _Full, lambda at: tools.mount_ext4(at, 64))
    _on_disk(tools, part, f"read-only-{number}", _ReadOnly, lambda at: tools.mount_ext4(at, 256))
    _on_disk(tools, part, f"broken-{number}", _Broken, lambda at: tools.mount_ext4(at, 256))


def _on_disk(tools, part, name, fault, mount):
    """A home on a small disk of its own, with its docks beside it."""
    at = tools.work / f"{name}-disk"
    mount(at)
    house, docks = furnish(tools, name, at=at / "h", outside=tools.work / f"{name}-docks", erases=0.3)
    # What was not forced to the disk may be gone after it broke: the settings are ours.
    os.sync()
    held = fault(tools, at)
    held.house = house
    _through_faults(part, (house, docks), {name: held}, SHORT_FAULT_S)
    held.end()
    tools.unmount(at, LET_GO_S)


def _failing_calls(tools, part, name, how):
    places, calls, library = how
    house, docks = furnish(tools, name, places)
    shared = writes.Writes(house, library) if library else None
    faults = {why: _Calls(house, call) if isinstance(call, str) else _Writes(shared, call) for why, call in calls.items()}
    _through_faults(part, (house, docks), faults, FAULT_S if len(faults) > 3 else SHORT_FAULT_S)


def _through_faults(part, furnished, faults, span_s):
    house, docks = furnished
    if not house.start_and_wait():
        part.findings += Judge(house, docks).died()
        return
    ends = {BY_ITSELF: 0, RESTARTED: 0}
    for why, fault in faults.items():
        part.trials += 1
        part.faults += _suffer(part, (house, docks), (why, fault), span_s)
        end = _go_on(part, house, docks, why)
        if end is None:
            break
        ends[end] += 1
    findings = Judge(house, docks).judge()
    part.judged(docks, findings)
    say(part.name, f"{house.name}: {len(faults)} faults, went on "
                   f"{ends[BY_ITSELF]} times by itself, {ends[RESTARTED]} after a restart; {len(findings)} findings")


def _suffer(part, furnished, named, span_s):
    """The docks write into the fault; answers how often it came to pass."""
    (house, docks), (why, fault) = furnished, named
    for dock in docks:
        dock.begin((0.05, 0.3))
    time.sleep(1)
    fault.begin()
    time.sleep(span_s)
    wait_until(lambda: fault.came_to_pass() or not house.is_up(), COMES_TO_PASS_S, 0.1)
    times = fault.came_to_pass()
    fault.mend()
    for dock in docks:
        dock.end()
    if not times:
        part.findings.append(Finding(UNTRIED, f"{house.name}: {why}: nothing of that came to pass"))
    return times


BY_ITSELF, RESTARTED = "by itself", "restarted"


def _go_on(part, house, docks, why):
    """How intake went on; `None` where it does not."""
    if house.is_up() and wait_until(lambda: _all_answered(docks), GOES_ON_S, 0.1):
        return BY_ITSELF
    # A daemon that a fault ended is started again by its supervisor; one that hangs, by a person.
    if house.is_up():
        part.findings.append(Finding("stuck", f"{why}: intake did not go on by itself within {GOES_ON_S} s"))
        house.stop()
    elif house.daemon and house.daemon.poll() < 0:
        part.findings.append(Finding(CRASHED, f"{why}: the daemon died of signal {-house.daemon.poll()}"))
    if not house.start_and_wait() or not wait_until(lambda: _all_answered(docks), GOES_ON_S, 0.1):
        part.findings.append(Finding("stuck", f"{why}: intake did not go on after a restart: {house.last_words()}"))
        return None
    return RESTARTED


def _all_answered(docks):
    for dock in docks:
        dock.read_answers()
    return not any(dock.unanswered() for dock in docks)


class _Disk:
    """A fault that comes to pass when it begins, or raises."""

    def came_to_pass(self):
        return 1

    def end(self):
        pass


class _Full(_Disk):
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


class _ReadOnly(_Disk):
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


class _Broken(_Disk):
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


class _Calls:
    """Calls of the running daemon fail."""

    def __init__(self, house, inject):
        self.house, self.inject, self.tracer = house, inject, None

    def begin(self):
        only = []
        if self.inject.startswith(BOOKS):
            home = self.house.home
            only = [*sorted((home / "ledger").glob("*.jsonl")), *(home / "catalog").glob("catalog.db*")]
        self.tracer = Tracer(self.house, self.inject.removeprefix(BOOKS), *only)
        self.tracer.attach()

    def came_to_pass(self):
        return self.tracer.injected()

    def mend(self):
        self.tracer.detach()


class _Writes:
    """Writes of some kinds of file fail."""

    def __init__(self, shared, every):
        self.shared, self.every = shared, every

    def begin(self):
        self.shared.fail(self.every)

    def came_to_pass(self):
        """Nothing, until each of the kinds had its turn."""
        failed = self.shared.failed()
        return sum(failed.values()) if all(failed[kind] for kind in self.every) else 0

    def mend(self):
        self.shared.fail({})
