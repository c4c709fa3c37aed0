"""`vpo completion`: scripts for tab completion in shells."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from vpo.cli.groups import command
from vpo.cli.options.global_options import global_options
from vpo.cli.output.streams import echo

SHELLS = ("bash", "zsh", "fish")


@command("completion")
@click.argument("shell", type=click.Choice(SHELLS))
@global_options
@click.pass_context
def completion(ctx: click.Context, /, shell: str) -> None:
    """Print a script for tab completion in a shell.

    It completes commands, options, values, job IDs and profile names. To install it for
    bash:

    \b
      vpo completion bash > ~/.local/share/bash-completion/completions/vpo
    """
    completer = get_completion_class(shell)
    assert completer is not None
    root = ctx.find_root().command
    echo(completer(root, {}, "vpo", "_VPO_COMPLETE").source())
