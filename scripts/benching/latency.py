"""From the moment a file in an inbox is settled to its receipt."""

import json
import random
import shutil
import time

from .archive import Archive
from .report import millis
from .sources import make_random_file
from .tools import wait_for

QUIET_S = 1
FILE_BYTES = 200_000

# Between two files.
PAUSE_S = (0.01, 0.1)


def measure(bench):
    count, folder = bench.amounts.settled, bench.work / "latency"
    inbox = folder / "inbox"
    inbox.mkdir(parents=True)
    archive = Archive(bench.binaries, folder / "home",
                      f'[[inbox]]\ndock = "station-1"\npath = "{inbox}"\nquiet = "{QUIET_S}s"\n')
    with archive.running():
        written = _drop(inbox, count)
        receipts = wait_for(lambda: list(inbox.glob(".receipts/*.json")), lambda found: len(found) >= count, 120)
        waits = [_wait_of(path, written) for path in receipts]
    shutil.rmtree(folder)
    bench.report.section("From settled to receipt")
    bench.report.paragraph(
        f"{count} files of {FILE_BYTES // 1000} kB dropped once into the inbox of a daemon, some"
        f" {2 / sum(PAUSE_S):.0f} a second. A file is settled when its quiet time ({QUIET_S} s) is over; from then to"
        f" its receipt: p50 {millis(waits, 50)}, p95 {millis(waits, 95)}, p99 {millis(waits, 99)}.")


def _drop(inbox, count):
    """Answers when each file was written, by its name."""
    dice, written = random.Random(3), {}
    for number in range(count):
        name = f"{number:05}.txt"
        make_random_file(inbox / name, FILE_BYTES)
        written[name] = (inbox / name).stat().st_ctime
        time.sleep(dice.uniform(*PAUSE_S))
    return written


def _wait_of(receipt, written):
    path = json.loads(receipt.read_text(encoding="utf-8"))["path"]
    return receipt.stat().st_ctime - written[path] - QUIET_S
