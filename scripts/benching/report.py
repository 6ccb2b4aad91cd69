"""Lines, tables, targets, what a number looks like."""

import math
import re
import statistics
import time

from .tools import TOP

# What people wrote about figures that were not reached; it need not be there.
BOUNDS = TOP / "benches" / "BOUNDS.md"


class Report:
    """Prints as it goes, and keeps all of it for the file."""

    def __init__(self):
        self.lines, self.targets, self.is_all_reached = [], [], True

    def line(self, text=""):
        print(text, flush=True)
        self.lines.append(text)

    def paragraph(self, text):
        self.line(text)
        self.line()

    def section(self, title):
        self.paragraph(f"## {title}")

    def table(self, head, rows):
        widths = [max(width(str(row[at])) for row in [head, *rows]) for at in range(len(head))]
        for number, row in enumerate([head, *rows]):
            cells = [str(cell) + " " * (widths[at] - width(str(cell))) for at, cell in enumerate(row)]
            self.line("| " + " | ".join(cells) + " |")
            if number == 0:
                self.line("|" + "|".join("-" * (wide + 2) for wide in widths) + "|")
        self.line()

    def begin(self, is_quick):
        self.paragraph("# What was measured")
        proves = " This was a quick run, which proves nothing." if is_quick else ""
        self.paragraph(f"Made by `scripts/bench` on {time.strftime('%Y-%m-%d')}.{proves} How it measures stands at the"
                       " top of the script; how many measurements stand behind a figure, in the figure's section.")

    def target(self, what, wanted, measured, reached):
        self.targets.append([what, wanted, measured, "yes" if reached else "**no**"])
        self.is_all_reached = self.is_all_reached and reached

    def at_least(self, what, least, ratio, unit="x"):
        """A target for a ratio, which is not a number where one side of it was not measured."""
        measured = "not measured" if math.isnan(ratio) else f"{ratio:.2f}{unit}"
        self.target(what, f"at least {least}{unit}", measured, ratio >= least)

    def end(self):
        if self.targets:
            self.section("What was to be reached")
            self.table(["what", "reach", "measured", "reached"], self.targets)
        if not self.is_all_reached and BOUNDS.exists():
            self.section("What bounds the figures that were not reached")
            self.line(BOUNDS.read_text(encoding="utf-8").rstrip("\n"))

    def write(self, path):
        path.write_text("\n".join(self.lines).rstrip("\n") + "\n", encoding="utf-8")


def without_paths(error):
    """The first line of an error, without the paths of this machine: the report is committed."""
    return re.sub(r"(?<![\w.])/(?!dev/|api/)[^\s/'\":]+(/[^\s/'\":]+)+", "…", (str(error).splitlines() or ["?"])[0])


def width(text):
    return sum(2 if "\u2e80" <= letter <= "\uffff" else 1 for letter in text)


def median(values):
    return statistics.median(values) if values else math.nan


def percentile(values, of):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * of / 100))]


def millis(values, of):
    return f"{percentile(values, of) * 1000:.1f} ms"
