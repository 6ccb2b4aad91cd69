"""What each fuzz target begins with: the fixtures, walked each time and never copied into the project."""

import hashlib
import json
import re
import struct

HEADER, FOOTER = 120, 128


def of(target, top):
    """The seeds of a target, as bytes."""
    return list(globals()[target](top))


def walked(top, folder, pattern):
    return [path.read_bytes() for path in sorted((top / "fixtures" / folder).rglob(pattern))]


# ---- sealed files and key files ----------------------------------------------------------------------------


def seal_header(top):
    return [file[:HEADER] for file in walked(top, "seal", "*.seal")]


def seal_footer(top):
    return [file[:HEADER] + struct.pack(">Q", len(file)) + file[-FOOTER:] for file in walked(top, "seal", "*.seal")]


def seal_file(top):
    return walked(top, "seal", "*.seal")


def seal_facts(top):
    example = re.search(rb'^\{"archive":.*"fingerprints".*\}$', (top / "src/seal/FORMAT.md").read_bytes(), re.M)[0]
    facts = json.loads(example)
    yield example
    raw = json.loads(example)
    raw["provenance"]["deposited"]["source"]["path"] = {"base64": "xOMvusMubXA0"}
    yield canonical(raw)
    claims = [{"algorithm": "md5", "from": "a.md5", "outcome": "agrees", "value": "d41d8cd98f00b204e9800998ecf8427e"}]
    claimed = json.loads(example)
    claimed["provenance"]["deposited"]["claims"] = claims
    yield canonical(claimed)
    facts["provenance"] = {"derived": {
        "made": "2023-11-14T22:13:31.5Z", "media_type": "image/jpeg", "parent": facts["item"],
        "parent_sha256": facts["fingerprints"]["sha256"], "reason": "shown in lists", "role": "poster", "tool": "probe"}}
    yield canonical(facts)


def key_file(top):
    return walked(top, "seal", "*.keys") + walked(top, "keys", "*.keys")


# ---- ledger ------------------------------------------------------------------------------------------------


def ledger_line(top):
    lines = {line for file in walked(top, "ledger", "*.jsonl") for line in file.split(b"\n")}
    return sorted(lines)


def ledger_file(top):
    return walked(top, "ledger", "*.jsonl")


def head(top):
    lines = [json.loads(line) for line in ledger_line(top) if line.startswith(b'{"head"') and is_json(line)]
    notes = {line["head"]["note"] for line in lines if isinstance(line["head"].get("note"), str)}
    receipts = [json.loads(text) for text in receipt(top) if is_json(text)]
    return sorted(note.encode() for note in notes | {found["head"] for found in receipts})


def receipt(top):
    return walked(top, "ledger", "receipt.json")


# ---- settings and names ------------------------------------------------------------------------------------


def settings(top):
    text = (top / "config/sealdock.toml").read_text()
    yield text.encode()
    # Each default, written out; they stand in the file as `#key = value` and `#[table]`.
    written = re.sub(r"^#(?=[a-z_]+ = |\[)", "", text, flags=re.M)
    yield b"\n".join(line.encode() for line in written.splitlines() if line and not line.startswith("#"))
    for table in re.split(r"^(?=\[)", written, flags=re.M):
        yield re.sub(r"^#.*\n|^\n", "", table, flags=re.M).encode()
    yield b'[[inbox]]\ndock="a"\npath="/a"\nrelease="30d"\n[[inbox]]\ndock="b"\npath="b"\n[vault]\ncopies=["vault","/b"]\n'
    yield from (b"64GiB", b"512 MiB", b"10s", b"30d", b"36600d")


def naming_policy(top):
    for path in sorted((top / "config/profiles").glob("*.toml")):
        for table in re.split(r"^(?=\[\[)", path.read_text(), flags=re.M):
            yield table.encode()


def names(top):
    listed = re.findall(r'examples = \[(.*?)\]', (top / "config/profiles/names.toml").read_text(), re.S)
    for examples in listed:
        for example in re.findall(r'"([^"]*)"|\'([^\']*)\'', examples):
            yield (example[0] or example[1]).encode()
            yield (example[0] or example[1]).encode() + b".md5"
    yield from (b"\xc4\xe3/\xba\xc3.mp4", "现场/a.mp4".encode(), b"d/SHA256SUMS", b"/a", b"a/", b".", b"")


def checksums(top):
    yield from checksums_of_fixtures(top)
    md5, long = b"d41d8cd98f00b204e9800998ecf8427e", b"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    yield b"a.mp4.md5\n" + md5
    yield b"d/MD5SUMS\n" + md5 + b"  a b.mp4\n" + md5 + b" *c.mp4\r\n"
    yield b"a.sha256\n\\" + long + b"  a\\nb\\\\c\n"
    yield b"a.sm3\nSM3 (a (1).mp4) = " + long + b"\n"
    yield b"a.sha1\nda39a3ee5e6b4b0d3255bfef95601890afd80709\ta\n"
    yield b"a.md5\n\xef\xbb\xbf" + md5.upper() + b"  \xcf\xd6\xb3\xa1.mp4\r\n"
    yield b"a.md5\n" + ("\ufeff" + md5.decode() + "  D:\\现场.mp4\r\n").encode("utf-16-le")
    yield b"a.md5\nMD5 hash of a.mp4:\r\n" + md5 + b"\r\nCertUtil: done.\r\n"


