"""One archive: its home, its daemon, the docks beside it."""

import contextlib
import json
import os
import pathlib
import shutil
import socket
import subprocess

from .tools import PATIENCE_S, Unusable, wait_until


class House:
    """A folder with the archive's `home`, and its `second` place where it has two."""

    def __init__(self, tools, name, places=1, at=None):
        self.tools = tools
        self.name = name
        self.at = pathlib.Path(at or tools.work / name)
        self.home = self.at / "home"
        self.places = [self.home / "vault"] + [self.at / "second"] * (places - 1)
        self.journal = tools.work / f"{name}.journal"
        self.inboxes = {}
        self.env = {}
        self.daemon = None

    def make(self, docks, quiet="100ms", release=None):
        """Makes the archive. `docks` maps names to folders."""
        self.at.mkdir(parents=True, exist_ok=True)
        self.ask("init", "--unattended")
        # Given to docks once: the home may be away when they look.
        self.public = self.tools.work / f"{self.name}.public"
        shutil.copytree(self.home / "keys", self.public, ignore=lambda _, names: [n for n in names if "pub.pem" not in n])
        lines = []
        for name, folder in docks.items():
            folder.mkdir(parents=True, exist_ok=True)
            self.inboxes[name] = folder
            lines += ["[[inbox]]", f'dock = "{name}"', f'path = "{folder}"', f'quiet = "{quiet}"']
            lines += [f'release = "{release}"'] if release else []
        if len(self.places) > 1:
            self.tools.call("cp", "-a", self.places[0], self.places[1])
            lines += ["[vault]", 'copies = ["vault", "../second"]']
        with open(self.home / "sealdock.toml", "a", encoding="utf-8") as settings:
            settings.write("\n" + "\n".join(lines) + "\n")
        return self

    # ---- commands ------------------------------------------------------------------------------------

    def command(self, *arguments):
        return [str(self.tools.sealdock), "--home", str(self.home), "--lang", "en", *map(str, arguments)]

    def run(self, *arguments, patience_s=PATIENCE_S):
        """Runs a command to its end."""
        try:
            return subprocess.run(
                self.command(*arguments), stdin=subprocess.DEVNULL, capture_output=True, check=False,
                timeout=patience_s,
            )
        except subprocess.TimeoutExpired as error:
            raise Unusable(f"{' '.join(map(str, arguments))} did not end within {patience_s} s") from error

    def ask(self, *arguments, patience_s=PATIENCE_S):
        """The same where it must succeed; answers what it printed."""
        done = self.run(*arguments, patience_s=patience_s)
        if done.returncode != 0:
            raise Unusable(f"{arguments} ended with {done.returncode}: {done.stderr.decode(errors='replace')}")
        return done.stdout

    def status(self):
        """What `status` says; nothing where nobody answers."""
        done = self.run("status", "--json")
        return json.loads(done.stdout) if done.returncode == 0 else None

    # ---- the daemon ----------------------------------------------------------------------------------

    def start(self):
        """Starts the daemon, with `env` added to its environment, and does not wait."""
        with open(self.journal, "ab") as journal:
            self.daemon = subprocess.Popen(
                self.command("run"), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                stderr=journal, env={**os.environ, **self.env}, start_new_session=True,
            )
        self.tools.children.append(self.daemon)

    def is_up(self):
        return self.daemon is not None and self.daemon.poll() is None

    def answers(self):
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as call:
            call.connect(str(self.home / "run" / "sealdock.sock"))
            return True
        return False

    def start_and_wait(self):
        """Starts the daemon and waits until it answers; answers whether it did."""
        self.start()
        return wait_until(lambda: self.answers() or not self.is_up(), pause_s=0.01) and self.is_up()

    def kill(self):
        """SIGKILL, to the daemon alone; answers the exit code, which is another one where it had ended before."""
        if self.daemon is None:
            return None
        self.daemon.kill()
        return self.ended()

    def ended(self):
        """The daemon is gone, or goes; answers its exit code."""
        code = self.daemon.wait()
        self.tools.children.remove(self.daemon)
        self.daemon = None
        return code

    def stop(self):
        """SIGTERM; answers the exit code, `None` where it had to be killed."""
        self.daemon.terminate()
        if wait_until(lambda: not self.is_up(), 30):
            return self.ended()
        self.kill()
        return None

    def last_words(self):
        """The end of the journal."""
        text = self.journal.read_bytes() if self.journal.exists() else b""
        return text[-2000:].decode(errors="replace")
