"""Any record is one line, of valid JSON or of text, whatever it contains."""

from __future__ import annotations

import base64
import json
import logging
import math
import sys
from datetime import datetime, timezone
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from log_writer import TIMESTAMP, json_lines
from vpo.logging import bound
from vpo.logging.formatters import JsonFormatter, TextFormatter

anything_textual = st.text(st.characters(exclude_categories=[])) | st.text(
    st.sampled_from('a"\\\n\r\t\0\x1b\x7f\x85\u2028é😀\ud800\udcff\udfff')
)
valid_text = st.text(st.characters(codec="utf-8"))


class Odd:
    """An object that JSON cannot represent."""

    def __init__(self, shown: str) -> None:
        self.shown = shown

    def __repr__(self) -> str:
        return self.shown


class Unspeakable:
    """An object whose `repr` fails."""

    def __repr__(self) -> str:
        raise ValueError("no words for it")


class OddError(Exception):
    """An exception whose `str` fails."""

    def __str__(self) -> str:
        raise ValueError("no words for it")


leaves = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.sampled_from([2**64 - 1, 2**64, -(2**63), -(2**63) - 1, 10**30])
    | st.floats()
    | anything_textual
    | valid_text
    | st.binary()
    | st.datetimes(timezones=st.just(timezone.utc))
    | st.builds(Odd, anything_textual)
)
# No key but one of ours ends so: it would be taken for that beside a path.
keys = anything_textual.filter(lambda key: not key.endswith("_b64") and "\\" not in key)
values = st.recursive(
    leaves,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.tuples(inner, inner)
        | st.dictionaries(keys, inner, max_size=4)
    ),
    max_leaves=8,
)
contexts = st.dictionaries(keys, values, max_size=4)
exceptions = st.sampled_from([OSError, ValueError, KeyError, OddError])


def record_of(name: str, message: str, context: Any, error: BaseException | None) -> Any:
    record = logging.LogRecord(name, logging.INFO, "file", 1, message, None, None)
    record.__dict__["context"] = context
    if error is not None:
        try:
            raise error
        except BaseException:
            record.exc_info = sys.exc_info()
    return record


def is_valid(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def check_same(value: object, found: Any) -> None:
    """Values that JSON can hold must be unchanged."""
    if isinstance(value, str):
        assert isinstance(found, str)
        assert not is_valid(value) or found == value
    elif isinstance(value, bytes):
        assert found == value.decode(errors="replace")
    elif isinstance(value, bool) or value is None:
        assert found is value
    elif isinstance(value, int):
        small = -(2**63) <= value < 2**64
        assert found == (value if small else repr(value))
    elif isinstance(value, float):
        assert found == (value if math.isfinite(value) else None)
    elif isinstance(value, dict):
        for key, item in value.items():
            if is_valid(key):
                check_same(item, found[key])
    elif isinstance(value, (list, tuple)):
        assert len(found) == len(value)
        for one, other in zip(value, found, strict=True):
            check_same(one, other)
    elif isinstance(value, datetime):
        assert datetime.fromisoformat(found.replace("Z", "+00:00")) == value
    else:
        assert isinstance(found, str)


@given(anything_textual, anything_textual, contexts, st.none() | exceptions, st.booleans())
def test_any_record_is_one_line_of_json(
    name: str, message: str, context: Any, kind: type[Exception] | None, with_stack: bool
) -> None:
    error = kind(message) if kind else None
    line = JsonFormatter(with_stack=with_stack).format(record_of(name, message, context, error))
    assert "\n" not in line
    (found,) = json_lines(line.encode().decode())
    check_same(name, found["logger"])
    check_same(message, found["message"])
    check_same(context, found["context"])
    assert ("exception" in found) == (error is not None)
    if error is not None:
        assert found["exception"]["type"] == type(error).__qualname__
        assert isinstance(found["exception"]["message"], str)
        assert ("stack" in found["exception"]) == with_stack
        if isinstance(error, ValueError):
            check_same(message, found["exception"]["message"])


@given(st.binary(), st.lists(st.binary(), max_size=2))
def test_bytes_can_be_read_back(name: bytes, names: list[bytes]) -> None:
    with bound(directory=name):
        line = JsonFormatter(with_stack=False).format(
            record_of("vpo", "A message", {"path": name, "more": names}, None)
        )
    found = json.loads(line)["context"]
    for key in ("path", "directory"):
        if f"{key}_b64" in found:
            assert base64.b64decode(found[f"{key}_b64"]) == name
        else:
            assert found[key].encode() == name


def test_a_value_without_a_text_does_not_lose_the_record() -> None:
    loop: dict[str, object] = {"path": "a"}
    loop["loop"] = loop
    deep: list[object] = []
    for _ in range(2000):
        deep = [deep]
    context = {
        "loop": loop,
        "deep": deep,
        "huge": 10**5000,
        "unspeakable": Unspeakable(),
        "inside": [Unspeakable(), "c"],
        "path": "b",
    }
    record = record_of("vpo", "A message", context, None)
    (found,) = json_lines(JsonFormatter(with_stack=False).format(record))
    assert list(found["context"]) == list(context)
    assert (found["message"], found["context"]["path"]) == ("A message", "b")
    assert found["context"]["inside"][1] == "c"
    assert " path=b]" in TextFormatter(with_stack=False).format(record)


@given(anything_textual, anything_textual, contexts, st.none() | exceptions, st.booleans())
def test_any_record_is_one_printable_line_of_text_and_a_stack_is_indented(
    name: str, message: str, context: Any, kind: type[Exception] | None, with_stack: bool
) -> None:
    error = kind(message) if kind else None
    text = TextFormatter(with_stack=with_stack).format(record_of(name, message, context, error))
    first, *stack = text.split("\n")
    assert TIMESTAMP.match(first)
    assert first.isprintable()
    assert bool(stack) == (with_stack and error is not None)
    for line in stack:
        assert line.startswith("    ")
        assert line.isprintable()
    assert text.encode()
    if message.isprintable() and is_valid(message):
        assert f": {message}" in first


def test_facts_of_the_work_around_are_in_each_record_and_gone_after_it() -> None:
    formatter = JsonFormatter(with_stack=False)

    def context() -> Any:
        return json.loads(formatter.format(record_of("some.library", "", {"own": 1}, None)))[
            "context"
        ]

    with bound(job_id="j", own=0):
        with bound(path="p"):
            assert context() == {"job_id": "j", "path": "p", "own": 1}
        assert context() == {"job_id": "j", "own": 1}
    assert context() == {"own": 1}
