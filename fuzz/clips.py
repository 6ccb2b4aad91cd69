"""Mutated clips, dropped into an inbox of a real daemon: nothing may come of them but receipts and facts.

The daemon must answer all the while, keep the prober that it began with, stay small, receipt and probe every clip,
and hold a whole archive in the end. A parser that crashed or was stopped at its deadline is a fact about the clip;
such clips are kept in fuzz/artifacts/clips, with what happened in their names.
"""

import json
import os
import random
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path

# Small clips: what matters is how many there are.
LARGEST_SOURCE = 512 << 10
# What is never shown to a parser: documents, sidecars and logs.
NOT_MEDIA = {".csv", ".doc", ".docx", ".gps", ".json", ".log", ".md5", ".ofd", ".pdf", ".txt", ".xml", ""}
DEADLINE_S = 5
# Clips that are parsed at once.
AT_ONCE = 2
# A parser is killed at its deadline. The rest is for a busy machine, and ends before the ten seconds of grace after
# which the daemon would take the whole prober for hung.
LONGEST_PARSER_S = DEADLINE_S + 5
# A probe may take its deadline, and the prober a grace of ten seconds; nothing may take longer.
LONGEST_PAUSE_S = DEADLINE_S + 10 + 5
# Bytes a second are no matter here; a machine that seals fewer than four small clips a second is ill.
CLIPS_A_SECOND = 4
DAEMON_MOST_MIB = 256
PROBER_MOST_MIB = 256
ANSWERS_WITHIN_S = 5
CODES = {"unreadable", "crashed", "timed_out", "out_of_memory", "over_budget"}


# ---- mutations ---------------------------------------------------------------------------------------------


def sources(top):
    """Whole clips, as (name, bytes)."""
    folders = [top / "fixtures/media/valid"]
    if os.environ.get("SEALDOCK_MEDIA"):
        folders.append(Path(os.environ["SEALDOCK_MEDIA"]))
    files = [path for folder in folders for path in sorted(folder.rglob("*")) if path.is_file()]
    files = [path for path in files if path.suffix.lower() not in NOT_MEDIA and path.stat().st_size <= LARGEST_SOURCE]
    return [(path.name, path.read_bytes()) for path in files]


def truncate(rng, data, _):
    return data[: rng.randrange(len(data))]


def flip_anywhere(rng, data, _):
    return flipped(rng, data, len(data), rng.choice([1, 4, 16, 64]))


def flip_header(rng, data, _):
    return flipped(rng, data, 512, rng.choice([1, 2, 8]))


def flipped(rng, data, within, count):
    changed = bytearray(data)
    for _ in range(count):
        changed[rng.randrange(min(within, len(changed)))] = rng.randrange(256)
    return bytes(changed)


def zero_hole(rng, data, _):
    start, length = piece(rng, data)
    return data[:start] + bytes(length) + data[start + length:]


def delete(rng, data, _):
    start, length = piece(rng, data)
    return data[:start] + data[start + length:]


def repeat(rng, data, _):
    start, length = piece(rng, data)
    return data[: start + length] + data[start:]


def huge_number(rng, data, _):
    start = rng.randrange(len(data))
    number = rng.choice([b"\xff" * 4, b"\x7f\xff\xff\xff", b"\x80\0\0\0", b"\0" * 4, b"\xff" * 8])
    return data[:start] + number + data[start + len(number):]


def splice(rng, data, other):
    return data[: rng.randrange(len(data))] + other[rng.randrange(len(other)):]


def piece(rng, data):
    start = rng.randrange(len(data))
    return start, rng.randrange(1, min(4096, len(data) - start) + 1)


WAYS = [truncate, flip_anywhere, flip_header, zero_hole, delete, repeat, huge_number, splice]


def mutated(rng, whole):
    """A mutated clip, under a name that still promises what it was."""
    name, data = rng.choice(whole)
    ways = rng.sample(WAYS, rng.choice([1, 1, 2, 3]))
    for way in ways:
        if data:
            data = way(rng, data, rng.choice(whole)[1])
    return f"{'+'.join(way.__name__ for way in ways)}-{name}", data


# ---- a daemon ----------------------------------------------------------------------------------------------


class Effect(Exception):
    """Something that a clip must not do."""


