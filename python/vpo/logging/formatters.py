"""Log records as lines: text for people, or one JSON object per record."""

from __future__ import annotations

import logging
import os
import traceback
from datetime import datetime, timezone
from types import TracebackType

from vpo.base import times
from vpo.base.paths import display, to_json, to_stored
from vpo.logging import bound_facts

ExcInfo = tuple[type[BaseException], BaseException, TracebackType | None]


def facts_of(record: logging.LogRecord) -> dict[str, object]:
    """The facts of a record, and those of the enclosing `bound` blocks."""
    own = getattr(record, "context", None)
    return {**bound_facts(), **(own if isinstance(own, dict) else {})}


def _timestamp(record: logging.LogRecord) -> str:
    return times.to_text(datetime.fromtimestamp(record.created, timezone.utc))


def _exception(record: logging.LogRecord) -> ExcInfo | None:
    info = record.exc_info
    if not isinstance(info, tuple) or info[0] is None:
        return None
    return info


def _message(record: logging.LogRecord) -> str:
    try:
        return record.getMessage()
    except Exception:
        # A bug in some package: the arguments do not fit the message.
        return f"{_repr(record.msg)} {_repr(record.args)}"


def _text_of(error: BaseException) -> str:
    try:
        return str(error)
    except Exception:
        return _repr(error)


def _repr(value: object) -> str:
    try:
        return repr(value).encode(errors="backslashreplace").decode()
    except Exception:
        return f"<{type(value).__qualname__}>"


class JsonFormatter(logging.Formatter):
    """One JSON object on one line, even if names are not UTF-8."""

    def __init__(self, *, with_stack: bool) -> None:
        super().__init__()
        self.with_stack = with_stack

    def format(self, record: logging.LogRecord) -> str:
        """The record as JSON."""
        line: dict[str, object] = {
            "timestamp": _timestamp(record),
            "level": record.levelname.lower(),
            **_plain("logger", record.name),
            **_plain("message", _message(record)),
        }
        facts = facts_of(record)
        try:
            line["context"] = _plain_dict(facts)
            return _dumps(self._with_exception(line, record))
        except (TypeError, RecursionError):
            # The context holds something that JSON cannot represent.
            line["context"] = _written_out(facts)
            return _dumps(self._with_exception(line, record))

    def _with_exception(
        self, line: dict[str, object], record: logging.LogRecord
    ) -> dict[str, object]:
        if exception := _exception(record):
            kind, value, trace = exception
            shown: dict[str, object] = {
                "type": kind.__qualname__,
                **_plain("message", _text_of(value)),
            }
            if self.with_stack:
                stack = "".join(traceback.format_exception(kind, value, trace))
                shown.update(_plain("stack", stack))
            line["exception"] = shown
        return line


def _dumps(value: object) -> str:
    import orjson

    return orjson.dumps(value, default=_repr, option=orjson.OPT_NON_STR_KEYS).decode()


def _written_out(facts: dict[str, object]) -> dict[str, object]:
    """A context in which `repr` replaces what JSON cannot represent."""
    written: dict[str, object] = {}
    for key, value in facts.items():
        try:
            plain = _plain_dict({key: value})
            _dumps(plain)
        except (TypeError, RecursionError):
            plain = _plain_dict({key: _repr(value)})
        written.update(plain)
    return written


def _plain_dict(facts: dict[str, object]) -> dict[str, object]:
    plain: dict[str, object] = {}
    for key, value in facts.items():
        plain.update(_plain(str(key).encode(errors="backslashreplace").decode(), value))
    return plain


def _plain(key: str, value: object) -> dict[str, object]:
    """A value in a form that JSON can hold. Bytes that are not UTF-8 get a second key in base64."""
    if isinstance(value, str):
        try:
            value.encode()
        except UnicodeEncodeError:
            value = os.fsencode(value) if _is_from_bytes(value) else value.encode(errors="replace")
        else:
            return {key: value}
    if isinstance(value, bytes):
        return dict(to_json(to_stored(value), key))
    if isinstance(value, int) and not -(2**63) <= value < 2**64:
        # orjson does not accept larger numbers.
        return {key: _repr(value)}
    if isinstance(value, dict):
        return {key: _plain_dict(value)}
    if isinstance(value, (list, tuple)):
        return {key: [_plain("", item).get("") for item in value]}
    return {key: value}


def _is_from_bytes(text: str) -> bool:
    """Whether all surrogates in a text come from `os.fsdecode`."""
    return all(not 0xD800 <= ord(each) <= 0xDFFF or 0xDC80 <= ord(each) <= 0xDCFF for each in text)


class TextFormatter(logging.Formatter):
    """A line for people. A line break in a name is escaped, so it cannot fake a line."""

    def __init__(self, *, with_stack: bool) -> None:
        super().__init__()
        self.with_stack = with_stack

    def format(self, record: logging.LogRecord) -> str:
        """The record as a line; a stack follows on separate lines."""
        line = (
            f"{_timestamp(record)} {record.levelname:7} {_escaped(record.name)}:"
            f" {_escaped(_message(record))}"
        )
        facts = " ".join(
            f"{_escaped(str(key))}={_shown(value)}" for key, value in facts_of(record).items()
        )
        if facts:
            line = f"{line} [{facts}]"
        if exception := _exception(record):
            kind, value, trace = exception
            line += f": {kind.__qualname__}: {_escaped(_text_of(value))}"
            if self.with_stack:
                stack = "".join(traceback.format_exception(kind, value, trace))
                line += "".join(f"\n    {_escaped(each)}" for each in stack.rstrip().splitlines())
        return line


def _escaped(text: str) -> str:
    return display(to_stored(_bytes(text)))


def _bytes(text: str) -> bytes:
    return os.fsencode(text) if _is_from_bytes(text) else text.encode(errors="backslashreplace")


def _shown(value: object) -> str:
    if isinstance(value, (str, bytes)):
        text = display(to_stored(value if isinstance(value, bytes) else _bytes(value)))
        return f'"{text}"' if " " in text or not text else text
    return _escaped(_repr(value))
