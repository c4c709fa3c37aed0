"""How the catalogue stores numbers of the file system in SQLite's signed 64-bit integers.

The engine stores them in the same way.
"""

from __future__ import annotations


def stored_inode(inode: int) -> int:
    """The inode number as a signed integer."""
    return inode - 2**64 if inode >= 2**63 else inode


def inode_of(stored: int) -> int:
    """The inode number that `stored_inode` stored."""
    return stored % 2**64


def stored_mtime(mtime_ns: int) -> int:
    """The mtime, limited to 64 bits."""
    return max(-(2**63), min(2**63 - 1, mtime_ns))
