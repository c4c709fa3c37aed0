"""`vpo roots rules`: the rules that are kept with a root."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import click

from vpo.base.paths import display
from vpo.cli.app import App
from vpo.cli.groups import command
from vpo.cli.options.common import json_option
from vpo.cli.options.completion import complete_roots
from vpo.cli.options.global_options import global_options
from vpo.cli.options.paths import DIRECTORY
from vpo.cli.options.rules import rule_options
from vpo.cli.output.failure import print_json
from vpo.cli.output.streams import echo
from vpo.db.library import Mode, open_library
from vpo.roots import rules as service
from vpo.roots.rules import RootRules


@command("rules")
@click.argument("root", metavar="ROOT", type=DIRECTORY, shell_complete=complete_roots)
@click.option("--forget", is_flag=True, help="Keep no rules with ROOT any more.")
@rule_options
@json_option
@global_options
@click.pass_context
def rules(ctx: click.Context, /, root: bytes, forget: bool, as_json: bool, **options: Any) -> None:
    """Show or change the rules that are kept with a root.

    A scan of ROOT, or of a directory in it, uses the kept rules in place of the config file's.
    Options of the scan, a profile and variables of the environment still override them.

    Without options, the command shows the rules. With options, it changes the rules that are
    kept or, if none are kept, those of the last scan.
    """
    app = ctx.ensure_object(App)
    given = {name: value for name, value in options.items() if value is not None}
    if forget and given:
        raise click.UsageError("--forget cannot be combined with rules", ctx)
    mode: Mode = "write" if forget or given else "read"
    with open_library(app.library_path(), mode) as library:
        if forget:
            found = service.forget(library, root)
        elif given:
            found = service.keep(library, root, given)
        else:
            found = service.read(library, root)
    if as_json:
        print_json(found.to_dict())
    elif not app.quiet:
        for line in _text(found):
            echo(line)


def _text(found: RootRules) -> Iterator[str]:
    path = display(found.path)
    if found.kept is None:
        yield f"No rules are kept with {path}."
        if found.last is not None:
            yield "The last scan used:"
            yield from _lines(found.last)
    else:
        yield f"Rules kept with {path}:"
        yield from _lines(found.kept)


def _lines(rules: Mapping[str, Any]) -> Iterator[str]:
    for name, value in rules.items():
        if isinstance(value, tuple):
            yield f"  {name}: {', '.join(map(display, value)) or '-'}"
        elif isinstance(value, bool):
            yield f"  {name}: {'yes' if value else 'no'}"
        else:
            yield f"  {name}: {value}"
