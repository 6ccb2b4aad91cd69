"""small, big: all tools on one source, on both media."""

import math
import re
import shutil

from .peers import everyone
from .report import median, without_paths
from .sources import make_clips, make_pictures
from .tools import Failed, allocated, note, warm


def measure_small(bench):
    count = bench.amounts.pictures
    source = bench.source("pictures", lambda folder: make_pictures(folder, count))
    found = Comparison(bench, "small", source)
    # Removing many files would slow down whoever creates some next.
    found.run(is_kept=True)
    found.tell()
    bench.report.at_least(
        f"{count} small files, a durable receipt each, against restic's one snapshot, on disk", 1,
        found.ratio("sealdock, read-back on", "disk"))


def measure_big(bench):
    count, size = bench.amounts.clips, bench.amounts.clip_bytes
    source = bench.source("clips", lambda folder: make_clips(folder, count, size))
    found = Comparison(bench, "big", source)
    found.run(is_kept=False)
    found.tell()
    for readback, medium, least in (("on", "/dev/shm", 2), ("on", "disk", 1.5), ("off", "/dev/shm", 3.5)):
        bench.report.at_least(f"big clips, read-back {readback}, against restic, {medium}", least,
                              found.ratio(f"sealdock, read-back {readback}", medium))
    rate = count * size / found.took("sealdock, read-back off", "/dev/shm")
    bench.report.at_least("big clips, read-back off, against one core's `openssl speed sha256`, /dev/shm", 0.5,
                          rate / bench.machine.sha256, unit="")


class Comparison:
    def __init__(self, bench, title, source):
        self.bench, self.title, self.source = bench, title, source
        sizes = [path.stat().st_size for path in source.iterdir()]
        self.count, self.size = len(sizes), sum(sizes)
        self.media = {"disk": bench.work, "/dev/shm": bench.memory}
        # By the tool's name and the medium, a value for each round.
        self.seconds, self.stored, self.probes = {}, {}, {}
        # What broke, by the tool's name. It is not run again, and what it took before does not count.
        self.broken = {}

    def run(self, is_kept):
        for number in range(self.bench.rounds):
            every = everyone(self.bench.binaries)
            # Another one begins each round.
            begin = number % len(every)
            for tool in every[begin:] + every[:begin]:
                for medium, base in self.media.items():
                    place = base / f"{self.title}-{number}-{re.sub('[^a-z]+', '-', tool.name)}"
                    if tool.name not in self.broken:
                        self._run_one(tool, medium, place)
                    if not is_kept or medium != "disk":
                        shutil.rmtree(place, ignore_errors=True)
            note(f"{self.title}: round {number + 1} of {self.bench.rounds} done")

    def _run_one(self, tool, medium, place):
        here, at = self.bench.sources[medium] / self.source.name, (tool.name, medium)
        try:
            place.mkdir()
            tool.prepare(place)
            warm(here)
            self.seconds.setdefault(at, []).append(tool.store(here, place, self.count))
            tool.end(place)
            self.stored.setdefault(at, []).append(allocated(place))
            if tool.probes is not None:
                self.probes.setdefault(at, []).append(tool.probes)
        except (Failed, OSError) as error:
            self.broken[tool.name] = f"did not run through: {without_paths(error)[:60]}"
            note(f"{tool.name}: {error}")

    def took(self, name, medium):
        """The median of the seconds; no number for a tool that broke, in whatever round."""
        return math.nan if name in self.broken else median(self.seconds[name, medium])

    def ratio(self, name, medium):
        """How many times as long restic takes."""
        return self.took("restic", medium) / self.took(name, medium)

    def tell(self):
        report, rounds = self.bench.report, self.bench.rounds
        report.section(f"{self.count} files, {self.size / 1e6:.0f} MB: {self.title}")
        figures = "of one round" if rounds == 1 else f"the median of {rounds} rounds"
        report.paragraph(f"Each figure is {figures}.")
        report.table(["", *(f"{what}, {medium}" for medium in self.media
                            for what in ("s to durable", "restic / it", "s to the last probe", "on it"))],
                     [self._row(tool.name) for tool in everyone(self.bench.binaries)])

    def _row(self, name):
        if name in self.broken:
            return [name, self.broken[name]] + [""] * (4 * len(self.media) - 1)
        row = [name]
        for medium in self.media:
            took, ratio = self.took(name, medium), self.ratio(name, medium)
            probed = self.probes.get((name, medium))
            row += [f"{took:.2f} ({self.size / took / 1e6:.0f} MB/s)", "" if math.isnan(ratio) else f"{ratio:.2f}x",
                    f"{median(probed):.2f}" if probed else "", f"{median(self.stored[name, medium]) / 1e6:.1f} MB"]
        return row