def checksums_of_fixtures(top):
    """Sidecars as a dock would write them beside the fixtures, what receipts tell, and sidecars that are fixtures."""
    algorithms = [name for name in ("md5", "sha1", "sha256", "sm3") if name in hashlib.algorithms_available]
    for folder in ("valid", "invalid"):
        files = [path for path in sorted((top / "fixtures/media" / folder).iterdir()) if path.suffix != ".json"]
        for path in files:
            yield f"{path.name}.md5\n{digest('md5', path)}  {path.name}\n".encode()
        for name in algorithms:
            yield f"{folder}/{name.upper()}SUMS\n".encode() + b"".join(
                f"{digest(name, path)} *{path.name}\n".encode() for path in files)
            yield f"all.{name}\n".encode() + b"".join(
                f"{name.upper()} ({path.name}) = {digest(name, path)}\r\n".encode() for path in files)
    told = [json.loads(text) for text in receipt(top) if is_json(text)]
    for path, sha256 in sorted({(one["path"], one["sha256"]) for one in told if isinstance(one["path"], str)}):
        yield f"{path}.sha256\n{sha256}  {path.rpartition('/')[2]}\n".encode()
    for path in sorted((top / "fixtures").rglob("*")):
        if path.suffix.lower() in (".md5", ".sha1", ".sha256", ".sm3") or path.name.upper().endswith("SUMS"):
            yield path.name.encode() + b"\n" + path.read_bytes()


def digest(algorithm, path):
    return hashlib.new(algorithm, path.read_bytes()).hexdigest()


# ---- media -------------------------------------------------------------------------------------------------


def media_structure(top):
    for folder in ("media/valid", "media/invalid"):
        for path in sorted((top / "fixtures" / folder).iterdir()):
            if path.suffix != ".json":
                yield bytes(8) + path.read_bytes()
                yield bytes([1, 20]) + b"\xff" * 6 + path.read_bytes()[:4096]


def probe_answer(top):
    yield b"\x04" + part(1, b'["rlimits","seccomp"]')
    ending = part(2, b'{"truncated":"yes","because":["mp4_box_past_end"]}')
    yield b"\x00" + ending
    facts = [facts for line in ledger_line(top) if is_json(line) and (facts := facts_in(json.loads(line)))]
    facts.append({"probe": {"result": "failed", "code": "unreadable", "detail": "no"}, "container": "mp4",
                  "duration_s": 1.5, "truncated": "no", "created": "2019", "place": "+1+2/", "tags": {"a": "b"},
                  "streams": [{"kind": "video", "codec": "h264", "duration_s": 1.0, "width": 4, "height": 3,
                               "frame_rate": 25.0, "rotation": 90, "sample_rate": 8000, "channels": 2, "tags": {"c": "d"}}]})
    facts.append({"probe": {"result": "not_probed", "code": "x"}, "streams": [], "truncated": "cannot_be_known"})
    picture = part(4, struct.pack(">II", 4, 3) + b"\xff\xd8\xff\xe0\xff\xd9")
    for found in facts:
        yield b"\x04" + part(1, b'["seccomp"]') + ending + part(3, canonical(found)) + picture


def facts_in(line):
    return line.get("entry", {}).get("content", {}).get("act", {}).get("data", {}).get("facts")


def part(tag, content):
    return struct.pack(">BI", tag, len(content)) + content


# ---- keys --------------------------------------------------------------------------------------------------


def certificate(top):
    return walked(top, "keys", "*.cert.json")


def custody(top):
    # An even first byte: a document follows. An odd one: edits of the true document, three bytes each.
    yield b"\x00" + (top / "fixtures/keys/archive/custody.json").read_bytes()
    yield b"\x01"
    yield b"\x01" + bytes([0, 20, 1])


def backup(top):
    """Edits of the true documents, which name an archive that the target makes anew; and their forms."""
    for which in range(4):
        yield bytes([2 * which + 1])
        yield bytes([2 * which + 1, 0, 20, 1])
        yield bytes([2 * which]) + b"{}"
    for document in re.findall(rb'^\{.*"document":.*\}$', (top / "src/audit/FORMAT.md").read_bytes(), re.M):
        yield b"\x00" + document
        yield b"\x02" + document
    yield b"\x04" + b"0" * 64 + b"  vault/items/00/00000000-0000-7000-8000-000000000000.seal\n"


def share(top):
    for text in json.loads((top / "fixtures/keys/expected.json").read_text())["shares"]:
        yield text.encode()
    yield b"\x00"
    yield bytes(26) + b"\x03"
    yield bytes(16) + b"\x01"


def canonical(value):
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def is_json(text):
    try:
        return isinstance(json.loads(text), dict)
    except ValueError:
        return False
