"""Tables as text. On a terminal they are cut to its width."""

from __future__ import annotations

import os
import sys
import unicodedata
from collections.abc import Callable, Collection, Iterator, Sequence

GAP = "  "

# The last column is not cut below this width before the widest other column is cut.
LEAST_WIDTH = 10

Paint = Callable[[str], str]


def table(
    heads: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    right: Sequence[str] = (),
    paint: Callable[[str, str], str] = lambda _head, text: text,
    keep_tail: bool = False,
    whole: Collection[str] = (),
) -> Iterator[str]:
    """The lines of a table whose columns are as wide as their cells.

    Columns named in `right` are aligned to the right. If a table is wider than the terminal,
    the last column is cut: at its end, or with `keep_tail` at its beginning. In a narrow
    terminal, other columns are cut too, except those named in `whole`. `paint` colours a cell:
    it receives the head of the column and the padded cell.
    """
    widths = [
        max([cells(head), *(cells(row[column]) for row in rows)])
        for column, head in enumerate(heads)
    ]
    room = terminal_width()
    if room is not None:
        room -= len(GAP) * (len(widths) - 1)
        widths[-1] = min(widths[-1], max(room - sum(widths[:-1]), LEAST_WIDTH))
        cut = [column for column, head in enumerate(heads) if head not in whole]
        while sum(widths) > room and max(widths[column] for column in cut) > 1:
            widths[max(cut, key=widths.__getitem__)] -= 1

    def line(row: Sequence[str], *, is_head: bool) -> str:
        shown = []
        for column, head in enumerate(heads):
            is_last = column == len(heads) - 1
            text = fit(row[column], widths[column], keep_tail=keep_tail and not is_head)
            if head in right:
                text = " " * (widths[column] - cells(text)) + text
            elif not is_last:
                text += " " * (widths[column] - cells(text))
            shown.append(text if is_head else paint(head, text))
        return GAP.join(shown).rstrip()

    yield line(heads, is_head=True)
    for row in rows:
        yield line(row, is_head=False)


def terminal_width() -> int | None:
    """The width of the terminal, None if stdout is not a terminal."""
    if not sys.stdout.isatty():
        return None
    try:
        return os.get_terminal_size(sys.stdout.fileno()).columns or None
    except OSError:
        return None


def cells(text: str) -> int:
    """The number of terminal cells that a text takes."""
    if text.isascii():
        return len(text)
    return sum(_cells_of(character) for character in text)


def _cells_of(character: str) -> int:
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def fit(text: str, width: int, *, keep_tail: bool = False) -> str:
    """The text, cut to at most `width` cells. An ellipsis replaces what was cut off."""
    if cells(text) <= width:
        return text
    kept, used = [], 1
    for character in reversed(text) if keep_tail else text:
        used += _cells_of(character)
        if used > width:
            break
        kept.append(character)
    return "…" + "".join(reversed(kept)) if keep_tail else "".join(kept) + "…"
