"""SIGKILL of the daemon: at random instants while four docks write, and at each Nth durable step."""

import signal
import time

from .docks import Dock
from .house import House
from .judge import UNTRIED, Finding, Judge
from .tools import say, wait_until
from .tracer import Tracer

DOCKS = ["dock-1", "dock-2", "dock-3", "dock-4"]

# The kinds of house, in turn. Two places and sources that are released come first: there is most to do wrong.
HOUSES = [{"places": 2, "release": "1s"}, {"places": 1}]

# The share has so many chapters, each with a house of its own that is judged; none is longer than this, since a house
# that grew for an hour would take its time to look through.
CHAPTERS = 3
CHAPTER_S = 60

# Between a start and its kill, on average and at most: mostly soon, at times late, since a start is killed as well as a
# long day's work.
MEAN_S, MOST_S = 0.4, 3

# System calls before which the daemon is killed, a group at a time, and what they are called in the table.
STEPS = {
    "sync": "fsync,fdatasync",
    "rename": "renameat2,renameat,rename",
    "removal": "unlink,unlinkat,ftruncate",
    "database write": "pwrite64",
    "write": "write,writev",
}

# A daemon that is traced gets so long for one round: strace slows it down.
ROUND_S = 8

# A step is killed at ever later occasions, up to here; then the next group begins. Where that many come no more in one
# round, it ends earlier, but not before this.
LAST_OCCASION = 24
LEAST_OCCASION = 3


def furnish(tools, name, places=1, release=None, at=None, outside=None, **how):
    """A house with four docks that write."""
    house = House(tools, name, places, at)
    folders = {dock: (outside or house.at / "docks") / dock for dock in DOCKS}
    house.make(folders, release=release)
    node = house.public / "node.pub.pem"
    docks = [Dock(dock, folder, tools.rng(name, dock), node, **how) for dock, folder in folders.items()]
    return house, docks


def at_random(tools, part, share_s, least, name):
    """Chapters of kills at random instants, until the share of time is used, each kind of house had its turn, and there
    are enough kills."""
    until, chapter = time.monotonic() + share_s, 0
    hard_end = time.monotonic() + 3 * share_s + 60
    def is_enough():
        return time.monotonic() > until and part.kills >= least and chapter >= len(HOUSES)
    while not is_enough() and time.monotonic() < hard_end and not part.found():
        how = HOUSES[chapter % len(HOUSES)]
        chapter += 1
        _chapter(tools, part, f"{name}-{chapter}", how, min(CHAPTER_S, share_s / CHAPTERS))


def _chapter(tools, part, name, how, span_s):
    house, docks = furnish(tools, name, **how)
    rng = tools.rng(name, "instants")
    for dock in docks:
        dock.begin((0.1, 0.5))
    end = time.monotonic() + span_s
    while time.monotonic() < end:
        house.start()
        time.sleep(min(rng.expovariate(1 / MEAN_S), MOST_S))
        part.trials += 1
        _died_of_it(part, house, docks, house.kill())
    finish(tools, part, house, docks)


def _died_of_it(part, house, docks, code):
    """Counts a kill; a daemon that ended otherwise did so by itself, which is a finding."""
    if code == -signal.SIGKILL:
        part.kills += 1
    else:
        part.findings += Judge(house, docks).died(code)


def finish(tools, part, house, docks, **how):
    """The docks end; the judge has the word."""
    for dock in docks:
        dock.end()
    findings = Judge(house, docks).judge(**how)
    part.judged(docks, findings)
    say(part.name, f"{house.name}: {part.trials} trials, {part.kills or part.power_cuts} so far, "
                   f"{sum(len(dock.sources) for dock in docks)} sources, {len(findings)} findings")


def at_steps(tools, part, share_s, name):
    """Kills before the Nth durable step of each kind, N = 1, 2, 3 …, in each kind of house. strace counts in each thread
    by itself, and from when the daemon answers: a start has steps of its own, which would be all that is reached."""
    if not tools.may_trace():
        part.skip("no kills at steps: strace is not here, or may not trace")
        return
    told = []
    for number, how in enumerate(HOUSES, 1):
        house, docks = furnish(tools, f"{name}-{number}", **how)
        reached = _climb(part, house, docks, share_s / len(HOUSES))
        told.append(f"{how['places']} place{'s'[how['places'] == 1:]}: "
                    + ", ".join(f"{step} {count}" for step, count in reached.items()))
        findings = Judge(house, docks).judge()
        part.judged(docks, findings)
        say(part.name, f"{house.name}: killed at steps up to: {told[-1]}; {len(findings)} findings")
        missing = [step for step, count in reached.items() if count == 0]
        if part.found():
            return
        if missing:
            part.findings.append(Finding(UNTRIED, f"{house.name}: never killed at a {', '.join(missing)}"))
    part.outcome = f"steps reached with {'; with '.join(told)}"


def _climb(part, house, docks, span_s):
    """Answers up to which occasion of each step the daemon was killed; each has one turn at least."""
    until = time.monotonic() + span_s
    reached, waiting = dict.fromkeys(STEPS, 0), dict.fromkeys(STEPS, 1)
    while waiting and not part.found():
        for step, occasion in list(waiting.items()):
            if time.monotonic() > until and reached[step] or part.found():
                continue
            part.trials += 1
            if _kill_at(part, house, docks, (STEPS[step], occasion)):
                reached[step] = occasion
            elif occasion >= LEAST_OCCASION:
                del waiting[step]
                continue
            waiting[step] = occasion + 1
            if occasion >= LAST_OCCASION:
                del waiting[step]
        if time.monotonic() > until:
            break
    return reached


def _kill_at(part, house, docks, occasion):
    """One round; answers whether the daemon was killed at this occasion."""
    calls, number = occasion
    if not house.start_and_wait():
        part.findings += Judge(house, docks).died()
        return False
    tracer = Tracer(house, f"inject={calls}:signal=KILL:when={number}")
    if not tracer.attach() and house.is_up():
        part.findings.append(Finding(UNTRIED, f"{house.name}: strace does not attach to the daemon"))
    # The later the occasion, the more work leads to it.
    for dock in docks:
        for _ in range(1 + number // 4):
            dock.drop()
    wait_until(lambda: not house.is_up() or not any(_unanswered(dock) for dock in docks), ROUND_S, 0.05)
    is_killed = not house.is_up()
    code = house.kill()
    tracer.detach()
    if is_killed:
        _died_of_it(part, house, docks, code)
    return is_killed and code == -signal.SIGKILL


def _unanswered(dock):
    dock.read_answers()
    return dock.unanswered()
