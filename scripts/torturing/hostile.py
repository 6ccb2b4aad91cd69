"""A hostile dock: a flood of tiny files, names of every kind, rename storms, a writer that never stops, links swapped
in and out. Its neighbours must hardly notice."""

import contextlib
import hashlib
import json
import os
import random
import threading
import time

from .docks import RECEIPTS, Dock, Source, sha256
from .house import House
from .judge import SERVED_WRONG, UNTRIED, Finding, Judge
from .tools import say, wait_until

NEIGHBOURS = ["dock-1", "dock-2", "dock-3"]
HOSTILE = "hostile"
QUIET_S = 0.5

# The neighbours' p95 stays within twice its quiet value or this, the larger.
GRACE_S = 2.0

# How long the flood may take to be written beside everything else.
FLOOD_S = 120

# A neighbour writes one file in so many seconds.
PAUSE_S = (0.1, 0.3)

# Never to be taken: what links point at, outside of the inbox.
SECRET = b"this lies outside of every inbox\n"


def swamp(tools, part, tiny_files, spans):
    """First the neighbours alone, then with the hostile dock; then the judge."""
    quiet_s, hostile_s = spans
    house = House(tools, "hostile")
    house.make({dock: house.at / "docks" / dock for dock in [*NEIGHBOURS, HOSTILE]}, quiet=f"{QUIET_S * 1000:.0f}ms")
    docks = [Dock(dock, house.inboxes[dock], tools.rng("hostile", dock), house.public / "node.pub.pem", erases=0)
             for dock in NEIGHBOURS]
    if not house.start_and_wait():
        part.findings += Judge(house, docks).died()
        return
    quiet = _measure(docks, quiet_s)
    enemy = Enemy(house.inboxes[HOSTILE], tools.work / "outside", tools.rng("hostile", "enemy"))
    enemy.begin(tiny_files)
    hostile = _measure(docks, hostile_s, until=enemy.flooded)
    enemy.end()
    part.trials += enemy.tiny
    part.faults += enemy.acts
    part.findings += [Finding(UNTRIED, why) for why in enemy.left_undone(tiny_files)]
    _compare(part, quiet, hostile)
    if not house.is_up():
        part.findings += Judge(house, docks).died()
    own = enemy.as_dock()
    _nothing_foreign(part, own, enemy)
    findings = Judge(house, [*docks, own]).judge(may_stay={HOSTILE}, retrieve_most=300)
    part.judged([*docks, own], findings)
    part.outcome = f"neighbours' p95 {_p95(quiet) * 1000:.0f} ms quiet, {_p95(hostile) * 1000:.0f} ms beside it"
    say(part.name, f"{part.outcome}; {len(own.answers)} of {enemy.tiny} tiny files and other things taken so far, "
                   f"{enemy.acts} hostile acts, {len(findings)} findings")


def _measure(docks, span_s, until=None):
    """From settled to receipt, in seconds, for each file that the docks write in this time."""
    before = {dock: len(dock.sources) for dock in docks}
    for dock in docks:
        dock.plain(PAUSE_S)
    time.sleep(span_s)
    if until is not None:
        wait_until(until.is_set, FLOOD_S)
    for dock in docks:
        dock.end()
    wait_until(lambda: not any(_unanswered(dock) for dock in docks), 60, 0.1)
    return [wait for dock in docks for wait in _waits(dock, before[dock])]


def _unanswered(dock):
    dock.read_answers()
    return dock.unanswered()


def _waits(dock, first):
    """By the kernel's clock: a source settles when it has rested for its quiet time, a receipt is there when its
    file is."""
    receipts = {}
    for deposit, (text, _) in dock.answers.items():
        shown = json.loads(text)["path"]
        if isinstance(shown, str):
            receipts[shown] = (dock.folder / RECEIPTS / f"{deposit}.json").stat().st_mtime
    for source in dock.sources[first:]:
        shown = os.fsdecode(source.path)
        settled = (dock.folder / shown).stat().st_mtime + QUIET_S
        # A file without a receipt waited for as long as anybody looked.
        yield max(0.0, receipts.get(shown, time.time()) - settled)


