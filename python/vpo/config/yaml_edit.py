"""Changing one value in a YAML text. Comments, the order of keys and the layout stay.

PyYAML locates each value, and the new one is put into its place. The result is not trusted: the
caller parses it again, and compares it with what was meant (`vpo.config.setting`).
"""

from __future__ import annotations

import re
from typing import Any

import yaml

from vpo.config.layers import Key

INDENT = 2


class CannotEditError(Exception):
    """This module cannot change YAML that is written in this way."""


def as_yaml(value: object) -> str:
    """A value as YAML on one line, without characters that a terminal would interpret."""
    plain = list(value) if isinstance(value, tuple) else value

    def dump(**style: Any) -> str:
        text: str = yaml.safe_dump(plain, default_flow_style=True, width=2**31, **style)
        return text.removesuffix("\n").removesuffix("...").rstrip()

    text = dump(allow_unicode=True)
    return text if text.isprintable() else dump(default_style='"')


def with_value(text: str, top: Any, key: Key, value: object) -> str:
    """Returns the text with a setting changed. A missing setting is added.

    `top` is the node of the whole text, None if it has none. `value` is a scalar or a list of
    scalars. Raises CannotEditError.
    """
    edit = _Edit(text)
    if top is None or _is_null(top):
        edit.append_to_text(_block_lines(key, value, 0))
    elif isinstance(top, yaml.MappingNode):
        edit.set(top, key, value, 0)
    else:
        raise CannotEditError
    return edit.result()


def _is_null(node: Any) -> bool:
    return isinstance(node, yaml.ScalarNode) and node.tag == "tag:yaml.org,2002:null"


def _block_lines(key: Key, value: object, column: int) -> list[str]:
    """The lines of a setting that is not there yet, below its sections."""
    *sections, name = key
    lines = []
    for section in sections:
        lines.append(f"{' ' * column}{section}:")
        column += INDENT
    return [*lines, f"{' ' * column}{name}: {as_yaml(value)}"]


def _in_flow(value: object) -> str:
    """A value inside brackets, where more characters have a meaning."""
    return as_yaml([value])[1:-1]


