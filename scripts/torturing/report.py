"""The table, the findings, and the last line."""

import dataclasses
import json

from .judge import DOUBLED, LOST, SERVED_WRONG, UNTRIED


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
    skipped: list = dataclasses.field(default_factory=list)

    def judged(self, docks, findings):
        """Adds what a judge said of a house."""
        self.sources += sum(len(dock.sources) for dock in docks)
        self.findings += findings

    def skip(self, why):
        """Notes what cannot be done here."""
        self.skipped.append(why)

    def found(self):
        """Findings against the archive. What was left untried is none, and no reason to stop."""
        return [finding for finding in self.findings if finding.kind != UNTRIED]

    def result(self):
        """What the table says of it."""
        said = f"{len(self.findings)} findings" if self.findings else self.outcome or "all held"
        return said if self.trials or self.findings else "skipped"


def exit_code(parts):
    """0 all held, 1 something was found, 3 nothing was found, and not all was tried."""
    if any(part.found() for part in parts):
        return 1
    return 3 if any(part.findings for part in parts) else 0


COLUMNS = ("part", "trials", "kills", "power cuts", "faults", "sources", "outcome")


def print_table(parts):
    rows = [COLUMNS]
    for part in parts:
        figures = [part.trials, part.kills, part.power_cuts, part.faults, part.sources]
        rows.append((part.name, *map(str, figures), part.result()))
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


def print_skipped(parts):
    """What a table full of "all held" would hide."""
    skipped = [f"{part.name} ({'; '.join(part.skipped)})" for part in parts if part.skipped]
    if skipped:
        print(f"skipped: {', '.join(skipped)}")


def last_line(parts):
    def count(kind):
        return sum(finding.kind == kind for part in parts for finding in part.findings)

    def total(name):
        return sum(getattr(part, name) for part in parts)

    figures = {name: total(name) for name in ("kills", "power_cuts", "faults", "sources")}
    print(json.dumps({**figures, "lost": count(LOST), "doubled": count(DOUBLED), "served_wrong": count(SERVED_WRONG)}),
          flush=True)