def _p95(waits):
    return sorted(waits)[int(0.95 * (len(waits) - 1))] if waits else float("inf")


def _compare(part, quiet, hostile):
    allowed = max(2 * _p95(quiet), GRACE_S)
    if len(quiet) < 20 or len(hostile) < 20:
        part.findings.append(Finding(UNTRIED, f"only {len(quiet)} and {len(hostile)} files were measured"))
    if _p95(hostile) > allowed:
        part.findings.append(Finding(
            "slow", f"the neighbours' p95 rose from {_p95(quiet):.2f} s to {_p95(hostile):.2f} s; {allowed:.2f} s is allowed"))


def _nothing_foreign(part, own, enemy):
    """What was taken from the hostile dock are bytes that it had; what links point at is none of them."""
    known = {source.sha256 for source in own.sources}
    for deposit, (text, _) in own.answers.items():
        receipt = json.loads(text)
        if receipt["sha256"] == sha256(SECRET):
            part.findings.append(Finding(SERVED_WRONG, f"receipt {deposit}: a link was followed out of the inbox"))
        elif receipt["sha256"] not in known and not enemy.has_written(receipt["size"], receipt["sha256"]):
            part.findings.append(Finding(SERVED_WRONG, f"receipt {deposit}: nobody wrote such bytes: {receipt['path']}"))


def names_of_every_kind():
    """Names as bytes; each is one that a file system takes."""
    yield from (b"-rf", b"--help", b"-", b"...", b"..mp4", b"a..b", b".. ", b"~", b"*?[x]", b"$(reboot)", b"`id`", b";|&<>")
    yield from (b"new\nline", b"\ttab\r", b"quote\"'`", b"back\\slash", b"\x01\x02\x1b[31mred", b"\x7f", b" ", b"trailing ")
    yield from (b"\xff\xfe", b"\xc3\x28.mp4", b"caf\xe9.jpg", "cafe\u0301".encode(), "caf\u00e9".encode())
    yield from ("\u202egpj.exe".encode(), "\u200f\u200e".encode(), "\ufeffbom".encode(), "\u2028line".encode())
    yield from ("\u73b0\u573a 0915.mp4".encode(), "\U0001f600".encode(), b"%2e%2e%2f", b"NUL", b"con.txt", b"x" * 255)
    yield from ("\u6f22".encode() * 85, b"y" * 251 + b".mp4", b"z" * 250 + b".json", b"{\"base64\":\"AA==\"}", b"null")
    yield from (b"DROP TABLE items;--", b"' OR 1=1", b"a.mp4.md5", b"b.sha256", b".sealdock-releasd", b".receipts2")


