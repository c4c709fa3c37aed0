"""What shells are offered that only a look at the disk can tell: profiles and jobs."""

from __future__ import annotations

import os

import click

from vpo.config import profiles
from vpo.errors import VpoError


def profile_names(_ctx: click.Context, incomplete: str) -> list[str]:
    """The profiles whose names begin so; none, if they cannot be listed."""
    try:
        names = profiles.names(os.environ)
    except VpoError:
        return []
    return [name for name in names if name.startswith(incomplete)]
