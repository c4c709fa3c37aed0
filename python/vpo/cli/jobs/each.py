"""Acting on each of several jobs, as `vpo jobs cancel` and `retry` do."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from vpo.base.errors import EXIT_NOT_DONE, VpoError
from vpo.cli.app import App
from vpo.cli.output.failure import failure_to_dict, print_json, show_failure
from vpo.cli.output.streams import echo
from vpo.db.library import Library, open_library
from vpo.jobs import queue
from vpo.jobs.lookup import find_job


@dataclass(frozen=True)
class Jobs:
    """The jobs that a command is given."""

    names: tuple[str, ...]
    """IDs, or the beginnings of IDs."""
    all_failed: bool = False
    """Whether all failed jobs belong to them."""


def act_on_each(
    app: App,
    jobs: Jobs,
    act: Callable[[Library, str], str],
    words: Mapping[str, str],
    *,
    as_json: bool,
) -> int:
    """Does something to each job, shows its status after that, and returns the exit status.

    If one of several jobs fails, the others are still acted on.
    """
    done: list[dict[str, object]] = []
    errors = 0
    settings = app.settings(sections=("database_path", "logging"))
    app.start_logging(settings)
    with open_library(app.library_path(settings), "write") as library:
        names = list(jobs.names)
        if jobs.all_failed:
            names += queue.failed_jobs(library)
        for name in dict.fromkeys(names):
            try:
                job_id = find_job(library, name)
                status = act(library, job_id)
            except VpoError as error:
                if len(names) == 1:
                    raise
                errors += 1
                shown = failure_to_dict(error)
                done.append({"id": name, **shown})
                if not as_json:
                    show_failure(app, error)
                continue
            done.append({"id": job_id, "status": status})
            if not (as_json or app.quiet):
                text = words.get(status, "Job {id} had already ended: " + status + ".")
                echo(text.format(id=job_id[:8]))
    if as_json:
        print_json(done)
    return EXIT_NOT_DONE if errors else 0