class Enemy:
    """Does all of it at once, in threads of its own."""

    def __init__(self, inbox, outside, rng):
        self.inbox = inbox
        self.outside = outside
        self.rng = rng
        self.acts = 0
        self.tiny = 0
        self.flooded = threading.Event()
        self.sources = []
        self._over = threading.Event()
        self._threads = []
        self._failed = []
        # What never stops is written from here; any beginning of it may have been sealed.
        self._stream = random.Random(rng.random()).randbytes(4 << 20)
        outside.mkdir()
        (outside / "secret.mp4").write_bytes(SECRET)

    def begin(self, tiny_files):
        self._name_everything()
        works = [lambda: self._flood(tiny_files), self._rename, self._write_on, self._swap_links, self._swap_folder]
        for work in works:
            self._threads.append(threading.Thread(target=self._do, args=(work,), daemon=True))
            self._threads[-1].start()

    def _do(self, work):
        try:
            work()
        except OSError as error:
            self._failed.append(f"a hostile act failed, and all that should follow it: {error}")

    def end(self):
        self._over.set()
        for thread in self._threads:
            thread.join()

    def left_undone(self, tiny_files):
        """What it was told to do and did not, in words."""
        few = [f"only {self.tiny} of {tiny_files} tiny files were written"] if self.tiny < tiny_files else []
        return few + self._failed

    def as_dock(self):
        """What it left behind, as a dock that can be judged."""
        dock = Dock(HOSTILE, self.inbox, self.rng, erases=0)
        dock.sources = self.sources
        dock.read_answers()
        return dock

    def has_written(self, size, digest):
        """Whether some file of this size that was never finished had this fingerprint."""
        return hashlib.sha256(self._stream[:size]).hexdigest() == digest

    def _put(self, path, content):
        full = os.fsencode(self.inbox) + b"/" + path
        with contextlib.suppress(FileExistsError):
            os.makedirs(os.path.dirname(full))
        with open(full, "wb") as file:
            file.write(content)
        self.sources.append(Source(HOSTILE, path, content, len(content), sha256(content)))
        self.sources[-1].content = lambda: content

    def _name_everything(self):
        for number, name in enumerate(names_of_every_kind()):
            self._put(b"names/" + name, b"name %d" % number)
            self.acts += 1
        deep = b"/".join([b"d" * 200] * 12)
        self._put(deep + b"/deep.mp4", b"deep")

    def _flood(self, count):
        for number in range(count):
            if self._over.is_set():
                break
            self._put(b"tiny/%d/%d.txt" % (number // 1000, number), b"%d" % number)
            self.tiny += 1
            self.acts += 1
        self.flooded.set()

    def _rename(self):
        """Twenty files that never keep a name for long; their bytes stay."""
        paths = []
        for number in range(20):
            self._put(b"storm/%d-0.mp4" % number, b"storm %d" % number)
            paths.append(self.sources[-1])
        turn = 0
        while not self._over.wait(0.002):
            turn += 1
            source = paths[turn % len(paths)]
            to = b"storm/%d-%d.mp4" % (turn % len(paths), turn)
            base = os.fsencode(self.inbox) + b"/"
            os.rename(base + source.path, base + to)
            source.path = to
            self.acts += 1

    def _write_on(self):
        """A writer that never stops, one that starts anew all the time, and one that cuts what it wrote."""
        at = 0
        with open(self.inbox / "never.mp4", "wb", buffering=0) as never:
            while not self._over.wait(0.01):
                piece = self._stream[at : at + 1024]
                if not piece:
                    at = 0
                    never.seek(0)
                    never.truncate(0)
                    continue
                never.write(piece)
                at += len(piece)
                with open(self.inbox / "anew.mp4", "wb", buffering=0) as anew:
                    anew.write(self._stream[: self.rng.randrange(1, 9000)])
                self.acts += 1

    def _swap_links(self):
        """A name that is by turns a file, a link out, a link to a link, a hard link, a pipe and nothing."""
        at, other = self.inbox / "swap.mp4", self.inbox / "swap-other.mp4"
        own = b"swapped, and its own"
        makes = [
            lambda: at.write_bytes(own),
            lambda: at.symlink_to(self.outside / "secret.mp4"),
            lambda: at.symlink_to(other),
            lambda: os.link(other, at),
            lambda: os.mkfifo(at),
            lambda: None,
        ]
        other.write_bytes(own)
        self.sources.append(Source(HOSTILE, b"swap-other.mp4", own, len(own), sha256(own)))
        self.sources[-1].content = lambda: own
        turn = 0
        while not self._over.wait(0.003):
            with contextlib.suppress(FileNotFoundError):
                at.unlink()
            makes[turn % len(makes)]()
            turn += 1
            self.acts += 1
        with contextlib.suppress(FileNotFoundError):
            at.unlink()

    def _swap_folder(self):
        """A folder that is by turns itself and a link to a folder outside, with a file of the same name in both."""
        at, aside = self.inbox / "folder", self.inbox / "folder-aside"
        at.mkdir()
        own = b"in the inbox"
        (at / "secret.mp4").write_bytes(own)
        while not self._over.wait(0.003):
            at.rename(aside)
            at.symlink_to(self.outside)
            time.sleep(0.003)
            at.unlink()
            aside.rename(at)
            self.acts += 1
        self.sources.append(Source(HOSTILE, b"folder/secret.mp4", own, len(own), sha256(own)))
        self.sources[-1].content = lambda: own
