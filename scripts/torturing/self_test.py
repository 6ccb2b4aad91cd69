"""What is done to the judge: four things are planted behind its back, and it must name each, and nothing else."""

import json
import os
import shutil
import sqlite3

from . import report
from .docks import Dock
from .house import House
from .judge import DAMAGED, DOUBLED, LOST, NO_ITEM, Judge
from .rot import flip_bit
from .tools import Unusable, say, wait_until

DOCKS = ["dock-1", "dock-2"]


def run(tools, parts):
    """Answers 1 where all four are named and nothing else is, 3 where not."""
    part = report.Part("self-test")
    parts.append(part)
    house = House(tools, "self-test")
    house.make({dock: house.at / "docks" / dock for dock in DOCKS})
    docks = [Dock(name, house.inboxes[name], tools.rng(name), house.public / "node.pub.pem", erases=0) for name in DOCKS]
    for dock in docks:
        for manner in ("at_once", "part", "folder", "media", "slowly", "at_once"):
            dock.drop(manner=manner)
    before = Judge(house, docks).judge()
    if before:
        raise Unusable(f"the judge finds fault with a sound archive: {'; '.join(map(str, before))}")
    say("self-test", f"a sound archive of {sum(len(dock.sources) for dock in docks)} sources passes")
    planted = {
        LOST: _lose_a_source(docks[0]),
        DOUBLED: _double_an_item(house, docks[0]),
        DAMAGED: _flip_a_byte(house, docks),
        NO_ITEM: _forge_a_receipt(tools, house, docks[1]),
    }
    part.findings = Judge(house, docks).judge()
    part.judged(docks, [])
    part.trials = part.faults = len(planted)
    return _verdict(part.findings, planted)


def _verdict(findings, planted):
    """Each is named under its kind and by its name, and what it did not touch is left alone."""
    missed = [kind for kind, name in planted.items() if not any(f.kind == kind and name in f.text for f in findings)]
    # The archive's own check finds the flipped byte as well, and says so in its own words.
    strangers = [f for f in findings if not any(name in f.text for name in planted.values())]
    for kind in planted:
        say("planted", f"{kind}: {planted[kind]}: " + ("NOT NOTICED" if kind in missed else "named"))
    for finding in strangers:
        say("planted", f"nobody planted this: {finding}")
    return 3 if missed or strangers else 1


def _lose_a_source(dock):
    """A source that lay in its inbox is gone, and no daemon was there to take it."""
    source = dock.drop(manner="at_once", size=1000)
    os.unlink(dock.folder / os.fsdecode(source.path))
    return os.fsdecode(source.path)


def _double_an_item(house, dock):
    """The catalog is made to forget the bytes of an item, so that they are sealed once more when they come again; then
    it is made anew from the ledger. What is left is a true ledger with two items of the same media."""
    first = next(one for one in dock.sources if one.size > 0)
    _edit(house, "UPDATE items SET sha256 = zeroblob(32) WHERE sha256 = ? AND dock = ?", first.sha256, dock.name)
    again = dock.drop(manner="at_once", like=first)
    _take_in(house, dock)
    if (json.dumps(os.fsdecode(again.path)), again.sha256) not in dock.answered():
        raise Unusable("the doubled item was not taken in")
    house.ask("rebuild")
    return first.sha256


def _edit(house, statement, digest, name):
    with sqlite3.connect(house.home / "catalog" / "catalog.db") as db:
        if db.execute(statement, (bytes.fromhex(digest), name)).rowcount != 1:
            raise Unusable("the catalog has another shape than this test knows")
    db.close()


def _take_in(house, dock):
    house.start_and_wait()
    wait_until(lambda: dock.read_answers() or not [s for s in dock.unanswered() if (dock.folder / os.fsdecode(s.path)).exists()])
    house.stop()


def _flip_a_byte(house, docks):
    """In a sealed file whose source is still in its inbox, so that nothing is lost by it."""
    receipts = [json.loads(text) for text, _ in docks[1].answers.values()]
    item = next(one["item"] for one in receipts if one["size"] > 1000)
    path = house.home / "vault" / "items" / item[-2:] / f"{item}.seal"
    flip_bit(path, path.stat().st_size // 2, 1)
    return item


def _forge_a_receipt(tools, house, dock):
    """A copy of the archive, as a backup is one, takes a file in, and its receipt is put where the first archive puts
    its own: truly signed, and for an item that is not there."""
    copy = House(tools, "copy")
    shutil.copytree(house.home, copy.home)
    other = Dock(dock.name, copy.at / "docks" / dock.name, tools.rng("copy"))
    other.folder.mkdir(parents=True)
    settings = copy.home / "sealdock.toml"
    settings.write_text(settings.read_text(encoding="utf-8").replace(str(house.at), str(copy.at)), encoding="utf-8")
    for inbox in DOCKS:
        (copy.at / "docks" / inbox).mkdir(exist_ok=True)
    source = other.drop(manner="at_once", size=2000)
    _take_in(copy, other)
    # A catalog that was made anew delivers its old receipts once more; this one is the new source's.
    deposit, (text, signature) = next(
        (deposit, answer) for deposit, answer in other.answers.items() if source.sha256.encode() in answer[0])
    shelf = dock.folder / ".receipts"
    (shelf / f"{deposit}.json.sig").write_bytes(signature)
    (shelf / f"{deposit}.json").write_bytes(text)
    return deposit
