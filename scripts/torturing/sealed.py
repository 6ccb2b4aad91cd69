"""Sealed files, read by src/seal/FORMAT.md: the steps that need no secret."""

import hashlib
import uuid

from .tools import is_signed

HEADER, FOOTER = 120, 128


class Sealed:
    """What one sealed file shows without a key. `wrong` says what does not hold, if anything."""

    def __init__(self, path, public=None):
        data = path.read_bytes()
        self.sha256 = hashlib.sha256(data).hexdigest()
        self.item = None
        self.wrong = self._check(path, data, public)

    def _check(self, path, data, public):
        if len(data) < HEADER + FOOTER or data[:8] != b"SEALDOCK" or data[-8:] != b"SEALDEND":
            return "it is cut, or no sealed file"  # section 7, rules 1 and 2
        if data[8:12] != b"\0\1\0\1":
            return "its version or suite is unknown"
        self.item = str(uuid.UUID(bytes=data[40:56]))
        if self.item != path.name.removesuffix(".seal"):
            return "its header names another item"
        footer = data[-FOOTER:]
        body, facts = int.from_bytes(footer[:8], "big"), int.from_bytes(footer[8:16], "big")
        if not 24 <= facts <= 1 << 20 or HEADER + body + facts + FOOTER != len(data):
            return "its lengths do not fit"  # rule 3
        if hashlib.sha256(data[:-FOOTER]).digest() != footer[16:48]:
            return "its digest does not fit"  # rule 4
        message = b"sealdock seal v1 footer\0" + footer[:56]
        if public is not None and not is_signed(public, message, footer[56:120]):
            return "its signature is not true"  # rule 5
        return None


def files_of(place, folder, ending):
    """The files of one kind in a place of the vault, by item."""
    found = {}
    for path in sorted((place / folder).glob(f"*/*{ending}")):
        found.setdefault(path.name.split(".")[0], []).append(path)
    return found
