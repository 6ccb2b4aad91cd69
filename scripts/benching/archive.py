"""One archive: its home, the daemon that may be up on it, and questions to that."""

import collections
import contextlib
import http.client
import json
import signal
import socket
import sqlite3
import subprocess
import time
from urllib.parse import urlencode

from .tools import PATIENCE_S, Failed, run, sync


class Archive:
    def __init__(self, binaries, home, settings=""):
        self.binaries, self.home, self.daemon = binaries, home, None
        home.parent.mkdir(parents=True, exist_ok=True)
        run(self.program, "--home", home, "init", "--unattended", "--shares", f"{home}.shares")
        with open(home / "sealdock.toml", "a", encoding="utf-8") as file:
            file.write(settings)

    @property
    def program(self):
        return self.binaries / "sealdock"

    # ---- deposits --------------------------------------------------------------------------------------

    def begin_deposit(self, source):
        """The process that deposits a folder, and says a line of JSON for each file."""
        command = [self.program, "--home", self.home, "--json", "deposit", source]
        return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)

    def deposit(self, source, count):
        """Deposits a folder. Answers the seconds to the last receipt, durable, and to the last probe."""
        began = time.monotonic()
        with self.begin_deposit(source) as working:
            sealed, receipts = 0, None
            for line in working.stdout:
                must_be_sealed(line)
                sealed += 1
                if sealed == count:
                    # Receipts are durable by what they are; that nothing else is left is asked like of all others.
                    sync(self.home)
                    receipts = time.monotonic() - began
            if working.wait() != 0 or sealed != count:
                raise Failed(f"sealdock: {sealed} of {count} files were sealed")
        return receipts, time.monotonic() - began

    def write_ledger(self, *words):
        """Enters items that are only written of (benches/million.rs), and replays them. Answers the entries, and the
        seconds of the replay."""
        said = run(self.binaries / "examples" / "million", self.home, *words, stdout=subprocess.PIPE).stdout
        sync(self.home)
        began = time.monotonic()
        run(self.program, "--home", self.home, "rebuild")
        took = time.monotonic() - began
        self._forget_work()
        return int(said), took

    def _forget_work(self):
        """Empties the lists of work to do. A replay lists every receipt as due, and what is measured is not that
        they are written again; the lists may be lost at any time."""
        with contextlib.closing(sqlite3.connect(self.home / "catalog" / "catalog.db")) as db, db:
            for name in ("outbox", "unproven", "unprobed"):
                db.execute(f"DELETE FROM {name}")
                db.execute("UPDATE counters SET value = 0 WHERE name = ?", (name,))

    def entries_from(self, index):
        """What the ledger's entries from this one on are of, with their number."""
        found = collections.Counter()
        for path in (self.home / "ledger").glob("*.jsonl"):
            with open(path, "rb") as lines:
                for line in lines:
                    entry = json.loads(line).get("entry")
                    if entry and entry["index"] >= index:
                        found[entry["kind"]] += 1
        return found

    # ---- the daemon ------------------------------------------------------------------------------------

    def start(self):
        """Starts the daemon. Answers the seconds until it answers."""
        began = time.monotonic()
        with open(f"{self.home}.log", "ab") as log:
            self.daemon = subprocess.Popen([self.program, "--home", self.home, "run"], stdout=log, stderr=log)
        while True:
            with contextlib.suppress(OSError, http.client.HTTPException):
                self.ask("GET", "/healthz")
                return time.monotonic() - began
            if self.daemon.poll() is not None or time.monotonic() - began > PATIENCE_S:
                raise Failed(f"the daemon does not start, see {self.home}.log")
            time.sleep(0.002)

    def stop(self, by=signal.SIGTERM):
        if self.daemon:
            daemon, self.daemon = self.daemon, None
            daemon.send_signal(by)
            try:
                daemon.wait(timeout=60)
            except subprocess.TimeoutExpired as error:
                daemon.kill()
                daemon.wait()
                raise Failed("the daemon did not stop within 60 s") from error

    @contextlib.contextmanager
    def running(self):
        try:
            yield self.start()
        finally:
            self.stop()

    # ---- questions -------------------------------------------------------------------------------------

    def connect(self):
        return Connection(self.home / "run" / "sealdock.sock")

    def ask(self, method, path):
        with contextlib.closing(self.connect()) as connection:
            connection.request(method, path)
            answer = connection.getresponse()
            text = answer.read()
            if answer.status >= 400:
                raise Failed(f"{path}: {text[:300]}")
            return json.loads(text)

    def status(self):
        return self.ask("GET", "/api/v1/status")

    def find(self, question, rows=50):
        """The seconds until so many lines are there, or until there are no more; and the lines."""
        with contextlib.closing(self.connect()) as connection:
            began = time.perf_counter()
            connection.request("GET", "/api/v1/items?" + urlencode(question))
            answer, found = connection.getresponse(), []
            if answer.status != 200:
                raise Failed(f"find {question}: {answer.read(300)}")
            while len(found) < rows:
                line = json.loads(answer.readline() or b"{}")
                if "result" not in line:
                    if "end" not in line:
                        raise Failed(f"find {question}: {line}")
                    break
                found.append(line["result"])
            return time.perf_counter() - began, found


class Connection(http.client.HTTPConnection):
    """HTTP over the socket of a home."""

    def __init__(self, path):
        super().__init__("localhost", timeout=PATIENCE_S)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.connect(str(self.path))


def must_be_sealed(line):
    """A line that `deposit` said of a file."""
    outcome = json.loads(line)
    if outcome["state"] != "sealed" or not outcome.get("receipt"):
        raise Failed(f"sealdock: {outcome}")
