"""The outcome of scans as text, and what the process exits with."""

from __future__ import annotations

from dataclasses import dataclass, field

from vpo.base.errors import EXIT_DONE_WITH_ERRORS, EXIT_LOCKED, EXIT_NOT_DONE, VpoError
from vpo.base.paths import to_json, to_stored
from vpo.cli.app import App
from vpo.cli.output.failure import failure_to_dict, log_failure, print_json, show_failure
from vpo.cli.output.issues import show_issues
from vpo.cli.output.streams import echo, silence_stdout
from vpo.cli.signals import show_stopped, stopped_to_dict
from vpo.jobs.stopping import StoppedError
from vpo.scanner.result import ScanResult


@dataclass
class Outcomes:
    """Shows the outcome of each directory, and sums them up."""

    app: App
    as_json: bool
    several: bool
    """Whether several directories were given. Then JSON has a list of scans."""
    results: list[ScanResult] = field(default_factory=list)
    scans: list[dict[str, object]] = field(default_factory=list)
    errors: list[VpoError] = field(default_factory=list)
    stopped_status: int | None = None

    def print_line(self, line: str) -> None:
        """Prints a line. If nobody reads stdout any more, the work goes on all the same."""
        try:
            echo(line)
        except BrokenPipeError:
            silence_stdout()

    def done(self, result: ScanResult) -> None:
        """Shows a scan that was done."""
        self.results.append(result)
        self.scans.append(result.to_dict())
        if self.as_json:
            return
        if not self.app.quiet:
            self.print_line(summary_text(result))
        self._show_issues(result)

    def _show_issues(self, result: ScanResult) -> None:
        show_issues(self.app, result.warnings, total=len(result.warnings), most=None)
        damaged = result.verification.damaged() if result.verification else []
        show_issues(
            self.app,
            damaged,
            total=len(damaged),
            job_id=result.job_id,
            is_error=lambda _finding: True,
        )
        errors = result.tally["errors"]
        show_issues(self.app, result.issues, total=errors, job_id=result.job_id)

    def failed(self, root: bytes, error: VpoError) -> None:
        """Shows a scan that failed."""
        self.errors.append(error)
        shown = failure_to_dict(error)
        self.scans.append({**to_json(to_stored(root), "directory"), **shown})
        show = log_failure if self.as_json else show_failure
        show(self.app, error)

    def stopped(self, root: bytes, stopped: StoppedError) -> None:
        """Shows a scan that was stopped."""
        self.stopped_status = stopped.exit_status
        shown = stopped_to_dict(stopped)
        self.scans.append({**to_json(to_stored(root), "directory"), **shown})
        if not self.as_json:
            show_stopped(self.app, stopped, as_json=False)

    def finish(self) -> int:
        """Prints the JSON, and returns the exit status."""
        if self.as_json:
            self._print_json()
        if self.stopped_status is not None:
            return self.stopped_status
        if self.errors:
            is_locked = all(error.exit_status == EXIT_LOCKED for error in self.errors)
            return EXIT_LOCKED if is_locked else EXIT_NOT_DONE
        if not all(result.is_all_well for result in self.results):
            return EXIT_DONE_WITH_ERRORS
        return 0

    def _print_json(self) -> None:
        if not self.several:
            print_json(self.scans[0])
            return
        totals = {
            name: sum(result.counts()[name] for result in self.results)
            for name in ScanResult(directory=b"").counts()
        }
        print_json({"scans": self.scans, **totals})


def summary_text(result: ScanResult) -> str:
    """Writes a result as text. The command-line contract fixes the labels and their order."""
    tally = result.tally
    lines = [
        f"  Discovered: {tally.total:,} files",
        f"  Skipped (unchanged): {tally['skipped']:,}",
        f"  Scanned (changed): {tally['scanned']:,}",
        f"  Added (new): {tally['added']:,}",
        f"  Moved (renamed): {tally['moved']:,}",
        f"  Removed (missing): {result.removed:,}",
        f"  Errors: {tally['errors']:,}",
    ]
    if result.verification is not None:
        counts = result.verification.counts
        new, damaged = counts["new"], counts["damaged"]
        lines.append(f"  Verified: {counts['verified']:,}, new (first digest): {new:,}")
        lines.append(f"  Damaged: {damaged:,}")
    if result.pruned:
        lines.append(f"  Pruned (records deleted): {result.pruned:,}")
    if result.excluded:
        lines.append(f"  Excluded by the rules (records kept): {result.excluded:,}")
    lines.append("")
    took = f"{result.duration_seconds:.1f}s"
    if result.dry_run:
        lines.append(f"Dry run complete in {took}: nothing was written")
    else:
        lines.append(f"Scan complete in {took} (job: {(result.job_id or '')[:8]})")
    return "\n".join(lines)
