"""Issues under a result: the first few of them, on stderr, and how many more there are."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import islice

from vpo.cli.app import App
from vpo.cli.output.streams import echo

SHOWN_ISSUES = 10


def show_issues(
    app: App,
    issues: Iterable[object],
    *,
    total: int,
    job_id: str | None = None,
    most: int | None = SHOWN_ISSUES,
    is_error: Callable[[object], bool] = lambda _issue: False,
) -> None:
    """Prints issues as warnings or errors, and where to find the rest of them.

    `total` is how many there are, `most` how many to print (None: all).
    """
    if app.logs_to_stderr == "json":
        # Every line there is one for programs, and the log has the issues.
        return
    warning = app.paint("Warning:", "yellow", err=True)
    error = app.paint("Error:", "red", err=True)
    shown = 0
    for issue in islice(issues, most):
        echo(f"{error if is_error(issue) else warning} {issue}", err=True)
        shown += 1
    if total > shown:
        where = f"; `vpo jobs show -v {job_id[:8]}` lists them" if job_id else ""
        echo(f"{warning} and {total - shown:,} more{where}", err=True)
