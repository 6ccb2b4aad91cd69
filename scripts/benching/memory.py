"""How much memory one deposit takes, however large the file: the sealing process and the probe apart."""

import contextlib
import os
import re
import shutil
import time
from pathlib import Path

from .archive import Archive, must_be_sealed
from .sources import make_random_file
from .tools import MIB, Failed

# How often the processes are looked at. Linux keeps the most that a process ever had (VmHWM), so that only what it
# takes in its last moments can be missed.
PAUSE_S = 0.005


def measure(bench):
    rows, worst = [], 0
    for size in bench.amounts.memory_bytes:
        folder = bench.work / f"memory-{size // MIB}"
        (folder / "source").mkdir(parents=True)
        make_random_file(folder / "source" / "clip.mp4", size)
        seals, probes = _deposit(Archive(bench.binaries, folder / "home"), folder / "source")
        shutil.rmtree(folder)
        worst = max(worst, seals)
        probed = f"{probes / MIB:.1f} MiB" if probes else "not seen"
        rows.append([f"{size // MIB} MiB", f"{seals / MIB:.1f} MiB", probed])
    bench.report.section("Memory of one deposit (VmHWM)")
    bench.report.paragraph(f"One deposit of each size, looked at every {PAUSE_S * 1000:.0f} ms until it ended; each"
                           " file was sealed and has its receipt.")
    bench.report.table(["file", "sealing process", "probe server and child"], rows)
    bench.report.target("resident memory of the sealing process, any file size", "at most 64 MiB",
                        f"{worst / MIB:.1f} MiB", worst <= 64 * MIB)


def _deposit(archive, source):
    """Deposits one file. Answers the most that the sealing process had, and the most that a probe had."""
    seals, probes = 0, 0
    with archive.begin_deposit(source) as working:
        while working.poll() is None:
            seals = max(seals, peak(working.pid) or 0)
            probes = max([probes, *(peak(child) or 0 for child in _children(working.pid) if _is_probe(child))])
            time.sleep(PAUSE_S)
        lines = working.stdout.read().splitlines()
    for line in lines:
        must_be_sealed(line)
    if working.returncode != 0 or len(lines) != 1 or not seals:
        raise Failed(f"sealdock: the deposit ended with {working.returncode}, and {len(lines)} files were sealed")
    return seals, probes


def peak(pid):
    """The most memory a process ever had (VmHWM), in bytes; nothing where it is gone."""
    with contextlib.suppress(OSError):
        text = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
        found = re.search(r"VmHWM:\s+(\d+) kB", text)
        return int(found.group(1)) * 1024 if found else None
    return None


def _children(pid):
    """All descendants: any thread may have started one."""
    with contextlib.suppress(OSError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            with contextlib.suppress(OSError):
                for child in (task / "children").read_text(encoding="utf-8").split():
                    yield int(child)
                    yield from _children(int(child))


def _is_probe(pid):
    with contextlib.suppress(OSError):
        return "sealdock-probe" in os.readlink(f"/proc/{pid}/exe")
    return False
