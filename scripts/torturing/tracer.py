"""strace beside the running daemon: it lets calls fail, or kills at one of them."""

import signal
import subprocess

from .tools import wait_until


class Tracer:
    """One strace, from when the daemon is up until it is told to go or the daemon is gone."""

    def __init__(self, house, inject, *only):
        """`inject` is what strace takes after `-e`; `only` are paths, where calls to nothing else count."""
        self.house = house
        calls = inject.split("=")[1].split(":")[0]
        self.log = house.tools.work / f"{house.name}.trace"
        self.log.unlink(missing_ok=True)
        self.command = ["strace", "-f", "-qq", "-o", str(self.log), "-e", f"trace={calls}", "-e", inject,
                        *(f"--trace-path={path}" for path in only), "-p", str(house.daemon.pid)]
        self.strace = None

    def attach(self):
        """Answers whether the daemon is traced."""
        self.strace = subprocess.Popen(
            self.command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        self.house.tools.children.append(self.strace)
        wait_until(lambda: self._is_attached() or self.strace.poll() is not None, 20, 0.005)
        return self._is_attached()

    def _is_attached(self):
        try:
            with open(f"/proc/{self.house.daemon.pid}/status", encoding="ascii") as status:
                return f"TracerPid:\t{self.strace.pid}\n" in status.read()
        except OSError:
            return False

    def injected(self):
        """How many calls failed so far."""
        return self.log.read_bytes().count(b"(INJECTED") if self.log.exists() else 0

    def detach(self):
        # At this signal it lets its threads go; killed, it might leave one standing.
        self.strace.send_signal(signal.SIGTERM)
        self.strace.wait()
        self.house.tools.children.remove(self.strace)
