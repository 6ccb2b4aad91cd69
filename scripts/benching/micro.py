"""The inner steps, each alone (benches/micro.rs)."""

import shutil
import subprocess

from .tools import TOP, Failed, note, run, with_cargo

TITLE = "The inner steps, each alone"


def measure(bench):
    # The ledger that is appended to lies where "on disk" is.
    environment = {**with_cargo(), "TMPDIR": str(bench.work)}
    if not shutil.which("cargo", path=environment["PATH"]):
        bench.report.section(TITLE)
        bench.report.paragraph("Left out: there is no cargo here to build them with.")
        return
    note("building the micro benches, which takes some minutes the first time")
    done = run("cargo", "bench", "--locked", "--bench", "micro", cwd=TOP, env=environment, stdout=subprocess.PIPE)
    lines = tree(done.stdout.decode(errors="replace"))
    bench.report.section(TITLE)
    bench.report.paragraph(
        "By `cargo bench --bench micro`, on one core; the columns on the right say how many samples stand behind a row."
        " `append_to_ledger` makes 1, 16 or 256 deeds durable on the disk in one call.")
    bench.report.line("```text")
    for line in lines:
        bench.report.line(line)
    bench.report.paragraph("```")


def tree(said):
    """The lines of divan's tree, which it pads with blanks; without whatever stands before it."""
    lines = [line.rstrip() for line in said.splitlines()]
    begin = next((at for at, line in enumerate(lines) if "fastest" in line and "median" in line), None)
    if begin is None:
        raise Failed("cargo bench: no table came")
    while not lines[-1]:
        lines.pop()
    return lines[begin:]
