"""Options and arguments whose value is a path, as bytes."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

F = TypeVar("F", bound=Callable[..., Any])

# Click does not check whether the path exists: the services do, with their own messages.
PATH = click.Path(path_type=bytes, readable=False)


class _Directory(click.Path):
    """A path for which shells offer directories only."""

    def shell_complete(
        self,
        ctx: click.Context,  # noqa: ARG002
        param: click.Parameter,  # noqa: ARG002
        incomplete: str,
    ) -> list[CompletionItem]:
        """Has the shell itself complete the names of directories."""
        from click.shell_completion import CompletionItem

        return [CompletionItem(incomplete, type="dir")]


DIRECTORY = _Directory(path_type=bytes, readable=False)


def path_option(*names: str, **attributes: Any) -> Callable[[F], F]:
    """An option whose value is a path, or several paths with `multiple=True`."""
    return click.option(*names, type=PATH, callback=_not_empty, **attributes)


def _not_empty(
    _ctx: click.Context, _parameter: click.Parameter, value: bytes | tuple[bytes, ...] | None
) -> bytes | tuple[bytes, ...] | None:
    if value == b"" or (isinstance(value, tuple) and b"" in value):
        raise click.BadParameter("a path cannot be empty")
    return value
