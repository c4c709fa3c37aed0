"""Faults of the tests' own: one that does not happen must not let a test pass."""

from __future__ import annotations

import os
import pickle
from functools import partial
from pathlib import Path

import pytest

from injection import LAUNCHER_FAILED, injected, just_after, just_before, system_error
from support import Tree, Vpo
from vpo.scanner import missing_files


def test_a_point_that_the_program_never_reaches_is_reported(vpo: Vpo) -> None:
    never = injected(vpo, just_before(missing_files.settle).comes(system_error(5)))
    done = never.start("status")
    _, stderr = done.communicate(timeout=60)
    assert done.returncode == LAUNCHER_FAILED
    assert b"never came to: before settle (turn 1)" in stderr


def test_a_deed_that_fails_by_itself_is_no_error_of_the_program(vpo: Vpo, tree: Tree) -> None:
    # The program would handle an error of the system.
    deed = partial(os.unlink, tree.path("nothing"))
    done = injected(vpo, just_after(missing_files.settle).comes(deed)).start("scan", tree.root)
    _, stderr = done.communicate(timeout=60)
    assert done.returncode == LAUNCHER_FAILED
    assert b"What was to happen after settle failed" in stderr


def test_a_function_that_is_not_there_any_more_is_reported_at_once(vpo: Vpo, tree: Tree) -> None:
    def gone(path: Path) -> None:
        assert path

    gone.__module__, gone.__qualname__ = missing_files.__name__, "gone"
    with pytest.raises((pickle.PicklingError, AttributeError)):
        injected(vpo, just_before(gone).comes()).scan(tree.root)
