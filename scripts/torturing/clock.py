"""A clock that jumps: an hour, a year, and back. Intake goes on, whatever the time."""

import glob
import time

from .judge import UNTRIED, Finding, Judge
from .kill import furnish
from .tools import say, wait_until

HOUR_S, YEAR_S = 3600, 365 * 24 * 3600
JUMPS = [HOUR_S, -HOUR_S, YEAR_S, 0, -YEAR_S, 2 * YEAR_S, -7, 0]

# Between two jumps.
REST_S = 2.5


def jump(tools, part, jumps):
    """The wall clock of the daemon jumps under it, and once over a restart; time since boot stays true, as in a
    machine whose clock is set."""
    library = _library(tools)
    if library is None:
        part.skip("libfaketime is not here")
        return
    house, docks = furnish(tools, "clock", places=2, release="1h")
    stamp = tools.work / "clock-offset"
    _set(stamp, 0)
    house.env = {
        "LD_PRELOAD": library, "FAKETIME_TIMESTAMP_FILE": str(stamp), "FAKETIME_NO_CACHE": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1", "DONT_FAKE_MONOTONIC": "1", "FAKETIME_DONT_RESET": "1", "NO_FAKE_STAT": "1",
    }
    if not house.start_and_wait():
        part.findings += Judge(house, docks).died()
        return
    for dock in docks:
        dock.begin((0.1, 0.4))
    for number in range(jumps):
        offset = JUMPS[number % len(JUMPS)]
        _set(stamp, offset)
        if number % 4 == 3:
            house.kill()
            house.start_and_wait()
        time.sleep(REST_S)
        part.trials += 1
        part.faults += 1
        if not house.is_up():
            part.findings += Judge(house, docks).died()
            break
    for dock in docks:
        dock.end()
    if house.is_up() and not wait_until(lambda: _all_answered(docks), 60, 0.1):
        part.findings.append(Finding("stuck", "intake did not go on after the clock had jumped"))
    if not _was_believed(house):
        part.findings.append(Finding(UNTRIED, "no entry shows the other time: the clock did not jump"))
    house.kill()
    house.env = {}
    findings = Judge(house, docks).judge()
    part.judged(docks, findings)
    say(part.name, f"{jumps} jumps, {sum(len(dock.sources) for dock in docks)} sources, {len(findings)} findings")


def _library(tools):
    tools.need("faketime", "faketime")
    found = glob.glob("/usr/lib/*/faketime/libfaketimeMT.so.1") + glob.glob("/usr/lib*/faketime/libfaketimeMT.so.1")
    return found[0] if found else None


def _set(stamp, offset):
    beside = stamp.with_name(stamp.name + ".new")
    beside.write_text(f"{offset:+}\n", encoding="ascii")
    beside.replace(stamp)


def _all_answered(docks):
    for dock in docks:
        dock.read_answers()
    return not any(dock.unanswered() for dock in docks)


def _was_believed(house):
    """Whether some entry was made at another hour: a check of this part itself."""
    year = time.gmtime().tm_year
    text = b"".join(file.read_bytes() for file in sorted((house.home / "ledger").glob("*.jsonl")))
    now = time.strftime("%Y-%m-%dT%H", time.gmtime(time.time() + HOUR_S)).encode()
    return b'"at":"' + now in text or b'"at":"%d-' % (year + 1) in text
