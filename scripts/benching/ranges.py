"""Random ranges out of the middle of a large clip, and beside them a round trip with nothing in it."""

import contextlib
import json
import random
import shutil
import time

from .archive import Archive
from .report import median, millis, percentile
from .sources import make_random_file
from .tools import MIB, Failed, warm

# Not counted: connections and caches are new.
FIRST = 5

LARGE_COUNT = 10

JSON = {"content-type": "application/json"}


def measure(bench):
    folder, size = bench.work / "range", bench.amounts.range_bytes
    (folder / "source").mkdir(parents=True)
    make_random_file(folder / "source" / "clip.mp4", size)
    archive = Archive(bench.binaries, folder / "home")
    archive.deposit(folder / "source", 1)
    small, large = min(MIB, size // 2), min(64 * MIB, size // 2)
    with archive.running(), contextlib.closing(Reading(archive, size)) as reading:
        warm(archive.home / "vault" / "items")
        rows = [reading.read(small, bench.amounts.ranges), reading.read(large, LARGE_COUNT)]
        # As many as of the small ranges, and over the same connection.
        empty = reading.ask_nothing(bench.amounts.ranges)
    shutil.rmtree(folder)
    _tell(bench, rows, empty)


def _tell(bench, rows, empty):
    report, (small, _) = bench.report, rows
    clip = f"{bench.amounts.range_bytes // MIB} MiB"
    report.section(f"Random ranges of a clip of {clip}, over the socket, each with its own entry")
    counts = " and ".join(f"{len(row.whole)} of {row.length // MIB} MiB" for row in rows)
    report.paragraph(
        f"Ranges asked for: {counts}, one after the other over one connection that stays open, of each after {FIRST}"
        f" that do not count. After them {len(empty)} empty round trips (`GET /healthz`) over the same connection: p50"
        f" {millis(empty, 50)}, p99 {millis(empty, 99)}. That much of a figure is HTTP and the socket, with Python's"
        " `http.client` on this side; nothing is subtracted from the table. What the client needs to take the bytes in"
        " comes on top.")
    report.table(["range", "first byte p50", "first byte p99", "whole p50", "whole p99", "throughput"],
                 [row.cells() for row in rows])
    report.target("random 1 MiB range, p99, warm", "under 5 ms", millis(small.whole, 99),
                  percentile(small.whole, 99) < 0.005)


class Row:
    """Ranges of one length: seconds to the first byte and to the last."""

    def __init__(self, length, times):
        self.length = length
        self.first, self.whole = zip(*times)

    def cells(self):
        rate = median([self.length / took for took in self.whole])
        return [f"{self.length // MIB} MiB", millis(self.first, 50), millis(self.first, 99), millis(self.whole, 50),
                millis(self.whole, 99), f"{rate / 1e6:.0f} MB/s"]


class Reading:
    """One connection that stays open, and the one item that is read over it."""

    def __init__(self, archive, size):
        self.item, self.size = archive.find({})[1][0]["item"], size
        self.dice = random.Random(1)
        self.connection = archive.connect()
        self.connection.connect()
        self.socket = self.connection.sock

    def close(self):
        self.connection.close()

    def read(self, length, count):
        return Row(length, [self._read_one(length) for _ in range(FIRST + count)][FIRST:])

    def _read_one(self, length):
        begin = self.dice.randrange(self.size - length)
        body = json.dumps({"purpose": "measuring", "from": begin, "to": begin + length})
        began = time.perf_counter()
        self.connection.request("POST", f"/api/v1/items/{self.item}/reading", body, JSON)
        answer = self.connection.getresponse()
        got = len(answer.read(1))
        first = time.perf_counter() - began
        got += len(answer.read())
        took = time.perf_counter() - began
        if got != length:
            raise Failed(f"a range of {length} bytes came with {got}")
        self._must_be_open()
        return first, took

    def ask_nothing(self, count):
        """The seconds that each of so many empty round trips took."""
        return [self._ask_nothing_once() for _ in range(FIRST + count)][FIRST:]

    def _ask_nothing_once(self):
        began = time.perf_counter()
        self.connection.request("GET", "/healthz")
        answer = self.connection.getresponse()
        answer.read()
        took = time.perf_counter() - began
        if answer.status != 200:
            raise Failed(f"/healthz: {answer.status}")
        self._must_be_open()
        return took

    def _must_be_open(self):
        """`http.client` connects anew by itself, which would be measured too."""
        if self.connection.sock is not self.socket:
            raise Failed("the connection did not stay open")
