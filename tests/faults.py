"""Files that cannot be read to their end: a directory seen through `faultfs.c`.

What names mean there is told in `faultfs.c`: `film.eio-at-4096.mkv` fails at byte 4096, and
in `disk.nocase` names are found whatever their case is.
"""

from __future__ import annotations

import atexit
import functools
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

import pytest

sys.path.append(str(Path(__file__).parent.parent / "benches"))

import share
from errors import BenchError

_CODE: Final = Path(__file__).with_name("faultfs.c")


@contextmanager
def faulty(source: Path, point: Path | None = None) -> Iterator[Path]:
    """`source` as it is seen with faults, at `point` (by default beside it); yields where.

    Skips the test where file systems in user space cannot be compiled or mounted.
    """
    if not os.access("/dev/fuse", os.R_OK | os.W_OK):
        pytest.skip("needs /dev/fuse")
    point = point or source.with_name(f"{source.name}.faulty")
    with ExitStack() as stack:
        try:
            stack.enter_context(share.served(_program(), str(source), str(point)))
        except BenchError as error:
            pytest.skip(str(error))
        yield point


@functools.cache
def _program() -> str:
    """faultfs, compiled once for all tests of a run."""
    directory = tempfile.mkdtemp(prefix="vpo-faultfs-")
    atexit.register(shutil.rmtree, directory)
    return share.build(directory, str(_CODE))


@contextmanager
def slow(source: Path, point: Path, delay_us: int) -> Iterator[Path]:
    """Shows `source` at `point` as a slow share does: each request takes `delay_us`.

    Skips the test as `faulty` does.
    """
    with ExitStack() as stack:
        try:
            program = _slow_program()
            stack.enter_context(share.mounted(program, str(source), str(point), delay_us=delay_us))
        except BenchError as error:
            pytest.skip(str(error))
        yield point


@functools.cache
def _slow_program() -> str:
    directory = tempfile.mkdtemp(prefix="vpo-slowfs-")
    atexit.register(shutil.rmtree, directory)
    return share.build(directory)
