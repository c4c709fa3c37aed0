"""Records as lines: for people, or one JSON object each."""

from __future__ import annotations

import logging
import os
import traceback
from datetime import datetime, timezone
from types import TracebackType

from vpo import times
from vpo.logging import bound_facts
from vpo.paths import display, to_json, to_stored

ExcInfo = tuple[type[BaseException], BaseException, TracebackType | None]


def facts_of(record: logging.LogRecord) -> dict[str, object]:
    """The context of a record, and that of the work around it."""
    own = getattr(record, "context", None)
    return {**bound_facts(), **(own if isinstance(own, dict) else {})}


def _timestamp(record: logging.LogRecord) -> str:
    return times.to_text(datetime.fromtimestamp(record.created, timezone.utc))


def _exception(record: logging.LogRecord) -> ExcInfo | None:
    info = record.exc_info
    if not isinstance(info, tuple) or info[0] is None:
        return None
    return info


class JsonFormatter(logging.Formatter):
    """One JSON object on one line, whatever bytes are in the names."""

    def __init__(self, *, with_stack: bool) -> None:
        super().__init__()
        self.with_stack = with_stack

    def format(self, record: logging.LogRecord) -> str:
        """The record as JSON."""
        import orjson

        line: dict[str, object] = {
            "timestamp": _timestamp(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            **_plain("message", record.getMessage()),
            "context": _plain_dict(facts_of(record)),
        }
        if exception := _exception(record):
            kind, value, trace = exception
            shown: dict[str, object] = {"type": kind.__qualname__, **_plain("message", str(value))}
            if self.with_stack:
                stack = "".join(traceback.format_exception(kind, value, trace))
                shown.update(_plain("stack", stack))
            line["exception"] = shown
        options = orjson.OPT_NON_STR_KEYS
        try:
            return orjson.dumps(line, default=repr, option=options).decode()
        except TypeError:
            # Something in the context that JSON has no form for, a huge number say.
            line["context"] = repr(line["context"])
            return orjson.dumps(line, default=repr).decode()


def _plain_dict(facts: dict[str, object]) -> dict[str, object]:
    plain: dict[str, object] = {}
    for key, value in facts.items():
        plain.update(_plain(key, value))
    return plain


def _plain(key: str, value: object) -> dict[str, object]:
    """A value as JSON can hold it; bytes that are not UTF-8 come in base64 beside."""
    if isinstance(value, str):
        try:
            value.encode()
        except UnicodeEncodeError:
            value = os.fsencode(value) if _is_from_bytes(value) else value.encode(errors="replace")
        else:
            return {key: value}
    if isinstance(value, bytes):
        return dict(to_json(to_stored(value), key))
    if isinstance(value, dict):
        return {key: _plain_dict({str(name): item for name, item in value.items()})}
    if isinstance(value, (list, tuple)):
        return {key: [_plain("", item).get("") for item in value]}
    return {key: value}


def _is_from_bytes(text: str) -> bool:
    """Whether its surrogates are those that `os.fsdecode` makes."""
    return all(not 0xD800 <= ord(each) <= 0xDFFF or 0xDC80 <= ord(each) <= 0xDCFF for each in text)


class TextFormatter(logging.Formatter):
    """A line for people; a name cannot begin another."""

    def __init__(self, *, with_stack: bool) -> None:
        super().__init__()
        self.with_stack = with_stack

    def format(self, record: logging.LogRecord) -> str:
        """The record as a line; a stack follows it on lines of its own."""
        line = (
            f"{_timestamp(record)} {record.levelname:7} {record.name}:"
            f" {display(to_stored(_bytes(record.getMessage())))}"
        )
        facts = " ".join(f"{key}={_shown(value)}" for key, value in facts_of(record).items())
        if facts:
            line = f"{line} [{facts}]"
        if exception := _exception(record):
            kind, value, trace = exception
            line += f": {kind.__qualname__}: {display(to_stored(_bytes(str(value))))}"
            if self.with_stack:
                stack = "".join(traceback.format_exception(kind, value, trace))
                line += "".join(f"\n    {each}" for each in stack.rstrip().splitlines())
        return line


def _bytes(text: str) -> bytes:
    return os.fsencode(text) if _is_from_bytes(text) else text.encode(errors="backslashreplace")


def _shown(value: object) -> str:
    if isinstance(value, (str, bytes)):
        text = display(to_stored(value if isinstance(value, bytes) else _bytes(value)))
        return f'"{text}"' if " " in text or not text else text
    return display(str(value))