class Feeding:
    """One archive, and clips for it."""

    def __init__(self, top, sealdock, count, seed):
        self.top, self.sealdock, self.count, self.seed = top, sealdock, count, seed
        self.work = Path(tempfile.mkdtemp(prefix="sealdock-clips."))
        self.home, self.inbox = self.work / "archive", self.work / "inbox"
        self.daemon = None
        # Names and facts by item, and how far each ledger file was read.
        self.names, self.facts, self.read_to = {}, {}, {}
        self.slowest_answer_s = 0.0
        self.largest_kib = {"daemon": 0, "prober": 0, "parser": 0}
        # The parsers at work, and when each was seen first.
        self.parsers = {}

    def run(self):
        began = time.monotonic()
        finding, lines = None, []
        try:
            self.begin()
            prober = self.drop_and_wait()
            lines = self.judge(prober)
        except Effect as effect:
            finding = str(effect)
            shutil.copytree(self.work, self.artifacts() / "work", dirs_exist_ok=True, ignore=shutil.ignore_patterns("run"))
            finding += f" (see {self.artifacts().relative_to(self.top)}/work)"
        finally:
            self.stop()
            shutil.rmtree(self.work, ignore_errors=True)
        return {"name": "clips", "seeds": len(sources(self.top)), "executions": len(self.facts), "covered": 0,
                "seconds": time.monotonic() - began, "finding": finding, "what": "clips",
                "lines": [f"seed {self.seed}", *lines]}

    def artifacts(self):
        folder = self.top / "fuzz" / "artifacts" / "clips"
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def ask(self, *words, within=60):
        command = [str(self.sealdock), "--home", str(self.home), "--json", *words]
        return subprocess.run(command, capture_output=True, text=True, check=False, timeout=within)

    def begin(self):
        made = self.ask("init", "--unattended")
        if made.returncode:
            raise Effect(f"init failed: {made.stderr}")
        self.inbox.mkdir()
        with open(self.home / "sealdock.toml", "a", encoding="utf-8") as settings:
            settings.write(f'\n[log]\nformat = "json"\n[limits]\nprobe_deadline = "{DEADLINE_S}s"\nprobes_at_once = {AT_ONCE}\n'
                           f'\n[[inbox]]\ndock = "hostile"\npath = {json.dumps(str(self.inbox))}\nquiet = "1s"\n')
        with open(self.work / "journal", "wb") as journal:
            self.daemon = subprocess.Popen([self.sealdock, "--home", self.home, "run"], stdout=journal, stderr=journal)
        self.wait(lambda: self.ask("status").returncode == 0, 30, "the daemon did not start")

    def wait(self, is_so, seconds, complaint):
        until = time.monotonic() + seconds
        while not is_so():
            if self.daemon.poll() is not None:
                raise Effect(f"the daemon ended with {self.daemon.returncode}")
            if time.monotonic() > until:
                raise Effect(complaint)
            time.sleep(0.2)

    def stop(self):
        if self.daemon is None or self.daemon.poll() is not None:
            return
        self.daemon.send_signal(signal.SIGTERM)
        try:
            self.daemon.wait(30)
        except subprocess.TimeoutExpired:
            self.daemon.kill()

    # ---- clips -----------------------------------------------------------------------------------------

    def drop_and_wait(self):
        rng, whole = random.Random(self.seed), sources(self.top)
        self.drop("whole.mp4", next(data for name, data in whole if name.endswith(".mp4")))
        self.wait(self.has_facts, 60, "the first clip, a whole one, was not probed")
        prober = self.prober()
        # Bytes that the archive knows already are not probed again.
        seen = {data for _, data in whole}
        for number in range(1, self.count + 1):
            name, data = mutated(rng, whole)
            while data in seen:
                name, data = mutated(rng, whole)
            seen.add(data)
            self.drop(f"{number:05}-{name}", data)
        self.wait_for_all(self.count + 1)
        return prober

    def has_facts(self):
        self.read_on()
        return bool(self.facts)

    def drop(self, name, data):
        coming = self.work / "coming"
        coming.write_bytes(data)
        coming.rename(self.inbox / name)

    def wait_for_all(self, count):
        until = time.monotonic() + 60 + count / CLIPS_A_SECOND
        seen, changed = 0, time.monotonic()
        while True:
            self.look()
            receipts = self.receipts()
            self.read_on()
            probed, items = len(self.facts), len(self.names)
            if receipts == count and probed == items:
                return
            if receipts + probed != seen:
                seen, changed = receipts + probed, time.monotonic()
            if time.monotonic() - changed > LONGEST_PAUSE_S:
                raise Effect(f"nothing went on for {LONGEST_PAUSE_S} s: {receipts} receipts, {probed} of {items} probed")
            if time.monotonic() > until:
                raise Effect(f"too slow: {receipts} receipts of {count}, {probed} of {items} probed")
            time.sleep(0.5)

    def look(self):
        """Asks for the status, and looks at how large everything has grown."""
        if self.daemon.poll() is not None:
            raise Effect(f"the daemon ended with {self.daemon.returncode}")
        began = time.monotonic()
        answer = self.ask("status")
        self.slowest_answer_s = max(self.slowest_answer_s, time.monotonic() - began)
        if answer.returncode or json.loads(answer.stdout)["intake"]["state"] != "running":
            raise Effect(f"intake does not go on: {answer.stdout}{answer.stderr}")
        prober = self.prober()
        self.measure("daemon", self.daemon.pid)
        if prober:
            self.measure("prober", prober)
        parsers = children(prober) if prober else []
        for parser in parsers:
            self.measure("parser", parser)
        self.look_for_hangs(parsers)

    def look_for_hangs(self, parsers):
        """Each parser has its own deadline: one that hangs is not hidden by others that go on."""
        now = time.monotonic()
        self.parsers = {parser: self.parsers.get(parser, now) for parser in map(born, parsers)}
        for (pid, _), seen in self.parsers.items():
            if now - seen > LONGEST_PARSER_S:
                raise Effect(f"parser {pid} is still there after {now - seen:.0f} s; its deadline was {DEADLINE_S} s")

    def measure(self, what, pid):
        self.largest_kib[what] = max(self.largest_kib[what], peak_kib(pid))

    def prober(self):
        return next((pid for pid in children(self.daemon.pid) if program(pid) == "sealdock-probe"), None)

    def receipts(self):
        shelf = self.inbox / ".receipts"
        return sum(1 for path in shelf.glob("*.json")) if shelf.exists() else 0

    def read_on(self):
        """What the ledger says, as far as it was not read yet."""
        for path in sorted((self.home / "ledger").glob("*.jsonl")):
            with open(path, "rb") as file:
                file.seek(self.read_to.get(path, 0))
                whole = file.read().rpartition(b"\n")[0]
                self.read_to[path] = self.read_to.get(path, 0) + (len(whole) + 1 if whole else 0)
            for entry in (json.loads(line).get("entry", {}) for line in whole.split(b"\n") if line):
                data = entry.get("content", {}).get("act", {}).get("data")
                if entry.get("kind") == "item_sealed":
                    self.names[data["item"]] = data["deposit"]["source"]["path"]
                elif entry.get("kind") == "media_probed":
                    self.facts[data["item"]] = data["facts"]

    # ---- the end ---------------------------------------------------------------------------------------

    def judge(self, prober):
        if self.prober() != prober:
            raise Effect(f"the prober was started again: {prober}, now {self.prober()}")
        for what, most in [("daemon", DAEMON_MOST_MIB), ("prober", PROBER_MOST_MIB)]:
            if self.largest_kib[what] > most * 1024:
                raise Effect(f"the {what} grew to {self.largest_kib[what] // 1024} MiB")
        if self.slowest_answer_s > ANSWERS_WITHIN_S:
            raise Effect(f"an answer took {self.slowest_answer_s:.1f} s")
        self.look_through_the_journal()
        for words in (["verify", "--all"], ["ledger", "verify"]):
            checked = self.ask(*words, within=600)
            if checked.returncode:
                raise Effect(f"{' '.join(words)} says {checked.returncode}: {checked.stdout[-500:]}")
        return [self.outcomes(), self.sizes()]

    def look_through_the_journal(self):
        for line in (self.work / "journal").read_text(errors="replace").splitlines():
            try:
                level = json.loads(line).get("level")
            except ValueError:
                level = "no event"
            if level not in ("INFO", "DEBUG"):
                raise Effect(f"the journal says: {line[:300]}")

    def outcomes(self):
        counts = {}
        for item, found in self.facts.items():
            probe, name = found["probe"], self.names[item]
            outcome = probe.get("code", probe["result"])
            if probe["result"] == "not_probed" or (probe["result"] == "failed" and outcome not in CODES):
                raise Effect(f"{name}: {probe}")
            counts[outcome] = counts.get(outcome, 0) + 1
            if outcome in ("crashed", "timed_out", "out_of_memory"):
                detail = probe["detail"].replace(" ", "-")
                shutil.copy(self.inbox / name, self.artifacts() / f"{outcome}-{detail}-{name}")
        return ", ".join(f"{count} {outcome}" for outcome, count in sorted(counts.items(), key=lambda pair: -pair[1]))

    def sizes(self):
        largest = ", ".join(f"{what} {kib // 1024} MiB" for what, kib in self.largest_kib.items())
        return f"all receipted and probed by one prober; at most {largest}; slowest answer {self.slowest_answer_s:.2f} s"


def children(pid):
    found = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            found += [int(child) for child in task.read_text().split()]
        except OSError:
            pass
    return found


def born(pid):
    """The process and when it began, in ticks: a number that another process takes over is another process."""
    try:
        # Behind the name, which may hold anything; the twentieth there is `starttime` (proc_pid_stat(5)).
        return pid, Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    except OSError:
        return pid, None


def program(pid):
    try:
        return Path(os.readlink(f"/proc/{pid}/exe")).name
    except OSError:
        return None


def peak_kib(pid):
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM:")), 0)
