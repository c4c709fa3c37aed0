"""`vpo completion`: scripts by which shells complete commands."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from vpo.cli.options.global_options import global_options
from vpo.cli.output.streams import echo

SHELLS = ("bash", "zsh", "fish")


@click.command("completion")
@click.argument("shell", type=click.Choice(SHELLS))
@global_options
@click.pass_context
def completion(ctx: click.Context, /, shell: str) -> None:
    """Print a script that completes commands in a shell.

    It offers commands, options, values, IDs of jobs and names of profiles. For
    bash: vpo completion bash > ~/.local/share/bash-completion/completions/vpo
    """
    completer = get_completion_class(shell)
    assert completer is not None
    root = ctx.find_root().command
    echo(completer(root, {}, "vpo", "_VPO_COMPLETE").source())
