"""Results as text."""

from __future__ import annotations

from collections.abc import Callable

from vpo.base.paths import display
from vpo.cli.app import App
from vpo.photos.results import ListedResult

_COLOURS = {"completed": "green", "failed": "red", "cancelled": "yellow"}


def tool_in_words(tool: str) -> str:
    """A tool as people type it."""
    return tool.replace("_", "-")


def status_painter(app: App) -> Callable[[str, str], str]:
    """Colours the cells of the column `STATUS`."""

    def paint(head: str, text: str) -> str:
        return app.paint(text, _COLOURS.get(text.strip(), "red")) if head == "STATUS" else text

    return paint


def result_in_words(result: ListedResult) -> str:
    """A result in a few words: `12 (photostats of Safari)`."""
    return f"{result.id} ({tool_in_words(result.tool)} of {display(result.collection)})"
