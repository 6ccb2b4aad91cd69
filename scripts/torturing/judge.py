"""The law. For every source ever dropped: byte-identical retrieval, or the source still in place. Every deposit has
exactly one item, and no media from one dock has two. No receipt without its item. Bytes that are served are the
right ones. The archive's own checks pass, and its catalog is what a fresh replay of its ledger gives."""

import concurrent.futures
import dataclasses
import hashlib
import json
import os

from . import ledger, replay, sealed
from .docks import RELEASED, raw_name
from .ledger import Wrong
from .tools import wait_until


@dataclasses.dataclass(frozen=True)
class Finding:
    """One thing that is not as the law has it."""

    kind: str
    text: str

    def __str__(self):
        return f"{self.kind}: {self.text}"


# Kinds that the last line counts; every other kind fails the run as well.
LOST, DOUBLED, SERVED_WRONG = "lost", "doubled", "served wrong"
DAMAGED, NO_ITEM = "damaged", "receipt without its item"

# A daemon that ended though nobody told it to.
CRASHED = "crashed"

# Not the archive's fault: what a run must do was not done, so that its silence proves nothing.
UNTRIED = "untried"

# Retrievals at once.
AT_ONCE = 3

# Of the sealed files, one in so many has the signature in its footer checked here too: ed25519.py is simple, and slow.
# All are checked by `verify`, and each is compared with its entry here.
ONE_SIGNATURE_IN = 20


