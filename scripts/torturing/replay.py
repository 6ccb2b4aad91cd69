"""Two catalogs compared: the one that grew, and one that is replayed from a copy of the ledger.

Compared are the tables that src/catalog/schema calls the view, row by row, and what `find` and `show` print. Working
tables may differ. Of the search words their numbers are compared for each item, and what some of them find: FTS5 keeps
them in segments whose layout depends on how they came."""

import collections
import contextlib
import json
import os
import shutil
import sqlite3
import subprocess

VIEW = {
    name: f"SELECT * FROM {name}" for name in (
        "entries", "nodes", "heads", "ledger_files", "archive", "items", "derivatives", "deposits", "media", "claims",
        "ties", "damage", "lost_places", "lowerings", "principals",
    )
} | {
    # These count working tables.
    "counters": "SELECT * FROM counters WHERE name NOT IN ('outbox', 'unprobed', 'unproven')",
    "words": "SELECT id, sz FROM words_docsize",
}

# What may be lost at any time, and is not compared.
WORKING = {"outbox", "unprobed", "unproven", "scans", "marks", "scrubs"}

# Items of which `show` is compared, and whose names are searched for.
SHOWN = 3

# Differences named at most; more say nothing new.
MOST_NAMED = 5


def differences(house, at):
    """How the catalog of a house differs from a fresh replay. The daemon must not run."""
    copy = at / house.home.name
    shutil.rmtree(at, ignore_errors=True)
    copy.mkdir(parents=True)
    try:
        shutil.copytree(house.home / "keys", copy / "keys")
        shutil.copytree(house.home / "ledger", copy / "ledger")
        shutil.copy2(house.home / "sealdock.toml", copy / "sealdock.toml")
        for folder in ("catalog", "receipts", "run"):
            (copy / folder).mkdir()
        for place in house.places:
            _link_or_copy(place, copy.parent / place.relative_to(house.home.parent))
        done = _run(house, copy, "rebuild")
        if done.returncode != 0:
            return [f"the copy cannot be rebuilt: {done.stderr.decode(errors='replace').strip()}"]
        # First the commands: they bring both databases to rest.
        found = _compare_answers(house, copy)
        return found + _compare(house.home / "catalog" / "catalog.db", copy / "catalog" / "catalog.db")
    finally:
        shutil.rmtree(at, ignore_errors=True)


def _link_or_copy(place, to):
    """The vault is write-once: links do where they can be made."""
    def link(source, target):
        try:
            os.link(source, target)
        except OSError:
            shutil.copy2(source, target)
    shutil.copytree(place, to, copy_function=link)


def _run(house, home, *arguments):
    command = house.command(*arguments)
    command[command.index(str(house.home))] = str(home)
    return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=False, timeout=600)


def _compare_answers(house, copy):
    listed = _run(house, house.home, "find", "--json").stdout.splitlines()
    asked = [["find", "--json"]]
    for line in listed[:: max(1, len(listed) // SHOWN)][:SHOWN]:
        item = json.loads(line)
        asked.append(["show", "--json", item["item"]])
        if isinstance(item["name"], str):
            asked.append(["find", "--json", "--", item["name"]])
    found = []
    for arguments in asked:
        grown, replayed = (_run(house, home, *arguments) for home in (house.home, copy))
        # Of a derivative `show` tells where it lies.
        told = replayed.stdout.replace(str(copy).encode(), str(house.home).encode())
        if (grown.stdout, grown.returncode) != (told, replayed.returncode):
            found.append(f"{' '.join(arguments)}: two catalogs, two answers")
    return found


def _compare(grown, replayed):
    found = []
    for path in (grown, replayed):
        found += [f"{path}: nobody said whether the table {name} is of the view" for name in sorted(
            _tables(path) - set(VIEW) - WORKING)]
    for table, select in VIEW.items():
        found += _named(table, *(_rows(path, select) for path in (grown, replayed)))
    return found


def _rows(path, select):
    # Read-only with its log: nothing is written into what is judged.
    with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as db:
        return sorted(repr(row) for row in db.execute(select))


def _tables(path):
    """Those of the schema. What begins with `words_` is how FTS5 keeps `words`; `sqlite_` is SQLite's own."""
    with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as db:
        names = {name for name, in db.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")}
    return {name for name in names if not name.startswith(("words_", "sqlite_"))}


def _named(table, grown, replayed):
    """Rows that are not in both as often."""
    if grown == replayed:
        return []
    grown, replayed = collections.Counter(grown), collections.Counter(replayed)
    named = [f"{table}: only in the catalog that grew: {row[:300]}" for row in sorted((grown - replayed).elements())]
    named += [f"{table}: only in the replay: {row[:300]}" for row in sorted((replayed - grown).elements())]
    return named[:MOST_NAMED]
