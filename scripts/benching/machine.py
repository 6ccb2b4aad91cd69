"""What it was measured on. Nothing of it names a path of this machine: the report is committed."""

import contextlib
import os
import platform
import re
import subprocess
from pathlib import Path

# How each tool is asked for its version.
VERSIONS = [("restic", "version"), ("borg", "--version"), ("rclone", "version"), ("gocryptfs", "--version"),
            ("age", "--version"), ("openssl", "version")]


class Machine:
    def __init__(self, work):
        info = Path("/proc/cpuinfo").read_text(encoding="utf-8")
        found = re.search(r"model name\s*: (.*)", info)
        self.processor = found.group(1) if found else platform.machine()
        memory = re.search(r"MemTotal:\s+(\d+) kB", Path("/proc/meminfo").read_text(encoding="utf-8"))
        self.memory_gib = int(memory.group(1)) / (1 << 20)
        self.load = os.getloadavg()[0]
        self.disk = _said("findmnt", "-no", "FSTYPE", "-T", str(work)).strip() or "?"
        self.sha256 = _openssl_sha256()

    def tell(self, report, binaries):
        report.line(f"- {self.processor}, {os.cpu_count()} processors, {self.memory_gib:.0f} GiB of memory,"
                    f" Linux {platform.release()}; load when it began: {self.load:.1f}")
        report.line(f"- disk: {self.disk}; memory: tmpfs on /dev/shm")
        report.line(f"- `openssl speed sha256`, one core, 256 KiB: {self.sha256 / 1e6:.0f} MB/s")
        for command in ((str(binaries / "sealdock"), "--version"), *VERSIONS):
            name, said = Path(command[0]).name, _version(*command)
            report.line(f"- {said if name in said.lower() else f'{name} {said}'}")
        report.line()


def _version(*command):
    if lines := _said(*command, stderr=subprocess.STDOUT).splitlines():
        return lines[0].strip()
    return f"{Path(command[0]).name}: not there"


def _said(*command, stderr=subprocess.DEVNULL):
    with contextlib.suppress(OSError):
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=stderr, check=False)
        return done.stdout.decode(errors="replace")
    return ""


def _openssl_sha256():
    """Bytes a second of SHA-256 on one core; no number where OpenSSL does not say."""
    said = _said("openssl", "speed", "-seconds", "2", "-bytes", "262144", "-mr", "-evp", "sha256")
    found = re.search(r"^\+F:.*:([\d.]+)$", said, re.MULTILINE)
    return float(found.group(1)) if found else float("nan")
