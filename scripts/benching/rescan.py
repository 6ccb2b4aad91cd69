"""Walks over an inbox whose files are all known."""

import contextlib
import json
import shutil
from pathlib import Path

from .archive import Archive
from .report import median
from .tools import Failed, wait_for

DOCK = "station-1"

# How many walks are waited for. Between two there are 2 s and a file is settled after 1 s, so that a file that was
# not known would be sealed long before the last.
PASSES = 6


def measure(bench):
    count, folder = bench.amounts.known, bench.work / "rescan"
    inbox = folder / "inbox"
    _fill(inbox, count)
    archive = Archive(bench.binaries, folder / "home",
                      f'[[inbox]]\ndock = "{DOCK}"\npath = "{inbox}"\nquiet = "1s"\n[limits]\nrescan = "2s"\n'
                      '[log]\nlevel = "debug"\nformat = "json"\n[vault]\nscrub = "36500d"\n')
    before, _ = archive.write_ledger(0, "--files", "--inbox", inbox, DOCK)
    with archive.running():
        passes = wait_for(lambda: _walks(archive), lambda found: len(found) >= PASSES, 120)
    damaged = _must_be_known(archive, before)
    shutil.rmtree(folder)
    first, later = passes[0] / 1000, median(passes[1:]) / 1000
    bench.report.section(f"Rescan of {count} known files")
    bench.report.paragraph(
        f"The first pass after a start, which asks the catalog about each file, once: {first:.2f} s. Later passes,"
        f" median of {len(passes) - 1}: {later:.2f} s. Nothing was sealed anew: the ledger's {before} entries became"
        f" {before + damaged}, and what came is only damage found in the sealed files, which are empty. The lists of"
        " work to do had been emptied, as at a million items.")
    bench.report.target(f"rescan of {count} known files", "under 1 s",
                        f"{later:.2f} s, the first after a start {first:.2f} s", max(first, later) < 1)


def _must_be_known(archive, before):
    """Looks that no deposit was entered since. Answers how much damage was: the scrub finds the sealed files empty."""
    came = archive.entries_from(before)
    damaged = came.pop("damage_found", 0)
    if came:
        raise Failed(f"known files were taken for new ones; behind {before} entries came {dict(came)}")
    return damaged


def _fill(inbox, count):
    for number in range(count):
        at = inbox / f"{number // 1000:03}"
        if number % 1000 == 0:
            at.mkdir(parents=True)
        (at / f"{number:06}.txt").write_text(f"{number}\n", encoding="utf-8")


def _walks(archive):
    """The milliseconds of each walk that the daemon has told of."""
    found = []
    for line in Path(f"{archive.home}.log").read_text(encoding="utf-8", errors="replace").splitlines():
        with contextlib.suppress(ValueError):
            fields = json.loads(line)
            if "walk_ms" in fields:
                found.append(fields["walk_ms"])
    return found
