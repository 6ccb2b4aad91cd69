"""Bit rot: a random byte flipped in each of many stored files. Each is found and named, and none is served; one that
nobody touched is served all the while, so that a refusal means something."""

import concurrent.futures
import json

from .docks import Dock
from .house import House
from .judge import DAMAGED, SERVED_WRONG, UNTRIED, Finding, Judge
from .tools import say

DOCK = "dock-1"

# How `get` ends over damage (src/cli/exit.rs), and over nothing else.
DAMAGE = 3

# Of ten damaged files, so many are sealed files; the others are key files.
SEALED_IN_TEN = 8


def spoil(tools, part, files):
    """Deposits, spoils, looks, mends, and has the whole judged in the end."""
    house = House(tools, "rot")
    folder = house.at / "docks" / DOCK
    house.make({DOCK: folder})
    dock = Dock(DOCK, folder, tools.rng("rot", "dock"))
    rng = tools.rng("rot", "bytes")
    for number in range(files):
        dock.drop(manner="media" if number % 25 == 0 else "at_once", size=rng.randrange(1, 20_000))
    control = dock.drop(manner="at_once", size=20_000)
    if not house.start_and_wait():
        part.findings += Judge(house, [dock]).died()
        return
    judge = Judge(house, [dock])
    judge.wait_for_answers(180, ())
    house.stop()
    whole = _item_of(dock, control)
    if whole is None:
        part.findings.append(Finding("stuck", "the source that is to stay whole has no receipt"))
        return
    flipped = _flip(house, rng, files, whole)
    part.trials += len(flipped)
    part.faults += len(flipped)
    if len(flipped) < files:
        part.findings.append(Finding(UNTRIED, f"only {len(flipped)} of {files} files were spoilt"))
    named = _look(house, part, flipped)
    refused = _serve(house, part, flipped, (whole, control))
    for path, at, bit in flipped.values():
        flip_bit(path, at, bit)
    findings = judge.judge(patience_s=180, retrieve_most=50)
    part.judged([dock], findings)
    part.outcome = f"{named} found and named, {refused} refused"
    say(part.name, f"{len(flipped)} spoilt, {named} named, {refused} refused, {len(findings)} findings once mended")


def _item_of(dock, source):
    receipts = [json.loads(text) for text, _ in dock.answers.values()]
    return next((one["item"] for one in receipts if one["sha256"] == source.sha256), None)


def _flip(house, rng, files, spared):
    """One bit of one byte in one file of each item but one; answers where."""
    items = {}
    for path in sorted((house.home / "vault").glob("*/*/*")):
        if path.suffix in (".seal", ".keys"):
            items.setdefault(path.name.split(".")[0], {})[path.suffix] = path
    del items[spared]
    flipped = {}
    for item in rng.sample(sorted(items), min(files, len(items))):
        path = items[item][".seal" if rng.randrange(10) < SEALED_IN_TEN else ".keys"]
        at, bit = rng.randrange(path.stat().st_size), 1 << rng.randrange(8)
        flip_bit(path, at, bit)
        flipped[item] = (path, at, bit)
    return flipped


def flip_bit(path, at, bit):
    mode = path.stat().st_mode
    path.chmod(0o600)
    with open(path, "r+b") as file:
        file.seek(at)
        byte = file.read(1)[0]
        file.seek(at)
        file.write(bytes([byte ^ bit]))
    path.chmod(mode & 0o7777)


def _look(house, part, flipped):
    done = house.run("verify", "--all", "--sealed", "--json", patience_s=600)
    report = json.loads(done.stdout or b"{}")
    named = {failure["item"] for failure in report.get("failures", [])}
    if done.returncode != 3:
        part.findings.append(Finding("verify", f"verify --all --sealed ended with {done.returncode} over damage"))
    for item in sorted(set(flipped) - named):
        path, at, _ = flipped[item]
        part.findings.append(Finding("verify", f"a flipped byte was not found: item {item}, {path.name}, byte {at}"))
    for item in sorted(named - set(flipped)):
        part.findings.append(Finding(DAMAGED, f"verify names item {item}, which nobody touched"))
    return len(named & set(flipped))


def _serve(house, part, flipped, control):
    """No damaged original is served: not whole, not in part, not right by chance of where the byte lies. `get` says that
    it is damage; whoever cannot serve anything at all refuses nothing."""
    if not house.start_and_wait():
        part.findings += Judge(house, []).died()
        return 0

    def get(item):
        to = house.tools.work / f"rotten-{item}"
        done = house.run("get", item, "-o", to, "--purpose", "torture")
        return item, done.returncode, to

    _serves_control(part, get, control)
    refused = 0
    with concurrent.futures.ThreadPoolExecutor(3) as pool:
        for item, code, to in pool.map(get, sorted(flipped)):
            path, at, _ = flipped[item]
            where = f"{path.name}, byte {at} of {path.stat().st_size}"
            if code == 0 or to.exists():
                part.findings.append(Finding(SERVED_WRONG, f"a damaged item was served: {where}; get ended with {code}"))
            elif code != DAMAGE:
                part.findings.append(Finding("verify", f"get does not call it damage: {where}; it ended with {code}"))
            else:
                refused += 1
    _serves_control(part, get, control)
    house.stop()
    return refused


def _serves_control(part, get, control):
    item, source = control
    _, code, to = get(item)
    if code != 0 or to.read_bytes() != source.content():
        part.findings.append(Finding(SERVED_WRONG, f"the item that nobody touched was not served whole: get ended with {code}"))
    to.unlink(missing_ok=True)