class Judge:
    """Judges one house with its docks."""

    def __init__(self, house, docks):
        self.house = house
        self.docks = docks
        self.node = house.public / "node.pub.pem"
        self.head = house.public / "head.pub.pem"
        self.findings = []
        self.books = None
        self.items = {}

    def say(self, kind, text):
        self.findings.append(Finding(kind, text))

    def died(self, code=None):
        """A daemon ended that nobody told to."""
        code = self.house.daemon.poll() if code is None else code
        if code is None:
            return [Finding("stuck", f"the daemon runs and does not answer: {self.house.last_words()}")]
        return [Finding(CRASHED, f"the daemon ended by itself with {code}: {self.house.last_words()}")]

    # ---- after a cut, before anything was put in order ------------------------------------------------

    def promises_hold(self):
        """Looks at what lies on the disk and touches nothing: every receipt that a dock ever saw has its entry,
        and its item, whole."""
        if not self._open_books():
            return self.findings
        self._judge_receipts()
        return self.findings

    def _open_books(self):
        """Reads the ledger, and lists what lies in the vault; says what is wrong where it cannot be read."""
        try:
            self.books = ledger.Books(self.house.home / "ledger", self.head, tail="torn")
        except Wrong as wrong:
            self.say("ledger", str(wrong))
            return False
        self._list_items()
        return True

    # ---- the whole law -------------------------------------------------------------------------------

    def judge(self, patience_s=120, may_stay=(), retrieve_most=None):
        """Lets the daemon finish, then judges everything. `may_stay` names docks whose sources may lie unsealed;
        `retrieve_most` bounds how many sources that are still in place are retrieved as well."""
        if not self.house.is_up() and not self.house.start_and_wait():
            self.say("dead", f"the daemon does not start: {self.house.last_words()}")
            return self.findings
        self.wait_for_answers(patience_s, may_stay)
        if not self._open_books():
            return self.findings
        self._judge_sources(may_stay, retrieve_most)
        self._archive_verifies()
        code = self.house.stop()
        if code != 0:
            self.say("dead", f"the daemon ended with {code} on SIGTERM: {self.house.last_words()}")
        self._judge_at_rest()
        return self.findings

    def _judge_at_rest(self):
        for dock in self.docks:
            dock.read_answers()
        try:
            self.books = ledger.Books(self.house.home / "ledger", self.head)
        except Wrong as wrong:
            self.say("ledger", str(wrong))
            return
        self._list_items()
        self._judge_entries()
        self._judge_receipts()
        self._judge_vault()
        for difference in replay.differences(self.house, self.house.tools.work / "replay"):
            self.say("catalog", difference)

    # ---- sources -------------------------------------------------------------------------------------

    def wait_for_answers(self, patience_s, may_stay):
        def all_answered():
            for dock in self.docks:
                dock.read_answers()
            waiting = [one for dock in self.docks if dock.name not in may_stay for one in dock.unanswered()]
            return not any(self._in_place(one) for one in waiting)
        if not wait_until(all_answered, patience_s, pause_s=0.1):
            for dock in self.docks:
                for source in [] if dock.name in may_stay else dock.unanswered():
                    if self._in_place(source):
                        self.say("stuck", f"{dock.name}: {_shown(source.path)} has no receipt after {patience_s} s")

    def _in_place(self, source):
        """Whether the source lies in its inbox, byte for byte, also where a release set it aside."""
        dock = next(one for one in self.docks if one.name == source.dock)
        if _sha256_of(os.path.join(os.fsencode(dock.folder), source.path)) == source.sha256:
            return True
        aside = dock.folder / RELEASED
        names = os.listdir(aside) if aside.is_dir() else []
        return any(_sha256_of(aside / name) == source.sha256 for name in names)

    def _judge_sources(self, may_stay, retrieve_most):
        """Every item that some source needs is retrieved once; what is needed for a source that is gone, always."""
        needed, welcome = {}, {}
        sources = [source for dock in self.docks for source in dock.sources]
        for source in sources:
            source.here = self._in_place(source)
            items = self.items_of.get((source.dock, source.sha256), [])
            source.items = items
            for item in items:
                (welcome if source.here else needed).setdefault(item, source)
        extra = [(item, source) for item, source in welcome.items() if item not in needed]
        wanted = [*needed.items(), *extra[:retrieve_most]]
        with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
            served = dict(zip([item for item, _ in wanted], pool.map(lambda one: self._retrieve(*one), wanted)))
        for source in sources:
            if not source.here and not any(served.get(item) for item in source.items):
                self.say(LOST, f"{source.dock}: {_shown(source.path)} is neither in its inbox nor retrievable")

    def _retrieve(self, item, source):
        """Whether an item comes back byte for byte. What comes back otherwise is served wrong."""
        to = self.house.tools.work / f"got-{item}"
        done = self.house.run("get", item, "-o", to, "--purpose", "torture")
        got = _sha256_of(to)
        if to.exists():
            to.unlink()
        if got is not None and got != source.sha256:
            self.say(SERVED_WRONG, f"item {item} of {source.dock}: {_shown(source.path)} came back changed")
        if done.returncode == 0 and got is None:
            self.say(SERVED_WRONG, f"item {item}: get ended well and wrote nothing")
        return done.returncode == 0 and got == source.sha256

    # ---- the archive's own checks --------------------------------------------------------------------

    def _archive_verifies(self):
        done = self.house.run("verify", "--all", "--open", "--json", patience_s=600)
        report = json.loads(done.stdout or b"{}")
        if done.returncode != 0:
            named = ", ".join(f"{one['item']} ({one['code']})" for one in report.get("failures", []))
            why = named or done.stderr.decode(errors="replace").strip()
            self.say("verify", f"verify --all --open ended with {done.returncode}: {why}")
        done = self.house.run("ledger", "verify", "--json", patience_s=600)
        if done.returncode != 0:
            self.say("verify", f"ledger verify ended with {done.returncode}: {done.stderr.decode(errors='replace')}")

    # ---- entries, receipts, files --------------------------------------------------------------------

    def _list_items(self):
        self.items, self.items_of, self.deposits = {}, {}, {}
        for entry, data in self.books.acts("item_sealed", "known_deposit", "derivative_sealed"):
            if entry["kind"] != "known_deposit":
                self.items.setdefault(data["item"], []).append(data)
            if entry["kind"] == "item_sealed":
                dock = data["deposit"]["source"]["dock"]
                self.items_of.setdefault((dock, data["sha256"]), []).append(data["item"])
            if entry["kind"] != "derivative_sealed":
                self.deposits.setdefault(data["deposit"]["deposit"], []).append((entry, data))

    def _judge_entries(self):
        for item, datas in self.items.items():
            if len(datas) > 1:
                self.say(DOUBLED, f"item {item} is entered {len(datas)} times")
        for (dock, digest), items in self.items_of.items():
            if len(items) > 1:
                self.say(DOUBLED, f"{dock}: media {digest} is {len(items)} items: {', '.join(items)}")
        seen = {}
        for deposit, entries in self.deposits.items():
            if len(entries) > 1:
                self.say(DOUBLED, f"deposit {deposit} is entered {len(entries)} times")
            source = entries[0][1]["deposit"]["source"]
            # A disk that was mounted again has another device number, and the same files.
            same = json.dumps([source[name] for name in ("dock", "path", "inode", "size", "modified", "changed")])
            if same in seen:
                self.say(DOUBLED, f"one file of {source['dock']} is two deposits: {seen[same]}, {deposit}")
            seen[same] = deposit

    def _judge_receipts(self):
        for dock in self.docks:
            for deposit in dock.forged:
                self.say("receipt", f"{dock.name}: {deposit} came with a signature that is not true")
            whole = {}
            for source in [*dock.sources, *dock.unfinished]:
                whole.setdefault(json.dumps(raw_name(source.path)), []).append(source)
            for deposit, (text, signature) in dock.answers.items():
                self._judge_receipt(dock, deposit, (text, signature), whole)

    def _judge_receipt(self, dock, deposit, answer, whole):
        named = f"{dock.name}: receipt {deposit}"
        item = json.loads(answer[0])["item"]
        if item not in self.items:
            return self.say(NO_ITEM, f"{named} names item {item}, which is not in the ledger")
        if not any(data["sealed_sha256"] == self._sealed(item, place) for data in self.items[item]
                   for place in self.house.places):
            self.say(DAMAGED, f"{named} names item {item}, whose sealed file is missing or altered")
        try:
            receipt = ledger.check_receipt(*answer, self.node, self.books)
        except (Wrong, ValueError, KeyError) as wrong:
            return self.say("receipt", f"{named}: {wrong}")
        entry = self.books.entries[receipt["ledger_index"]]
        data = entry["content"]["act"]["data"]
        if (data["deposit"]["deposit"], data["item"]) != (receipt["deposit"], item):
            self.say("receipt", f"{named} and its entry name two things")
        if receipt["sha256"] != self.items[item][0]["sha256"]:
            self.say("receipt", f"{named} and its item have two fingerprints")
        sources = whole.get(json.dumps(receipt["path"]), [])
        if sources and not any(_is_part_of(source, receipt) for source in sources):
            self.say(SERVED_WRONG, f"{named}: the fingerprint is of bytes that {receipt['path']} never had")

    def _sealed(self, item, place):
        for folder in ("items", "derived"):
            for path in (place / folder / item[-2:]).glob(f"{item}.seal"):
                return _sha256_of(path)
        return None

    def _judge_vault(self):
        """What lies in the vault is what the ledger names, whole, in every place."""
        for number, place in enumerate(self.house.places):
            for folder, kind in (("items", "item_sealed"), ("derived", "derivative_sealed")):
                files = sealed.files_of(place, folder, ".seal")
                keys = sealed.files_of(place, folder, ".keys")
                entered = {data["item"]: data for _, data in self.books.acts(kind)}
                for item, data in entered.items():
                    self._judge_file(place, (item, data), (files.pop(item, []), keys.pop(item, [])))
                # A cut may leave a whole pair in another place than the first; nothing refers to it.
                for item in sorted({*files, *keys}) if number == 0 else []:
                    self.say("stray", f"{place.name}/{folder} holds {item}, which no entry names")
            for path in (place / "tmp").rglob("*"):
                if path.is_file():
                    self.say("stray", f"{path} is unfinished and was not swept")

    def _judge_file(self, place, entered, files):
        item, data = entered
        if len(files[0]) != 1 or len(files[1]) != 1:
            return self.say(DAMAGED, f"{place.name}: item {item} has {len(files[0])} sealed and {len(files[1])} key files")
        is_sampled = int(item[-4:], 16) % ONE_SIGNATURE_IN == 0
        seen = sealed.Sealed(files[0][0], self.node if is_sampled else None)
        if seen.wrong or seen.sha256 != data["sealed_sha256"]:
            self.say(DAMAGED, f"{place.name}: sealed file of item {item}: {seen.wrong or 'it is not the one that was entered'}")
        if _sha256_of(files[1][0]) != data["keys_sha256"]:
            self.say(DAMAGED, f"{place.name}: key file of item {item} is not the one that was entered")


def _is_part_of(source, receipt):
    """Whether a receipt is for these bytes or for their beginning: a dock may pause in the middle of a file."""
    if receipt["sha256"] == source.sha256:
        return True
    begun = source.content()[: receipt["size"]]
    return receipt["size"] <= source.size and hashlib.sha256(begun).hexdigest() == receipt["sha256"]


def _sha256_of(path):
    try:
        with open(path, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return None


def _shown(path):
    return os.fsdecode(path).encode("utf-8", "backslashreplace").decode()
