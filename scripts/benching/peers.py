"""sealdock and the tools beside it, each behind the same three calls."""

import os
import re
import subprocess
import time

from .archive import Archive
from .tools import Failed, run, sync


def everyone(binaries):
    return [Sealdock(binaries, "on"), Sealdock(binaries, "off"), Restic(), Borg(), Rclone(), Gocryptfs(), Age(), Copy()]


class Peer:
    """A tool that stores a folder, and is timed until all is on the disk."""

    # Seconds to the last probe, of whoever probes.
    probes = None

    def prepare(self, place):
        pass

    def store(self, source, place, count):
        began = time.monotonic()
        self.run(source, place)
        sync(place)
        return time.monotonic() - began

    def end(self, place):
        pass


class Sealdock(Peer):
    def __init__(self, binaries, readback):
        self.binaries, self.readback = binaries, readback
        self.name = f"sealdock, read-back {readback}"

    def prepare(self, place):
        settings = "" if self.readback == "on" else '[vault]\nreadback = "off"\n'
        self.archive = Archive(self.binaries, place / "home", settings)

    def store(self, source, place, count):
        receipts, self.probes = self.archive.deposit(source, count)
        return receipts


class Restic(Peer):
    name = "restic"

    def prepare(self, place):
        self.words = ["restic", "-q", "-r", place / "repository", "--cache-dir", place / "cache"]
        self.environment = {**os.environ, "RESTIC_PASSWORD": "bench"}
        run(*self.words, "init", env=self.environment)

    def run(self, source, place):
        run(*self.words, "backup", source, env=self.environment)


class Borg(Peer):
    name = "borg"

    def prepare(self, place):
        self.environment = {**os.environ, "BORG_PASSPHRASE": "bench", "BORG_BASE_DIR": str(place / "base")}
        run("borg", "init", "--encryption=repokey", place / "repository", env=self.environment)

    def run(self, source, place):
        run("borg", "create", f"{place / 'repository'}::one", source, env=self.environment)


class Rclone(Peer):
    name = "rclone crypt"

    def prepare(self, place):
        secret = run("rclone", "obscure", "bench", stdout=subprocess.PIPE).stdout.decode().strip()
        self.settings = place / "rclone.conf"
        self.settings.write_text(
            f"[sealed]\ntype = crypt\nremote = {place / 'repository'}\npassword = {secret}\n", encoding="utf-8")

    def run(self, source, place):
        run("rclone", "--config", self.settings, "copy", source, "sealed:")


class Gocryptfs(Peer):
    name = "gocryptfs"

    def prepare(self, place):
        if not os.access("/dev/fuse", os.R_OK | os.W_OK):
            raise Failed("there is no /dev/fuse")
        self.sealed, self.clear = place / "sealed", place / "clear"
        self.sealed.mkdir()
        self.clear.mkdir()
        secret = place / "secret"
        secret.write_text("bench\n", encoding="utf-8")
        run("gocryptfs", "-q", "-init", "-passfile", secret, self.sealed)
        run("gocryptfs", "-q", "-passfile", secret, self.sealed, self.clear)

    def run(self, source, place):
        run("cp", "-r", source, self.clear)

    def end(self, place):
        run("fusermount", "-u", self.clear)


class Age(Peer):
    name = "age + sha256sum"

    def prepare(self, place):
        run("age-keygen", "-o", place / "key")
        text = (place / "key").read_text(encoding="utf-8")
        self.recipient = re.search(r"age1\w+", text).group()
        (place / "sealed").mkdir()

    def run(self, source, place):
        # One file after the other on each processor, as a shell script would.
        script = 'age -r "$1" -o "$2/$(basename "$3").age" "$3" && sha256sum "$3"'
        with open(place / "SHA256SUMS", "wb") as sums:
            files = b"\0".join(os.fsencode(path) for path in sorted(source.iterdir()))
            run("xargs", "-0", "-n1", f"-P{os.cpu_count()}", "sh", "-c", script, "sh", self.recipient,
                place / "sealed", input=files, stdout=sums)


class Copy(Peer):
    name = "cp"

    def run(self, source, place):
        run("cp", "-r", source, place / "copy")


def unmount_all(folders):
    """What gocryptfs left mounted in an interrupted run."""
    for base in folders:
        for clear in base.glob("*/clear"):
            subprocess.run(["fusermount", "-uqz", str(clear)], stderr=subprocess.DEVNULL, check=False)
