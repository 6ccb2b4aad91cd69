"""One run: arguments, parts in their order, the end."""

import argparse
import contextlib
import http.client
import shutil
import signal
import sys
import tempfile
from pathlib import Path

from . import comparison, latency, memory, micro, million, ranges, rescan
from .machine import Machine
from .peers import unmount_all
from .report import Report, without_paths
from .tools import MIB, TOP, Failed, build, install_peers, note

PARTS = {
    "small": comparison.measure_small,
    "big": comparison.measure_big,
    "memory": memory.measure,
    "range": ranges.measure,
    "million": million.measure,
    "rescan": rescan.measure,
    "latency": latency.measure,
    "micro": micro.measure,
}

# It builds with cargo in any case, and what it measures has no small form.
NOT_QUICK = {"micro"}


def main(words, script):
    arguments = read_arguments(words, script)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        binaries = (arguments.binaries or build()).resolve()
        install_peers()
        with contextlib.ExitStack() as stack:
            folders = [tempfile.TemporaryDirectory(prefix="sealdock-bench-", dir=base)
                       for base in (arguments.work, "/dev/shm")]
            work, shm = [Path(stack.enter_context(folder)) for folder in folders]
            bench = Bench(arguments, binaries, work, shm)
            stack.callback(unmount_all, [work, shm])
            bench.run(arguments.parts)
            if arguments.out:
                bench.report.write(arguments.out)
                note(f"written to {arguments.out}")
    except Failed as error:
        note(error)
        return 1
    except KeyboardInterrupt:
        return 130
    return 1 if bench.is_broken else 0


def read_arguments(words, script):
    """As the header of the script says."""
    lines = Path(script).read_text(encoding="utf-8").splitlines()
    header = "\n".join(line[2:] for line in lines[1 : lines.index("")])
    parser = argparse.ArgumentParser(usage="\n" + header, add_help=False)
    parser.add_argument("-h", "--help", action="store_true")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--work", type=Path)
    parser.add_argument("--binaries", type=Path)
    parser.add_argument("--out", type=Path)
    parser.add_argument("parts", nargs="*", metavar="PART")
    arguments = parser.parse_args(words)
    if arguments.help:
        print(header)
        sys.exit(0)
    if wrong := [part for part in arguments.parts if part not in PARTS]:
        parser.error(f"there is no part {wrong[0]}; there are {', '.join(PARTS)}")
    if arguments.rounds is None:
        arguments.rounds = 1 if arguments.quick else 3
    if arguments.rounds < 1:
        parser.error("at least one round")
    if arguments.out is None and not arguments.quick and not arguments.parts:
        arguments.out = TOP / "benches" / "RESULTS.md"
    if not arguments.parts:
        arguments.parts = [part for part in PARTS if not (arguments.quick and part in NOT_QUICK)]
    return arguments


class Amounts:
    """How much of everything."""

    def __init__(self, is_quick):
        self.clips, self.clip_bytes = (2, 16 * MIB) if is_quick else (8, 256 * MIB)
        self.pictures = 100 if is_quick else 2000
        self.memory_bytes = [32 * MIB, 64 * MIB] if is_quick else [1024 * MIB, 8192 * MIB]
        self.range_bytes, self.ranges = (64 * MIB, 50) if is_quick else (4096 * MIB, 500)
        self.items, self.questions = (5_000, 20) if is_quick else (1_000_000, 200)
        self.known = 2_000 if is_quick else 100_000
        self.settled = 20 if is_quick else 300


class Bench:
    """What every part of a run shares."""

    def __init__(self, arguments, binaries, work, shm):
        self.is_quick, self.rounds = arguments.quick, arguments.rounds
        self.amounts = Amounts(self.is_quick)
        self.binaries, self.work, self.memory = binaries, work, shm
        self.sources = {"disk": work / "sources", "/dev/shm": shm / "sources"}
        self.report, self.machine = Report(), Machine(work)
        # Whether a part broke off.
        self.is_broken = False

    def run(self, parts):
        self.report.begin(self.is_quick)
        self.machine.tell(self.report, self.binaries)
        for name, measure in PARTS.items():
            if name in parts:
                note(f"measuring: {name}")
                self._run_one(name, measure)
        self.report.end()

    def _run_one(self, name, measure):
        """A part that breaks off does not take along what the others measure."""
        try:
            measure(self)
        except (Failed, OSError, ValueError, http.client.HTTPException) as error:
            note(f"{name}: {error}")
            self.is_broken = True
            self.report.section(f"The part `{name}` broke off")
            self.report.paragraph(without_paths(error))

    def source(self, name, make):
        """Made on the disk, and copied to memory."""
        folder = self.sources["disk"] / name
        make(folder)
        shutil.copytree(folder, self.sources["/dev/shm"] / name)
        return folder
