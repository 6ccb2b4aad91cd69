"""The table, the findings, and the last line."""

import dataclasses
import json

from .judge import DOUBLED, LOST, SERVED_WRONG


@dataclasses.dataclass
class Part:
    """What one part did, and what came of it."""

    name: str
    trials: int = 0
    kills: int = 0
    power_cuts: int = 0
    faults: int = 0
    sources: int = 0
    outcome: str = ""
    findings: list = dataclasses.field(default_factory=list)
    skipped: str = ""

    def judged(self, judge, docks, findings):
        """Adds what a judge said of a house."""
        self.sources += sum(len(dock.sources) for dock in docks)
        self.findings += findings


COLUMNS = ("part", "trials", "kills", "power cuts", "faults", "sources", "outcome")


def print_table(parts):
    rows = [COLUMNS]
    for part in parts:
        outcome = part.skipped or (f"{len(part.findings)} findings" if part.findings else part.outcome or "all held")
        figures = [part.trials, part.kills, part.power_cuts, part.faults, part.sources]
        rows.append((part.name, *map(str, figures), outcome))
    widths = [max(len(row[at]) for row in rows) for at in range(len(COLUMNS))]
    print()
    for row in rows:
        cells = [row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(row[1:-1], widths[1:])), row[-1]]
        print("  " + "  ".join(cells))
    print()


def print_findings(parts):
    for part in parts:
        for finding in part.findings:
            print(f"finding: {part.name}: {finding}")


def last_line(parts):
    def count(kind):
        return sum(finding.kind == kind for part in parts for finding in part.findings)

    def total(name):
        return sum(getattr(part, name) for part in parts)

    figures = {name: total(name) for name in ("kills", "power_cuts", "faults", "sources")}
    print(json.dumps({**figures, "lost": count(LOST), "doubled": count(DOUBLED), "served_wrong": count(SERVED_WRONG)}),
          flush=True)
