"""Other programs, files, waiting."""

import contextlib
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]
MIB = 1 << 20

# A run that takes longer than this has failed.
PATIENCE_S = 1800

# What a program is called, and the Debian package that brings it.
PEERS = {"restic": "restic", "borg": "borgbackup", "rclone": "rclone", "gocryptfs": "gocryptfs", "age": "age",
         "ffmpeg": "ffmpeg", "openssl": "openssl", "fusermount": "fuse"}


class Failed(Exception):
    """Something did not do what it was asked for."""


def note(text):
    print(f"bench: {text}", file=sys.stderr, flush=True)


def run(*command, **options):
    options.setdefault("stdout", subprocess.DEVNULL)
    options.setdefault("stderr", subprocess.PIPE)
    try:
        done = subprocess.run([str(word) for word in command], timeout=PATIENCE_S, check=False, **options)
    except subprocess.TimeoutExpired as error:
        raise Failed(f"{command[0]}: not done after {PATIENCE_S} s") from error
    if done.returncode != 0:
        raise Failed(f"{command[0]}: {(done.stderr or b'').decode(errors='replace').strip()[-300:]}")
    return done


# ---- programs ----------------------------------------------------------------------------------------------


def install_peers():
    missing = [package for tool, package in PEERS.items() if not shutil.which(tool)]
    if missing and shutil.which("apt-get"):
        root = [] if os.geteuid() == 0 else ["sudo", "-n"]
        note(f"installing {' '.join(missing)}")
        for command in (["apt-get", "-qq", "update"],
                        ["apt-get", "-qq", "install", "-y", "--no-install-recommends", *missing]):
            environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
            subprocess.run(root + command, env=environment, stdout=subprocess.DEVNULL, check=False)


def with_cargo():
    """The environment in which rustup's cargo is found."""
    return {**os.environ, "PATH": f"{Path.home()}/.cargo/bin:{os.environ['PATH']}"}


def build():
    """Sets the system up and builds for release. Answers where the binaries lie."""
    if subprocess.run([TOP / "scripts" / "setup"], check=False).returncode != 0:
        raise Failed("scripts/setup: what building needs is not here")
    command = ["cargo", "build", "--locked", "--release", "--bins", "--example", "million"]
    note("building for release, which takes some minutes the first time")
    if subprocess.run(command, cwd=TOP, env=with_cargo(), check=False).returncode != 0:
        raise Failed("cargo: it does not build")
    asked = ["cargo", "metadata", "--format-version", "1", "--no-deps"]
    told = run(*asked, cwd=TOP, env=with_cargo(), stdout=subprocess.PIPE).stdout
    return Path(json.loads(told)["target_directory"]) / "release"


# ---- files -------------------------------------------------------------------------------------------------


def sync(path):
    run("sync", "-f", path)


def warm(folder):
    """Reads all files beneath a folder, so that they come from memory the next time."""
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            with open(path, "rb", buffering=0) as file:
                while file.read(4 * MIB):
                    pass


def allocated(folder):
    """Bytes that the files beneath a folder take on their disk."""
    total = 0
    for path in folder.rglob("*"):
        with contextlib.suppress(FileNotFoundError):
            total += path.lstat().st_blocks * 512
    return total


# ---- waiting -----------------------------------------------------------------------------------------------


def wait_for(look, is_enough, seconds):
    """Looks until what it sees is enough, and answers that."""
    until = time.monotonic() + seconds
    while not is_enough(seen := look()):
        if time.monotonic() > until:
            raise Failed(f"waited {seconds} s in vain")
        time.sleep(0.2)
    return seen
