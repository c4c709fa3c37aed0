"""Fixtures: a command with its own home, and a tree."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from mounts import need_permissions
from support import Tree, Vpo


@pytest.fixture
def vpo(tmp_path: Path) -> Vpo:
    """The installed command, with an empty home."""
    return Vpo(tmp_path / "home")


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    """An empty directory to scan."""
    root = tmp_path / "library"
    root.mkdir()
    return Tree(root)


@pytest.fixture
def locked(tmp_path: Path) -> None:
    """Skips the test where permissions stop nobody."""
    need_permissions(tmp_path)
