"""An archive of a million items: its replay, its start-ups, its answers."""

import random
import shutil
import signal
import time

from . import questions
from .archive import Archive
from .memory import peak
from .report import median, millis, percentile
from .tools import MIB, allocated, note

# As benches/million.rs dates its items: the first on 1 January 2024, one every 94 s.
BEGIN, BETWEEN = 1_704_067_200, 94

STARTS = 3

# Of `show`, for each question that `find` is asked of a kind.
SHOWS = 5


def measure(bench):
    items, folder = bench.amounts.items, bench.work / "million"
    # Files that are empty are damage; with the usual period, finding it would be what is measured.
    archive = Archive(bench.binaries, folder / "home", '[vault]\nscrub = "36500d"\n')
    note(f"writing a ledger of {items} items")
    entries, replay = archive.write_ledger(items, "--files")
    try:
        starts = _start_ups(archive)
        memory = peak(archive.daemon.pid) or 0
        finds, shows = _ask(archive, items, bench.amounts.questions)
        damaged = archive.status()["damaged"]
        sizes = {name: allocated(archive.home / name) for name in ("ledger", "catalog")}
    finally:
        archive.stop()
    shutil.rmtree(folder)
    bench.report.section(f"{items} catalogued items")
    bench.report.paragraph(
        f"Replay of {entries} entries ({sizes['ledger'] / 1e6:.0f} MB) into a catalog of"
        f" {sizes['catalog'] / 1e6:.0f} MB, once: {replay:.0f} s, {entries / replay:.0f} entries a second. Start-up"
        f" until the socket answers, median of {STARTS}: {median(starts['clean']):.2f} s after a clean stop,"
        f" {median(starts['kill']):.2f} s after SIGKILL (which looks through the vault). Memory of the daemon after the"
        f" last of these, VmHWM: {memory / MIB:.0f} MiB.")
    bench.report.paragraph(
        "Before the start-ups and the questions the bench emptied the lists of work to do (outbox, unprobed, unproven)"
        " with SQL, because a replay lists all receipts as due. The sealed files of these items are empty; the daemon's scrub"
        f" was set to a period of a hundred years and found {damaged} of them damaged meanwhile.")
    _tell_answers(bench, finds, shows)
    clean = median(starts["clean"])
    bench.report.target(f"start-up, {items} items, clean shutdown before", "under 2 s", f"{clean:.2f} s", clean < 2)


def _start_ups(archive):
    """The seconds of so many start-ups, by how the daemon was stopped before. It is up afterwards."""
    seconds = {"clean": [], "kill": []}
    archive.start()
    for how, by in (("clean", signal.SIGTERM), ("kill", signal.SIGKILL)):
        for _ in range(STARTS):
            archive.stop(by)
            seconds[how].append(archive.start())
    return seconds


def _ask(archive, items, count):
    """For each kind of question its title, the rows of each answer and their seconds; and the seconds of each
    `show`."""
    dice = random.Random(2)
    since = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(BEGIN + items * BETWEEN // 2))
    samples = archive.find({"since": since}, 500)[1]
    finds = []
    for title, example in questions.kinds(dice, samples).items():
        archive.find(example())
        answers = [archive.find(example()) for _ in range(count)]
        finds.append((title, [len(found) for _, found in answers], [took for took, _ in answers]))
    shows = []
    for _ in range(SHOWS * count):
        item = dice.choice(samples)["item"]
        began = time.perf_counter()
        archive.ask("GET", f"/api/v1/items/{item}")
        shows.append(time.perf_counter() - began)
    return finds, shows


def _tell_answers(bench, finds, shows):
    count, every = bench.amounts.questions, [took for _, _, times in finds for took in times]
    bench.report.paragraph(
        f"{count} questions of each kind, one after the other, after one that does not count; {len(shows)} of `show`. A"
        " question is answered when 50 rows are there or no more come; it begins with a new connection.")
    rows = [[title, f"{median(found):.0f}", millis(times, 50), millis(times, 99)] for title, found, times in finds]
    rows.append(["all of them", "", millis(every, 50), millis(every, 99)])
    rows.append(["show", "1", millis(shows, 50), millis(shows, 99)])
    bench.report.table(["find", "rows", "p50", "p99"], rows)
    title, _, times = max(finds, key=lambda kind: percentile(kind[2], 99))
    bench.report.target(f"`find` by fields or text, p99, {bench.amounts.items} items", "under 20 ms",
                        f"{millis(every, 99)} (slowest kind, {title}: {millis(times, 99)})",
                        percentile(times, 99) < 0.020)
