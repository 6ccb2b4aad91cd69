"""Reads a ledger folder, or checks a receipt's proof, by FORMAT.md alone: hashlib, json, no code of sealdock.

reader.py FOLDER             prints size and root of the last head, once the entries before it gave that root
reader.py receipt FILE       prints size and root of the receipt's head, once its proof led there
"""

import base64
import hashlib
import json
import pathlib
import sys


def canonical(value):
    # Enough of RFC 8785 for the fixtures: ASCII keys, whole numbers.
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def sha256(*parts):
    return hashlib.sha256(b"".join(parts)).digest()


def leaf_of(entry):
    outline = {key: entry[key] for key in ("at", "index", "kind", "v")}
    if "content" in entry:
        salted = bytes.fromhex(entry["salt"]) + canonical(entry["content"])
        outline["content_sha256"] = sha256(b"sealdock/ledger/content/v1\n", salted).hex()
    else:
        outline["content_sha256"] = entry["content_sha256"]
    return sha256(b"\0", canonical(outline))


def root_of(leaves):
    if not leaves:
        return sha256()
    if len(leaves) == 1:
        return leaves[0]
    half = 1 << ((len(leaves) - 1).bit_length() - 1)
    return sha256(b"\1", root_of(leaves[:half]), root_of(leaves[half:]))


def climb(leaf, index, size, proof):
    """The root that a proof leads to, by the recursion of RFC 6962, section 2.1.1."""
    if size == 1:
        assert not proof, "the proof is too long"
        return leaf
    half = 1 << ((size - 1).bit_length() - 1)
    if index < half:
        return sha256(b"\1", climb(leaf, index, half, proof[:-1]), proof[-1])
    return sha256(b"\1", proof[-1], climb(leaf, index - half, size - half, proof[:-1]))


def head_of(note):
    _, size, root = note.split("\n\n")[0].split("\n")
    return int(size), base64.b64decode(root)


def read_ledger(folder):
    leaves, head = [], (0, root_of([]))
    for file in sorted(pathlib.Path(folder).glob("*.jsonl")):
        assert int(file.stem) == len(leaves), "a file is missing"
        for line in file.read_bytes().splitlines():
            line = json.loads(line)
            if "entry" in line:
                assert line["entry"]["index"] == len(leaves), "an entry is missing"
                leaves.append(leaf_of(line["entry"]))
            else:
                assert line["head"]["after"] == head[0], "a head is missing"
                head = head_of(line["head"]["note"])
                assert head == (len(leaves), root_of(leaves)), "a head does not fit"
    return head


def read_receipt(file):
    receipt = json.loads(pathlib.Path(file).read_bytes())
    size, root = head_of(receipt["head"])
    proof = [bytes.fromhex(one) for one in receipt["proof"]]
    reached = climb(bytes.fromhex(receipt["leaf"]), receipt["ledger_index"], size, proof)
    assert reached == root, "the proof leads elsewhere"
    return size, root


size, root = read_receipt(sys.argv[2]) if sys.argv[1] == "receipt" else read_ledger(sys.argv[1])
print(size, root.hex())
