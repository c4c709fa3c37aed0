"""Options and arguments whose value is a path, as bytes."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from vpo.cli.options.parameters import ParamType

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

F = TypeVar("F", bound=Callable[..., Any])


class _Path(ParamType):
    """A path, as bytes. Unlike `click.Path`, it does not look at the path, which may hang.

    The services look, and have their own messages.
    """

    name = "path"

    def __init__(self, completes: str) -> None:
        """`completes`: what shells offer, `file` or `dir`."""
        self._completes = completes

    def convert(
        self,
        value: str | bytes,
        param: click.Parameter | None,  # noqa: ARG002
        ctx: click.Context | None,  # noqa: ARG002
    ) -> bytes:
        """The bytes of the path."""
        return os.fsencode(value)

    def shell_complete(
        self,
        ctx: click.Context,  # noqa: ARG002
        param: click.Parameter,  # noqa: ARG002
        incomplete: str,
    ) -> list[CompletionItem]:
        """Has the shell itself complete names."""
        from click.shell_completion import CompletionItem

        return [CompletionItem(incomplete, type=self._completes)]


PATH = _Path("file")
DIRECTORY = _Path("dir")


def path_option(*names: str, **attributes: Any) -> Callable[[F], F]:
    """An option whose value is a path, or several paths with `multiple=True`."""
    return click.option(*names, type=PATH, callback=_not_empty, **attributes)


def _not_empty(
    _ctx: click.Context, _parameter: click.Parameter, value: bytes | tuple[bytes, ...] | None
) -> bytes | tuple[bytes, ...] | None:
    if value == b"" or (isinstance(value, tuple) and b"" in value):
        raise click.BadParameter("a path cannot be empty")
    return value
