"""`vpo verify [DIR]...`: options in, findings out; the work is in `vpo.integrity.verify`."""

from __future__ import annotations

from typing import Any

import click

from vpo.cli.app import DIRECTORY, App, global_options
from vpo.cli.verify import COMMANDS


class CheckContext(click.Context):
    """Shows the check as the group, which is how it is called."""

    @property
    def command_path(self) -> str:
        """`vpo verify`."""
        assert self.parent is not None
        return self.parent.command_path


class CheckCommand(click.Command):
    """Its help has the commands beside it, too."""

    context_class = CheckContext

    def format_usage(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Writes both ways in which words can go on."""
        super().format_usage(ctx, formatter)
        formatter.write_usage(
            ctx.command_path, f"{'|'.join(sorted(COMMANDS))} ...", prefix="       "
        )

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Writes the options, and the commands."""
        super().format_options(ctx, formatter)
        with formatter.section("Commands"):
            formatter.write_dl([(name, COMMANDS[name][2]) for name in sorted(COMMANDS)])


def complete_directory(
    ctx: click.Context, parameter: click.Parameter, incomplete: str
) -> list[Any]:
    """Offers directories, and as the first word commands, too."""
    from click.shell_completion import CompletionItem

    offered = DIRECTORY.shell_complete(ctx, parameter, incomplete)
    if ctx.params.get("directories"):
        return offered
    return offered + [
        CompletionItem(name, help=COMMANDS[name][2])
        for name in sorted(COMMANDS)
        if name.startswith(incomplete)
    ]


def directories_given(
    ctx: click.Context, _parameter: click.Parameter, values: tuple[bytes, ...]
) -> tuple[bytes, ...]:
    """The directories, if none of them is more likely meant as a command."""
    for value in values:
        if not value:
            raise click.BadParameter("a directory's name cannot be empty; the current one is `.`")
        name = value.decode(errors="replace")
        if name in COMMANDS:
            raise click.BadParameter(
                f"`{name}` is a command, and comes before options: `vpo verify {name} ...`;"
                f" a directory of that name is `./{name}`",
                ctx,
            )
    return values


@click.command(
    "verify",
    cls=CheckCommand,
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.argument(
    "directories",
    metavar="[DIR]...",
    nargs=-1,
    type=DIRECTORY,
    shell_complete=complete_directory,
    callback=directories_given,
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@global_options
@click.pass_context
def check(ctx: click.Context, /, directories: tuple[bytes, ...], as_json: bool) -> None:
    """Check that files are what they were, those first that were not checked for longest."""
    app = ctx.ensure_object(App)
    raise NotImplementedError((app, directories, as_json))