class _Edit:
    """Replacements of parts of a text."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._end_of_line = "\r\n" if "\r\n" in text else "\n"
        self._replacements: list[tuple[int, int, str]] = []

    def result(self) -> str:
        """The text after all replacements."""
        text = self._text
        for start, end, new in sorted(self._replacements, reverse=True):
            text = text[:start] + new + text[end:]
        return text

    def set(self, mapping: Any, key: Key, value: object, depth: int) -> None:
        """Sets a value in a mapping, or in a section of it."""
        pair = next((pair for pair in mapping.value if pair[0].value == key[0]), None)
        if pair is None:
            self._add(mapping, key, value)
            return
        name, old = pair
        if len(key) == 1:
            self._replace(name, old, value)
        elif self._is_alias(name, old):
            raise CannotEditError
        elif isinstance(old, yaml.MappingNode):
            self.set(old, key[1:], value, depth + 1)
        elif _is_null(old):
            self._put(old.start_mark.index, self._end_of(old), "")
            self._insert_below(name.end_mark.index, _block_lines(key[1:], value, INDENT))
        else:
            raise CannotEditError

    # -- A value that is there ---------------------------------------------------------

    def _is_alias(self, name: Any, value: Any) -> bool:
        """Whether a value is given as `*name`: then its node is elsewhere."""
        return bool(value.start_mark.index < name.end_mark.index)

    def _replace(self, name: Any, old: Any, value: object) -> None:
        if self._is_alias(name, old):
            found = re.compile(r"\s*:\s+(\*[^\s,\]}]+)").match(self._text, name.end_mark.index)
            if found is None:
                raise CannotEditError
            self._put(found.start(1), found.end(1), _in_flow(value))
            return
        is_block = isinstance(old, yaml.SequenceNode) and not old.flow_style
        if is_block and isinstance(value, list):
            self._replace_items(name, old, value)
            return
        start, end = old.start_mark.index, self._end_of(old)
        if is_block or re.search(r"(^|\s)#", self._text[start:end], re.MULTILINE):
            # Comments would be lost.
            raise CannotEditError
        gap = "" if self._text[start - 1 : start].isspace() or start == end == 0 else " "
        self._put(start, end, gap + _in_flow(value))

    def _replace_items(self, name: Any, old: Any, items: list[Any]) -> None:
        """Replaces the items of a list. Items that stay keep their lines and comments."""
        before = [item.value if isinstance(item, yaml.ScalarNode) else None for item in old.value]
        first = 0
        while first < min(len(before), len(items)) and before[first] == str(items[first]):
            first += 1
        last = 0
        most = min(len(before), len(items)) - first
        while last < most and before[-1 - last] == str(items[-1 - last]):
            last += 1
        for item in old.value[first : len(before) - last]:
            self._put(self._line_start(item.start_mark.index), self._next_line(item), "")
        if not items:
            self._put(name.end_mark.index + 1, name.end_mark.index + 1, " []")
            return
        dash = " " * old.start_mark.column + "- "
        lines = [dash + as_yaml(item) for item in items[first : len(items) - last]]
        if not lines:
            return
        if first:
            self._insert_below(self._end_of(old.value[first - 1]), lines)
        else:
            start = self._line_start(old.start_mark.index)
            self._put(start, start, "".join(line + self._end_of_line for line in lines))

    # -- A value that is not there -------------------------------------------------------

    def _add(self, mapping: Any, key: Key, value: object) -> None:
        if mapping.flow_style:
            self._add_in_flow(mapping, key, value)
            return
        if not mapping.value:
            raise CannotEditError
        lines = _block_lines(key, value, mapping.value[0][0].start_mark.column)
        name, last = mapping.value[-1]
        end = name.end_mark.index if self._is_alias(name, last) else self._end_of(last)
        rest = self._text[self._line_end(end) :]
        if len(key) > 1 and all(
            not line.strip() or line.lstrip().startswith("#") for line in rest.splitlines()
        ):
            # Comments at the end may belong to the section before.
            self.append_to_text(lines)
        else:
            self._insert_below(end, lines)

    def _add_in_flow(self, mapping: Any, key: Key, value: object) -> None:
        end = mapping.end_mark.index - 1
        *sections, name = key
        pair = f"{name}: {_in_flow(value)}"
        for section in reversed(sections):
            pair = f"{section}: {{{pair}}}"
        inside = self._text[mapping.start_mark.index : end].rstrip()
        end = mapping.start_mark.index + len(inside)
        gap = "" if inside.endswith("{") else " " if inside.endswith(",") else ", "
        self._put(end, end, gap + pair)

    def append_to_text(self, lines: list[str]) -> None:
        """Adds lines at the end of the text."""
        end = len(self._text)
        gap = "" if not self._text or self._text.endswith("\n") else self._end_of_line
        self._put(end, end, gap + "".join(line + self._end_of_line for line in lines))

    # -- Places ------------------------------------------------------------------------

    def _put(self, start: int, end: int, new: str) -> None:
        self._replacements.append((start, end, new))

    def _insert_below(self, index: int, lines: list[str]) -> None:
        """Inserts lines below the line that holds an index."""
        end = self._line_end(index)
        self._put(end, end, "".join(self._end_of_line + line for line in lines))

    def _line_start(self, index: int) -> int:
        return self._text.rfind("\n", 0, index) + 1

    def _line_end(self, index: int) -> int:
        """Where the line ends, before the characters that end it."""
        end = self._text.find("\n", index)
        if end < 0:
            return len(self._text)
        return end - 1 if self._text[end - 1 : end] == "\r" and end > index else end

    def _next_line(self, node: Any) -> int:
        """Where the line below a node begins."""
        end = self._text.find("\n", self._end_of(node))
        return len(self._text) if end < 0 else end + 1

    def _end_of(self, node: Any) -> int:
        """Where a node ends. PyYAML counts what follows a list or section to it."""
        if isinstance(node, yaml.ScalarNode) or node.flow_style or not node.value:
            end: int = node.end_mark.index
            while end > node.start_mark.index and self._text[end - 1] in "\r\n":
                end -= 1
            return end
        last = node.value[-1]
        if isinstance(node, yaml.MappingNode):
            name, last = last
            if self._is_alias(name, last):
                return self._line_end(name.end_mark.index)
        return self._end_of(last)
