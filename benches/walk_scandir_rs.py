"""A peer: the walk of the scandir_rs package, with the full status of each file."""

import importlib
import sys
from typing import Any


def main(root: str) -> None:
    # Not imported by name: it is optional, and type checkers need not have it.
    scandir_rs: Any = importlib.import_module("scandir_rs")
    write = sys.stdout.write
    walk = scandir_rs.Scandir(root, skip_hidden=False, return_type=scandir_rs.ReturnType.Ext)
    for entry in walk:
        if entry.is_file:
            write(f"{entry.st_size} {entry.mtime} {entry.path}\n")


if __name__ == "__main__":
    main(sys.argv[1])
