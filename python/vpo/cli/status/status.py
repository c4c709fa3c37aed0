"""`vpo status`: roots, files, jobs and space, in one screen."""

from __future__ import annotations

from collections.abc import Iterator

import click

from vpo.base import times
from vpo.base.paths import display
from vpo.catalogue.status import Status, read_status
from vpo.cli.app import App
from vpo.cli.groups import command
from vpo.cli.options.global_options import global_options
from vpo.cli.options.paths import path_option
from vpo.cli.output.damage import damage_counts
from vpo.cli.output.failure import print_json
from vpo.cli.output.roots import offline_hint, state_painter
from vpo.cli.output.sizes import human_size
from vpo.cli.output.streams import echo, for_terminal
from vpo.cli.output.table import table
from vpo.db.library import open_library
from vpo.places.patience import Space

SHOWN_FAILURES = 5


@command("status")
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json", "prometheus"]),
    help="Print text (the default), JSON, or Prometheus metrics.",
)
@click.option("--json", "as_json", is_flag=True, help="The same as --format json.")
@path_option(
    "--output",
    metavar="FILE",
    help="Write to FILE instead of standard output; the file is replaced atomically.",
)
@global_options
@click.pass_context
def status(ctx: click.Context, /, form: str | None, as_json: bool, output: bytes | None) -> None:
    """Show the state: scanned directories, files, jobs, damage."""
    app = ctx.ensure_object(App)
    if as_json and form not in (None, "json"):
        raise click.UsageError(f"--json cannot be combined with --format {form}", ctx)
    form = "json" if as_json else form or "text"
    if output == b"-":
        output = None
    with open_library(app.library_path(), "read") as library:
        found = read_status(library)
    if form == "json" and output is None:
        print_json(found.to_dict())
    elif form == "text" and output is None:
        for line in _text(app, found):
            echo(line)
    else:
        content = _content(app, found, form)
        if output is None:
            click.echo(for_terminal(content.decode()), nl=False)
        else:
            _write(output, content)


def _content(app: App, found: Status, form: str) -> bytes:
    if form == "prometheus":
        from vpo.catalogue.metrics import metrics_of

        return metrics_of(found)
    if form == "json":
        import orjson

        return orjson.dumps(found.to_dict()) + b"\n"
    return "".join(f"{click.unstyle(line)}\n" for line in _text(app, found)).encode(
        errors="backslashreplace"
    )


def _write(path: bytes, content: bytes) -> None:
    from vpo.base.atomic_file import NewFile

    # The program that collects metrics runs as another user, who must be able to read the file.
    with NewFile(path, replaces=True, mode=0o644) as file:
        file.write(content)
        file.finish()


def _text(app: App, found: Status) -> Iterator[str]:
    yield f"Catalogue: {display(found.path)} ({human_size(found.size_bytes)}, {_free(found.space)})"
    yield ""
    if found.roots:
        yield from _roots(app, found)
    else:
        yield "Nothing has been scanned yet. Start with `vpo scan DIRECTORY`."
    jobs = [f"{count:,} {name}" for name, count in found.jobs.items() if count]
    yield ""
    yield f"Jobs: {', '.join(jobs) or 'none'}"
    if found.dead_jobs:
        lost = "has no process any more. The next scan or `vpo jobs run` corrects this."
        if found.dead_jobs > 1:
            lost = "have no process any more. The next scan or `vpo jobs run` corrects this."
        yield app.paint(f"  {found.dead_jobs:,} of them {lost}", "yellow")
    if found.clock:
        yield ""
    for sentence in found.clock.sentences():
        yield app.paint(f"{sentence}.", "yellow")
    if found.damaged_files:
        yield ""
        text = f"Damaged files: {damage_counts(found.damage)}"
        yield app.paint(text, "red") + " (see `vpo verify status`)"
    if found.failures:
        yield ""
        yield app.paint("Jobs that failed and have not succeeded since:", "red")
    for failure in found.failures[:SHOWN_FAILURES]:
        when = times.to_local_text(failure.completed_at)
        message = display(failure.message or "")
        yield f"  {failure.id[:8]}  {when}  {failure.job_type} {display(failure.path)}: {message}"
    if len(found.failures) > SHOWN_FAILURES:
        more = len(found.failures) - SHOWN_FAILURES
        yield f"  and {more:,} more: `vpo jobs list --status failed`"


def _roots(app: App, found: Status) -> Iterator[str]:
    rows = []
    for root in found.roots:
        known = sum(count for name, (count, _) in root.files.items() if name != "missing")
        size = sum(size for name, (_, size) in root.files.items() if name != "missing")
        rows.append(
            (
                root.state,
                times.to_local_text(root.last_success_at),
                f"{known:,}",
                human_size(size),
                f"{root.files['error'][0]:,}",
                f"{root.files['missing'][0]:,}",
                human_size(root.space.free) if root.space else "-",
                display(root.path),
            )
        )

    heads = ("STATE", "LAST SUCCESS", "FILES", "SIZE", "ERRORS", "MISSING", "FREE", "ROOT")
    right = ("FILES", "SIZE", "ERRORS", "MISSING", "FREE")
    # Columns that are 0 for all roots are left out, because paths need the space.
    shown = [
        column
        for column, head in enumerate(heads)
        if head not in ("ERRORS", "MISSING") or any(row[column] != "0" for row in rows)
    ]
    yield from table(
        [heads[column] for column in shown],
        [[row[column] for column in shown] for row in rows],
        right=right,
        paint=state_painter(app),
        keep_tail=True,
    )
    offline = [root.path for root in found.roots if root.state == "offline"]
    if offline:
        yield ""
        yield offline_hint(offline)


def _free(space: Space | None) -> str:
    return "free space unknown" if space is None else f"{human_size(space.free)} free"
