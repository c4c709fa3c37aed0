"""What is known of a file's content while duplicates are looked for."""

from __future__ import annotations

from vpo.db.duplicates import Candidate

BLAKE3 = "blake3:"
"""How the digest of a whole file begins. Those of earlier programs are of parts of one."""


class Read:
    """What is known of a file's content by now."""

    __slots__ = ("content_hash", "file", "quick_hash")

    def __init__(self, file: Candidate) -> None:
        self.file = file
        self.quick_hash = file.quick_hash
        known = file.content_hash
        self.content_hash = known if known is not None and known.startswith(BLAKE3) else None
