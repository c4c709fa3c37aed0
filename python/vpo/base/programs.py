"""Finding programs that vpo runs."""

from __future__ import annotations

import os
import shutil


def which(program: str) -> str | None:
    """The path of a program. None: it was not found.

    A name with a slash in it is a path. Any other name is looked for on PATH. Empty and relative
    parts of PATH are ignored, because they would run a program that somebody put into the
    working directory.
    """
    places = os.environ.get("PATH", os.defpath).split(os.pathsep)
    return shutil.which(program, path=os.pathsep.join(filter(os.path.isabs, places)))
