"""SIGKILL of the daemon: at random instants while four docks write, and at each Nth durable step."""

import time

from .docks import Dock
from .house import House
from .judge import Judge
from .tools import say, wait_until

DOCKS = ["dock-1", "dock-2", "dock-3", "dock-4"]

# A chapter ends and is judged after so long: a house that grew for an hour would take its time to look through.
CHAPTER_S = 60

# System calls before which the daemon is killed, a group at a time.
STEPS = ["fsync,fdatasync", "renameat2,renameat,rename", "unlink,unlinkat,ftruncate", "pwrite64", "openat"]

# A daemon that is traced gets so long for one round: strace slows it down.
ROUND_S = 8

# A step is killed at ever later occasions, up to here; then the next group begins.
LAST_OCCASION = 24


def furnish(tools, name, places=1, release=None, at=None, outside=None, **how):
    """A house with four docks that write."""
    house = House(tools, name, places, at)
    folders = {dock: (outside or house.at / "docks") / dock for dock in DOCKS}
    house.make(folders, release=release)
    node = house.public / "node.pub.pem"
    docks = [Dock(dock, folder, tools.rng(name, dock), node, **how) for dock, folder in folders.items()]
    return house, docks


def at_random(tools, part, share_s, least, name):
    """Chapters of kills at random instants, until the share of time is used and there are enough kills. Every third
    chapter has two places, and releases sources."""
    until, chapter = time.monotonic() + share_s, 0
    hard_end = time.monotonic() + 3 * share_s + 60
    while (time.monotonic() < until or part.kills < least) and time.monotonic() < hard_end:
        chapter += 1
        two = chapter % 3 == 2
        house, docks = furnish(tools, f"{name}-{chapter}", *((2, "1s") if two else (1, None)))
        rng = tools.rng(name, chapter, "instants")
        for dock in docks:
            dock.begin((0.1, 0.5))
        end = min(time.monotonic() + CHAPTER_S, max(until, time.monotonic() + 20))
        while time.monotonic() < end:
            house.start()
            # Mostly soon, at times late: a start is killed as well as a long day's work.
            time.sleep(min(rng.expovariate(1 / 0.5), 3))
            part.trials += 1
            died = not house.is_up()
            if died:
                part.findings += Judge(house, docks).died()
            part.kills += not died
            house.kill()
        finish(tools, part, house, docks)
        if part.findings:
            return


def finish(tools, part, house, docks, **how):
    """The docks end; the judge has the word."""
    for dock in docks:
        dock.end()
    findings = Judge(house, docks).judge(**how)
    part.judged(None, docks, findings)
    say(part.name, f"{house.name}: {part.trials} trials, {part.kills} kills so far, "
                   f"{sum(len(dock.sources) for dock in docks)} sources, {len(findings)} findings")


def at_steps(tools, part, share_s, name, places=1):
    """Kills before the Nth durable step of each kind, N = 1, 2, 3 … Counted by strace in each thread by itself."""
    if not tools.may_trace():
        say(part.name, "not killed at steps: strace is not here, or may not trace")
        return
    house, docks = furnish(tools, name, places)
    until = time.monotonic() + share_s
    occasions = {step: 0 for step in STEPS}
    turn = 0
    while time.monotonic() < until and occasions:
        step = list(occasions)[turn % len(occasions)]
        turn += 1
        occasions[step] += 1
        for dock in docks:
            dock.drop()
        inject = f"inject={step}:signal=KILL:when={occasions[step]}"
        house.start(around=["strace", "-f", "-qq", "--seccomp-bpf", "-o", "/dev/null",
                            "-e", f"trace={step}", "-e", inject])
        wait_until(lambda: not house.is_up() or not any(dock.unanswered() for dock in _read(docks)), ROUND_S, 0.05)
        part.trials += 1
        is_killed = not house.is_up()
        part.kills += 1
        house.kill()
        if not is_killed and occasions[step] >= 3 or occasions[step] >= LAST_OCCASION:
            del occasions[step]
    for dock in docks:
        dock.read_answers()
    findings = Judge(house, docks).judge()
    part.judged(None, docks, findings)
    say(part.name, f"{house.name}: steps {', '.join(f'{step} to {n}' for step, n in occasions.items()) or 'all'}, "
                   f"{len(findings)} findings")


def _read(docks):
    for dock in docks:
        dock.read_answers()
    return docks
