"""One run: arguments, parts in their order, the end."""

import argparse
import dataclasses
import pathlib
import random
import signal
import sys
import time
import traceback

from . import clock, disk, hostile, kill, power, report, rot
from .judge import UNTRIED, Finding
from .tools import Tools, Unusable, say


def main(words, script):
    arguments = read_arguments(words, script)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    signal.signal(signal.SIGHUP, lambda *_: sys.exit(129))
    seed = arguments.seed if arguments.seed is not None else random.SystemRandom().randrange(1 << 32)
    tools = Tools(seed, arguments.keep)
    parts, is_kept, code = [], True, 3
    try:
        print(f"torture: seed {seed}, in {tools.work}", flush=True)
        tools.build()
        if arguments.self_test:
            from . import self_test
            code = self_test.run(tools, parts)
            is_kept = code != 1
        else:
            torture(tools, arguments, parts)
            code = report.exit_code(parts)
            is_kept = code != 0
    except Unusable as error:
        print(f"torture: {error}", file=sys.stderr)
    except KeyboardInterrupt:
        is_kept, code = False, 130
    except SystemExit as ended:
        is_kept, code = False, ended.code
    except Exception:
        traceback.print_exc()
    finally:
        is_kept = is_kept or any(part.findings for part in parts if part.name != "self-test")
        # A second Ctrl-C must not leave mounts behind.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        tools.clean_up(is_kept)
    if parts:
        report.print_findings(parts)
        report.print_table(parts)
        report.print_skipped(parts)
        report.last_line(parts)
    return code


def read_arguments(words, script):
    """As the header of the script says."""
    lines = pathlib.Path(script).read_text(encoding="utf-8").splitlines()
    header = "\n".join(line[2:] for line in lines[1 : lines.index("")])
    parser = argparse.ArgumentParser(add_help=False, usage="\n" + header)
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--minutes", type=float, default=4)
    form.add_argument("--short", action="store_true")
    form.add_argument("--self-test", action="store_true")
    parser.add_argument("--parts", default=",".join(PARTS))
    parser.add_argument("--seed", type=int)
    parser.add_argument("--keep", action="store_true")
    parser.add_argument("-h", "--help", action="store_true")
    arguments = parser.parse_args(words)
    if arguments.help:
        print(header)
        sys.exit(0)
    arguments.parts = arguments.parts.split(",")
    if arguments.minutes < 1 or not set(arguments.parts) <= set(PARTS):
        parser.error("unknown part, or less than a minute")
    return arguments


def torture(tools, arguments, parts):
    """All parts, one after the other. What was done so far is in `parts`."""
    effort = Effort.short() if arguments.short else Effort.of(60 * arguments.minutes)
    began = time.monotonic()
    for name in PARTS:
        if name in arguments.parts:
            part = report.Part(name)
            parts.append(part)
            start = time.monotonic()
            PARTS[name](tools, part, effort)
            _holds_to(effort, part)
            skipped = f"; skipped: {'; '.join(part.skipped)}" if part.skipped else ""
            say(name, f"done in {time.monotonic() - start:.0f} s{skipped}")
    say("time", f"{time.monotonic() - began:.0f} s in all")


def _holds_to(effort, part):
    """A part that stopped before it did what it must has proven less than it seems."""
    least = {"kill": ("kills", effort.kills), "power": ("power_cuts", effort.power_cuts)}
    name, wanted = least.get(part.name, ("trials", 0))
    done = getattr(part, name)
    if done < wanted and not part.found() and (part.trials or not part.skipped):
        part.findings.append(Finding(UNTRIED, f"only {done} of {wanted} {name.replace('_', ' ')} in this time"))


@dataclasses.dataclass(frozen=True)
class Effort:
    """How much of everything. A `…_s` is a share of time, the rest are counts that are reached even if it takes
    longer."""

    kill_s: float
    kills: int
    step_s: float
    power_s: float
    power_cuts: int
    disk_rounds: int
    clock_jumps: int
    quiet_s: float
    hostile_s: float
    tiny_files: int
    rotten: int
    is_short: bool = False

    @staticmethod
    def of(seconds):
        return Effort(
            kill_s=0.2 * seconds, kills=round(KILLS * seconds / 240), step_s=0.15 * seconds,
            power_s=0.15 * seconds, power_cuts=round(POWER_CUTS * seconds / 240),
            disk_rounds=max(1, round(seconds / 240)), clock_jumps=max(5, round(seconds / 40)),
            quiet_s=12, hostile_s=max(20, 0.1 * seconds), tiny_files=100_000, rotten=500,
        )

    @staticmethod
    def short():
        return Effort(
            kill_s=12, kills=12, step_s=10, power_s=6, power_cuts=4, disk_rounds=1, clock_jumps=3,
            quiet_s=5, hostile_s=8, tiny_files=3_000, rotten=500, is_short=True,
        )


# What four minutes make at least; other times in proportion.
KILLS, POWER_CUTS = 100, 20


def killed(tools, part, effort):
    kill.at_random(tools, part, effort.kill_s, effort.kills, "kill")
    if not part.found():
        kill.at_steps(tools, part, effort.step_s, "steps")


PARTS = {
    "kill": killed,
    "power": lambda tools, part, effort: power.cut(tools, part, effort.power_s, effort.power_cuts),
    "disk": lambda tools, part, effort: disk.fail(tools, part, effort.disk_rounds, effort.is_short),
    "clock": lambda tools, part, effort: clock.jump(tools, part, effort.clock_jumps),
    "hostile": lambda tools, part, effort: hostile.swamp(
        tools, part, effort.tiny_files, (effort.quiet_s, effort.hostile_s)),
    "rot": lambda tools, part, effort: rot.spoil(tools, part, effort.rotten),
}
