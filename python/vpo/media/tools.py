"""Other programs that vpo uses: where each is, and which version."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass

from vpo.base.programs import which
from vpo.config.models import ToolsConfig

# A program that takes longer to print its version hangs.
VERSION_SECONDS = 10.0


@dataclass(frozen=True)
class Requirement:
    """What a tool is for, and the oldest version that is known to work well."""

    purpose: str
    version_option: str
    recommended: tuple[int, ...]
    package: str


REQUIREMENTS: Mapping[str, Requirement] = {
    "ffprobe": Requirement(
        "reads media files that vpo is unsure about", "-version", (5, 0), "ffmpeg"
    ),
    "ffmpeg": Requirement(
        "will convert media files; no command needs it yet", "-version", (5, 0), "ffmpeg"
    ),
    "mkvpropedit": Requirement(
        "will edit Matroska files; no command needs it yet", "--version", (70,), "mkvtoolnix"
    ),
    "mkvmerge": Requirement(
        "will rewrite Matroska files; no command needs it yet", "--version", (70,), "mkvtoolnix"
    ),
}

_NUMBER = re.compile(r"(?:version|v)\s*n?(\d+(?:\.\d+)*)")


@dataclass(frozen=True)
class Tool:
    """A tool: where it was found, or why it cannot be used."""

    name: str
    configured: str | None
    path: str | None
    version: str | None = None
    """The version that it reports; None if vpo did not understand that."""
    error: str | None = None
    """Why it cannot be used, if it cannot."""

    @property
    def is_old(self) -> bool:
        """Whether the version is older than recommended. A build without a number counts as new."""
        if self.version is None:
            return False
        numbers = tuple(int(part) for part in self.version.split("."))
        return numbers < REQUIREMENTS[self.name].recommended


def find_tool(name: str, config: ToolsConfig) -> Tool:
    """Finds a tool at the path in the settings, or else on PATH, and asks for its version.

    If the settings name a tool that cannot be used, that is an error: vpo does not replace
    it with one from PATH.
    """
    configured: str | None = getattr(config, name)
    path = which(configured or name)
    if path is None:
        error = f"`{configured}` was not found, or is not a program" if configured else None
        return Tool(name, configured, None, error=error)
    path = os.path.abspath(path)
    try:
        done = subprocess.run(  # noqa: S603
            [path, REQUIREMENTS[name].version_option],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=VERSION_SECONDS,
            env={**os.environ, "LC_ALL": "C"},
            check=False,
        )
    except subprocess.TimeoutExpired:
        return Tool(name, configured, path, error="it does not respond")
    except OSError as error:
        return Tool(name, configured, path, error=f"it cannot be run: {error.strerror}")
    if done.returncode != 0:
        return Tool(name, configured, path, error=f"it fails with exit status {done.returncode}")
    first_line = done.stdout[:1000].decode(errors="replace").partition("\n")[0]
    match = _NUMBER.search(first_line)
    return Tool(name, configured, path, match[1] if match else None)


def find_tools(config: ToolsConfig) -> list[Tool]:
    """All tools, in the order of `REQUIREMENTS`."""
    return [find_tool(name, config) for name in REQUIREMENTS]
