"""The binary, other programs, and what this machine allows."""

import base64
import contextlib
import functools
import os
import pathlib
import random
import shutil
import subprocess
import tempfile
import time

from . import ed25519

TOP = pathlib.Path(__file__).resolve().parents[2]
MEDIA = TOP / "fixtures" / "media" / "valid"

# Nothing here waits longer than this for what should take a moment; machines are shared.
PATIENCE_S = 90


class Unusable(Exception):
    """This run cannot go on, and it is no finding: a tool is missing, or the harness itself is at fault."""


class Tools:
    """What every part of a run shares."""

    def __init__(self, seed, keep):
        self.seed = seed
        self.keep = keep
        self.work = pathlib.Path(tempfile.mkdtemp(prefix="torture-"))
        self.sealdock = None
        self.mounts = []
        self.children = []

    def rng(self, *purpose):
        """Randomness for one purpose: the same for the same seed, whatever the other parts draw."""
        return random.Random("/".join([str(self.seed), *map(str, purpose)]))

    def is_root(self):
        return os.geteuid() == 0

    def build(self):
        """The binary that is tortured: the one that SEALDOCK_BIN names, or a release build of this tree."""
        named = os.environ.get("SEALDOCK_BIN")
        if named:
            self.sealdock = pathlib.Path(named).resolve()
        else:
            # Where rustup puts it; not every shell has that in its PATH.
            env = {**os.environ, "PATH": f"{pathlib.Path.home() / '.cargo' / 'bin'}:{os.environ['PATH']}"}
            for command in ([TOP / "scripts" / "setup"], ["cargo", "build", "--release", "--locked", "--bins"]):
                say("build", " ".join(map(str, command)).replace(f"{TOP}/", ""))
                if subprocess.run(command, cwd=TOP, check=False, env=env).returncode != 0:
                    raise Unusable("there is no binary to torture")
            target = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", TOP / "target"))
            self.sealdock = target / "release" / "sealdock"
        if not self.sealdock.with_name("sealdock-probe").exists():
            raise Unusable(f"{self.sealdock} or the sealdock-probe beside it is missing")

    def need(self, program, package):
        """Installs a Debian package where a program is missing and this is root; answers whether it is there."""
        if shutil.which(program):
            return True
        if self.is_root() and shutil.which("apt-get"):
            say("install", package)
            quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
            subprocess.run(["apt-get", "-qq", "update"], check=False, **quiet)
            subprocess.run(
                ["apt-get", "-qq", "install", "-y", "--no-install-recommends", package],
                check=False, env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"}, **quiet,
            )
        return shutil.which(program) is not None

    def may_trace(self):
        """Whether strace is here and may trace."""
        if not self.need("strace", "strace"):
            return False
        tried = subprocess.run(["strace", "-qq", "-o", "/dev/null", "true"], capture_output=True, check=False)
        return tried.returncode == 0

    def may_mount(self):
        """Whether an ext4 on a loop device can be mounted here."""
        if not (self.is_root() and self.need("mkfs.ext4", "e2fsprogs")):
            return False
        at = self.work / "may-mount"
        try:
            self.mount_ext4(at, 8)
        except Unusable:
            return False
        self.unmount(at)
        return True

    # ---- mounts --------------------------------------------------------------------------------------

    def mount_ext4(self, at, mebibytes):
        """A new ext4 on a loop device; answers the image under it."""
        at.mkdir(parents=True, exist_ok=True)
        image = at.with_name(at.name + ".image")
        with open(image, "wb") as file:
            file.truncate(mebibytes << 20)
        self.call("mkfs.ext4", "-q", "-F", "-m", "0", image)
        self.mount(at, "-o", "loop", image)
        return image

    def mount(self, at, *arguments):
        at.mkdir(parents=True, exist_ok=True)
        self.call("mount", *arguments, at)
        self.mounts.append(at)

    def unmount(self, at, patience_s=PATIENCE_S):
        """Unmounts, once nobody uses it any more; `False` where that did not come in time, and it was only hidden."""
        command = ["umount", at]
        is_gone = wait_until(lambda: subprocess.run(command, capture_output=True, check=False).returncode == 0, patience_s)
        if not is_gone:
            say("unmount", f"{at} is held by {_holders(at) or 'nobody that can be seen'}; it is hidden instead")
            self.call("umount", "-l", at)
        self.mounts.remove(at)
        return is_gone

    def copy_image(self, image):
        """Puts a copy of an image in its place: a file system that somebody still holds lives on in the old one."""
        copy = image.with_name(image.name + ".copy")
        self.call("cp", "--sparse=always", image, copy)
        os.rename(copy, image)

    def call(self, *command):
        done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise Unusable(f"{' '.join(map(str, command))}: {done.stderr.strip()}")
        return done.stdout

    # ---- the end -------------------------------------------------------------------------------------

    def clean_up(self, is_kept):
        """Ends every process of ours, unmounts everything, and removes the folder, unless it is evidence."""
        for child in self.children:
            if child.poll() is None:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(child.pid, 9)
                child.wait()
        for at in reversed(self.mounts):
            subprocess.run(["umount", "-l", at], capture_output=True, check=False)
        if is_kept or self.keep:
            say("kept", str(self.work))
        else:
            shutil.rmtree(self.work, ignore_errors=True)


def say(word, text):
    print(f"  {word:<9} {text}", flush=True)


def wait_until(holds, patience_s=PATIENCE_S, pause_s=0.02):
    """Waits for a condition; answers whether it came true in time."""
    until = time.monotonic() + patience_s
    while not holds():
        if time.monotonic() > until:
            return False
        time.sleep(pause_s)
    return True


def _holders(at):
    """Processes with something of a mount open, to name them."""
    holders, device = [], os.stat(at).st_dev
    for process in pathlib.Path("/proc").glob("[0-9]*"):
        for held in [process / "cwd", process / "exe", *_listed(process / "fd")]:
            with contextlib.suppress(OSError):
                if os.stat(held).st_dev == device:
                    name = (process / "comm").read_text(encoding="utf-8").strip()
                    holders.append(f"{name} ({process.name}): {os.readlink(held)}")
                    break
    return ", ".join(holders)


def _listed(folder):
    try:
        return list(folder.iterdir())
    except OSError:
        return []


# Of so many signatures one is checked by OpenSSL as well: a process each time.
ONE_BY_OPENSSL_IN = 25


@functools.lru_cache(maxsize=1 << 16)
def is_signed(public, message, signature):
    """Whether an Ed25519 signature is true, by the public key in a PEM file."""
    # The key is the end of its SubjectPublicKeyInfo (RFC 8410).
    key = base64.b64decode("".join(public.read_text(encoding="ascii").split("\n")[1:-2]))[-32:]
    answer = ed25519.is_true(key, message, signature)
    if len(signature) == 64 and signature[0] % ONE_BY_OPENSSL_IN == 0 and answer != _openssl_takes(public, message, signature):
        raise Unusable("OpenSSL and this judge disagree about a signature")
    return answer


def _openssl_takes(public, message, signature):
    with tempfile.NamedTemporaryFile() as held, tempfile.NamedTemporaryFile() as signed:
        held.write(message)
        held.flush()
        signed.write(signature)
        signed.flush()
        done = subprocess.run(
            ["openssl", "pkeyutl", "-verify", "-pubin", "-inkey", public, "-rawin",
             "-in", held.name, "-sigfile", signed.name],
            capture_output=True, check=False,
        )
    return done.returncode == 0
