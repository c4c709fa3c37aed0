"""File systems of their own for tests that need a certain one: made in an image, and mounted."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pytest

from mounts import mounted_with

REFLINKING: Final = ("btrfs", "xfs")
"""Kinds on which files can share their content."""

# mkfs.xfs makes none that are smaller. The image is sparse.
_IMAGE_BYTES: Final = 320 << 20


@contextmanager
def filesystem(
    kind: str, directory: Path, *, options: str = "", made_with: Sequence[str] = ()
) -> Iterator[Path]:
    """A file system of a `kind` such as `btrfs`, mounted in `directory`; yields where.

    `options` are mount's, `made_with` those of mkfs. Skips the test where that cannot be;
    unmounts in the end.
    """
    if os.geteuid() != 0:
        pytest.skip("needs root to mount a file system")
    maker = shutil.which(
        f"mkfs.{kind}", path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin"
    )
    if maker is None:
        pytest.skip(f"mkfs.{kind} is not installed")
    image, point = directory / f"{kind}.image", directory / kind
    with image.open("wb") as file:
        file.truncate(_IMAGE_BYTES)
    subprocess.run([maker, "-q", *made_with, image], check=True, capture_output=True)
    point.mkdir()
    with mounted_with("-t", kind, "-o", f"loop,{options}".rstrip(","), image, point):
        yield point


def reflink(source: Path, target: Path) -> None:
    """Makes `target` a copy that shares all content of `source`."""
    command: list[str | Path] = ["cp", "--reflink=always", source, target]
    subprocess.run(command, check=True, capture_output=True)
