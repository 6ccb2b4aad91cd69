"""Docks that write in every manner, erase on receipts as docks do, and know every source they ever dropped."""

import contextlib
import dataclasses
import hashlib
import json
import os
import random
import shutil
import threading
import time

from .tools import MEDIA, is_signed

RECEIPTS = ".receipts"
RELEASED = ".sealdock-released"


@dataclasses.dataclass
class Source:
    """One file, from the moment it lay complete in its inbox."""

    dock: str
    path: bytes
    seed: object
    size: int
    sha256: str
    erased: bool = False
    media: str = None

    def content(self):
        return content_of(self.seed, self.size, self.media)


def content_of(seed, size, media=None):
    """The same bytes for the same seed. Media stay media: a `free` box (ISO/IEC 14496-12, 8.1.2) makes each
    clip a file of its own."""
    own = random.Random(str(seed))
    if media is None:
        return own.randbytes(size)
    return (MEDIA / media).read_bytes() + b"\0\0\0\x10free" + own.randbytes(8)


class Dock:
    """One dock and its inbox."""

    def __init__(self, name, folder, rng, public=None, erases=0.6, is_careful=False):
        self.name = name
        self.folder = folder
        self.rng = rng
        self.public = public
        self.erases = erases
        # Whether it forces what it writes to the disk, as a dock must whose disk may lose power.
        self.is_careful = is_careful
        self.sources = []
        # What may be read in part: begun and never finished, because the disk failed.
        self.unfinished = []
        # Every receipt it ever saw, by deposit: its bytes and signature.
        self.answers = {}
        self.forged = []
        self._count = 0
        self._stop = threading.Event()
        self._at_work = threading.Lock()
        self._is_paused = False
        self._thread = None

    # ---- writing -------------------------------------------------------------------------------------

    def drop(self, **wanted):
        """Drops one source in a manner that chance chooses. Answers it, or `None` where the disk refused."""
        self._count += 1
        seed, size, media = (self.name, self._count, self.rng.random()), self._size(), None
        manner = wanted.get("manner") or self.rng.choices(
            ["at_once", "part", "slowly", "folder", "again", "media", "checksum"], [5, 4, 2, 2, 1, 2, 1])[0]
        before = wanted.get("like")
        if manner == "again" and self.sources:
            before = self.rng.choice(self.sources)
        if before:
            seed, size, media = before.seed, before.size, before.media
        elif manner == "media":
            media = self.rng.choice(["moov-front.mp4", "h264-aac.mov"])
        if "size" in wanted:
            size = wanted["size"]
        content = content_of(seed, size, media)
        suffix = f".{media.rsplit('.', 1)[1]}" if media else self.rng.choice([".bin", ".mp4", ".pdf", ".jpg", ".txt"])
        path = f"{self.name}-{self._count}{suffix}"
        if self.rng.random() < 0.3:
            path = f"{self.rng.randrange(3)}/{path}"
        source = Source(self.name, os.fsencode(path), seed, len(content), sha256(content), media=media)
        try:
            self._write(source, content, manner)
        except OSError:
            self.unfinished.append(source)
            return None
        self.sources.append(source)
        if manner == "checksum":
            self._drop_checksum(source)
        return source

    def _size(self):
        kind = self.rng.random()
        if kind < 0.03:
            return 0
        if kind < 0.85:
            return self.rng.randrange(1, 60_000)
        if kind < 0.97:
            return self.rng.randrange(200_000, 1_500_000)
        return self.rng.randrange(3_000_000, 6_000_000)

    def _write(self, source, content, manner):
        to = self.folder / os.fsdecode(source.path)
        if manner == "folder":
            to = self.folder / f"run-{self._count}" / to.name
            source.path = os.fsencode(to.relative_to(self.folder))
            coming = self.folder.with_name(self.folder.name + ".coming")
            shutil.rmtree(coming, ignore_errors=True)
            coming.mkdir()
            self._put(coming / to.name, content)
            os.rename(coming, to.parent)
        else:
            to.parent.mkdir(exist_ok=True)
            if manner == "part":
                part = to.with_name(to.name + ".part")
                self._put(part, content)
                os.rename(part, to)
            else:
                self._put(to, content, slowly=manner == "slowly")
        if self.is_careful:
            for folder in {to.parent, self.folder}:
                handle = os.open(folder, os.O_RDONLY)
                try:
                    os.fsync(handle)
                finally:
                    os.close(handle)

    def _put(self, path, content, slowly=False):
        with open(path, "wb", buffering=0) as file:
            pieces = 4 if slowly else 1
            for piece in range(pieces):
                at, to = len(content) * piece // pieces, len(content) * (piece + 1) // pieces
                written = at
                while written < to:
                    written += file.write(content[written:to])
                if slowly:
                    time.sleep(self.rng.uniform(0.01, 0.12))
            if self.is_careful:
                os.fsync(file.fileno())

    def _drop_checksum(self, source):
        true = self.rng.random() < 0.7
        digest = hashlib.md5(source.content() if true else b"something else", usedforsecurity=False).hexdigest()
        line = f"{digest}  {os.fsdecode(os.path.basename(source.path))}\n".encode()
        beside = Source(self.name, source.path + b".md5", line, len(line), sha256(line))
        beside.content = lambda: line
        try:
            self._write(beside, line, "at_once")
            self.sources.append(beside)
        except OSError:
            self.unfinished.append(beside)

    # ---- reading answers -----------------------------------------------------------------------------

    def read_answers(self):
        """Reads new receipts, and erases as docs/dock.md allows: path, size, fingerprint, signature, may_erase."""
        shelf = self.folder / RECEIPTS
        with contextlib.suppress(OSError):
            for name in os.listdir(shelf):
                deposit = name.removesuffix(".json")
                if name == deposit or deposit in self.answers:
                    continue
                with contextlib.suppress(OSError):
                    signature = (shelf / f"{name}.sig").read_bytes()
                    self._heed(deposit, (shelf / name).read_bytes(), signature)

    def _heed(self, deposit, text, signature):
        self.answers[deposit] = (text, signature)
        if self.public is None:
            return
        if not is_signed(self.public, text, signature):
            self.forged.append(deposit)
            return
        receipt = json.loads(text)
        path = receipt["path"]
        if not receipt["may_erase"] or not isinstance(path, str) or self.rng.random() > self.erases:
            return
        for source in self.sources:
            fits = (os.fsdecode(source.path), source.size, source.sha256) == (path, receipt["size"], receipt["sha256"])
            if fits and not source.erased:
                # Said first: the daemon may be looking, and so may the power.
                source.erased = True
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(self.folder / path)

    def answered(self):
        """Paths and fingerprints that have a receipt."""
        receipts = [json.loads(text) for text, _ in self.answers.values()]
        return {(json.dumps(one["path"]), one["sha256"]) for one in receipts}

    def unanswered(self):
        """Sources without a receipt of theirs."""
        have = self.answered()
        return [one for one in self.sources if (json.dumps(raw_name(one.path)), one.sha256) not in have]

    # ---- at work -------------------------------------------------------------------------------------

    def begin(self, pause_s, wanted=None):
        """Drops and reads in a thread of its own, until told to end."""
        self._stop.clear()
        self._thread = threading.Thread(target=self._work, args=(pause_s, wanted or {}), daemon=True)
        self._thread.start()
        return self

    def plain(self, pause_s):
        """The same, with small files that are written at once."""
        return self.begin(pause_s, {"manner": "at_once", "size": 20_000})

    def _work(self, pause_s, wanted):
        while not self._stop.wait(self.rng.uniform(*pause_s)):
            with self._at_work:
                self.drop(**wanted)
                with contextlib.suppress(OSError):
                    self.read_answers()

    def pause(self):
        """Returns once the dock has nothing in hand; it touches nothing until it goes on."""
        self._at_work.acquire()
        self._is_paused = True

    def go_on(self):
        if self._is_paused:
            self._is_paused = False
            self._at_work.release()

    def end(self):
        self._stop.set()
        self.go_on()
        self._thread.join()


def sha256(content):
    return hashlib.sha256(content).hexdigest()


def raw_name(path):
    """A path as receipts and entries write it."""
    try:
        return path.decode()
    except UnicodeDecodeError:
        import base64
        return {"base64": base64.b64encode(path).decode()}
