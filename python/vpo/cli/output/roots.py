"""Roots as text: their states, and what to do about roots that are not there."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from vpo.base.paths import StoredPath, display
from vpo.cli.app import App

_COLOURS = {"ok": "green", "partial": "yellow"}


def state_painter(app: App) -> Callable[[str, str], str]:
    """Colours the cells of the column `STATE`."""

    def paint(head: str, text: str) -> str:
        return app.paint(text, _COLOURS.get(text.strip(), "red")) if head == "STATE" else text

    return paint


def offline_hint(roots: Sequence[StoredPath]) -> str:
    """What to do about roots that are not there."""
    if len(roots) == 1:
        what = f"`{display(roots[0])}` is not there."
    else:
        what = f"{len(roots):,} roots are not there."
    return (
        f"{what}\n"
        "If a root is at another path now, run `vpo roots move OLD NEW`.\n"
        "If it is gone for good, run `vpo roots remove ROOT`."
    )
