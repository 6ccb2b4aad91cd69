"""Ledger files and receipts, read by src/ledger/FORMAT.md: hashlib and json, no code of sealdock. The numbers of
checks are those of its sections 7 and 8."""

import base64
import hashlib
import json
import re

from .tools import is_signed


class Wrong(Exception):
    """The first thing that is wrong."""


def sha256(*parts):
    return hashlib.sha256(b"".join(parts)).digest()


def canonical(value):
    """RFC 8785, for what a ledger holds: names sorted by UTF-16, numbers as ECMAScript writes them."""
    if isinstance(value, dict):
        names = sorted(value, key=lambda name: name.encode("utf-16-be", "surrogatepass"))
        return "{" + ",".join(f"{canonical(name)}:{canonical(value[name])}" for name in names) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(canonical, value)) + "]"
    if isinstance(value, float):
        return re.sub(r"e([+-])0+", r"e\1", repr(value)).removesuffix(".0")
    return json.dumps(value, ensure_ascii=False)


def leaf_of(entry):
    outline = {name: entry[name] for name in ("at", "index", "kind", "v")}
    if "content" in entry:
        salted = bytes.fromhex(entry["salt"]) + canonical(entry["content"]).encode()
        outline["content_sha256"] = sha256(b"sealdock/ledger/content/v1\n", salted).hex()
    else:
        outline["content_sha256"] = entry["content_sha256"]
    return sha256(b"\0", canonical(outline).encode())


class Tree:
    """The tree of RFC 6962, as the roots of its whole subtrees, largest first."""

    def __init__(self):
        self.size = 0
        self.peaks = []

    def add(self, leaf):
        self.size += 1
        node, count = leaf, 1
        while self.peaks and self.peaks[-1][1] == count:
            left, _ = self.peaks.pop()
            node, count = sha256(b"\1", left, node), 2 * count
        self.peaks.append((node, count))

    def root(self):
        if not self.peaks:
            return sha256()
        node = self.peaks[-1][0]
        for left, _ in reversed(self.peaks[:-1]):
            node = sha256(b"\1", left, node)
        return node


def climb(leaf, index, size, proof):
    """The root that a proof leads to, by the recursion of RFC 6962, section 2.1.1."""
    if size == 1:
        if proof:
            raise Wrong("its proof is too long")
        return leaf
    if not proof:
        raise Wrong("its proof is too short")
    half = 1 << ((size - 1).bit_length() - 1)
    if index < half:
        return sha256(b"\1", climb(leaf, index, half, proof[:-1]), proof[-1])
    return sha256(b"\1", proof[-1], climb(leaf, index - half, size - half, proof[:-1]))


class Head:
    """A note, taken apart."""

    def __init__(self, note):
        self.text, _, signatures = note.partition("\n\n")
        self.text += "\n"
        self.origin, size, root = self.text.rstrip("\n").split("\n")
        self.size, self.root = int(size), base64.b64decode(root)
        found = re.fullmatch("\u2014 (\\S+) (\\S+)\n", signatures)
        if not found or found.group(1) != self.origin:
            raise Wrong("a head does not carry the log's own signature alone")
        self.signature = base64.b64decode(found.group(2))[4:]

    def is_true(self, public):
        return is_signed(public, self.text.encode(), self.signature)


class Books:
    """A whole ledger."""

    def __init__(self, folder, public, tail="whole"):
        """Reads every line. `tail` says what may stand behind the last head: nothing (`whole`), or what a cut
        leaves (`torn`)."""
        self.entries = []
        self.leaves = []
        self.heads = {}
        self.last = None
        self._tree = Tree()
        files = sorted(folder.glob("*.jsonl"))
        if not files:
            raise Wrong("there is no ledger file")
        for file in files:
            if file.stem != f"{len(self.entries):020}":
                raise Wrong(f"{file.name}: a file is missing before it")  # 1
            self._read(file, tail if file == files[-1] else "whole")
        if self.last is None or not self.last.is_true(public):
            raise Wrong("the signature of the last head is not true")  # 16

    def _read(self, file, tail):
        lines = file.read_bytes().split(b"\n")
        for number, line in enumerate(lines[:-1], 1):
            try:
                self._take(line)
            except (Wrong, ValueError, KeyError) as error:
                if tail == "torn":
                    break
                raise Wrong(f"{file.name}, line {number}: {error}") from error
        ends_whole = lines[-1] == b"" and self.last is not None and self.last.size == len(self.entries)
        if tail == "whole" and not ends_whole:
            raise Wrong(f"{file.name}: it does not end with a head")  # 2, 17
        # What stands behind the last head was never answered for.
        kept = self.last.size if self.last else 0
        del self.entries[kept:], self.leaves[kept:]

    def _take(self, line):
        value = json.loads(line)
        if canonical(value).encode() != line:
            raise Wrong("it is not canonical")  # 5
        if "head" in value:
            return self._take_head(value["head"])
        entry = value["entry"]
        if entry["index"] != len(self.entries) or "content" not in entry:
            raise Wrong("its index is wrong, or its content is missing")  # 9, 10
        if entry["kind"] != entry["content"]["act"]["kind"]:
            raise Wrong("its kind is not that of its content")  # 7
        leaf = leaf_of(entry)
        self.entries.append(entry)
        self.leaves.append(leaf)
        self._tree.add(leaf)

    def _take_head(self, value):
        head = Head(value["note"])
        before = self.last.size if self.last else 0
        if value["after"] != before or head.size <= before:
            raise Wrong("a head is missing before it")  # 12, 14
        if (head.size, head.root) != (self._tree.size, self._tree.root()):
            raise Wrong("the head is not over the entries before it")  # 14, 15
        self.heads[value["note"]] = head
        self.last = head

    def acts(self, *kinds):
        """Entries of these kinds, each with its data."""
        for entry in self.entries:
            if entry["kind"] in kinds:
                yield entry, entry["content"]["act"]["data"]


def check_receipt(text, signature, public, books):
    """Checks a receipt against the ledger; answers it, or raises [`Wrong`] with what does not hold."""
    receipt = json.loads(text)
    if canonical(receipt).encode() != text:
        raise Wrong("it is not canonical")  # 1
    if receipt["version"] != 1 or receipt["copies"] < 1 or receipt["may_erase"] != (receipt["readback"] == "disk"):
        raise Wrong("it contradicts itself")  # 2
    if not is_signed(public, text, signature):
        raise Wrong("its signature is not true")  # 3
    head = Head(receipt["head"])
    if head.origin != f"sealdock/{receipt['archive']}/{receipt['epoch']}":
        raise Wrong("its head is of another log")  # 4
    proof = [bytes.fromhex(one) for one in receipt["proof"]]
    index, leaf = receipt["ledger_index"], bytes.fromhex(receipt["leaf"])
    if not index < head.size or climb(leaf, index, head.size, proof) != head.root:
        raise Wrong("its proof leads elsewhere")  # 6
    if receipt["head"] not in books.heads:
        raise Wrong("its head is not in the ledger")
    if index >= len(books.leaves) or books.leaves[index] != leaf:
        raise Wrong("its entry is not in the ledger")
    return receipt
