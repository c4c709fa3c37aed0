"""The state of the catalogue as Prometheus metrics, for node_exporter's textfile collector.

The text format is https://prometheus.io/docs/instrumenting/exposition_formats/.
"""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from vpo.base import times
from vpo.base.paths import display
from vpo.catalogue.status import Status


class _Library(Collector):
    def __init__(self, status: Status) -> None:
        self._status = status

    def collect(self) -> Iterator[GaugeMetricFamily]:
        status = self._status
        yield _gauge("vpo_library_size_bytes", "Size of the catalogue file.", status.size_bytes)
        if status.space is not None:
            text = "Free space on the file system of the catalogue."
            yield _gauge("vpo_library_free_bytes", text, status.space.free)
        jobs = GaugeMetricFamily("vpo_jobs", "Jobs in the history, by status.", labels=["status"])
        for name, count in status.jobs.items():
            jobs.add_metric([name], count)
        yield jobs
        yield _gauge(
            "vpo_jobs_dead",
            "Jobs that are recorded as running, but whose process is gone.",
            status.dead_jobs,
        )
        yield _gauge(
            "vpo_failures",
            "Jobs that failed and have not succeeded since.",
            len(status.failures),
        )
        damage = GaugeMetricFamily(
            "vpo_damaged_files", "Damaged files, by what is wrong with them.", labels=["damage"]
        )
        for name, count in status.damage.items():
            damage.add_metric([name], count)
        yield damage
        yield from self._of_roots()

    def _of_roots(self) -> Iterator[GaugeMetricFamily]:
        there = GaugeMetricFamily(
            "vpo_root_up", "Whether the scanned directory can be reached.", labels=["root"]
        )
        failed = GaugeMetricFamily(
            "vpo_root_failed", "Whether the newest scan of the directory failed.", labels=["root"]
        )
        errors = GaugeMetricFamily(
            "vpo_root_last_scan_errors",
            "Files and directories that the last completed scan could not read.",
            labels=["root"],
        )
        success = GaugeMetricFamily(
            "vpo_root_last_success_timestamp_seconds",
            "When the last successful scan of the directory started.",
            labels=["root"],
        )
        free = GaugeMetricFamily(
            "vpo_root_free_bytes",
            "Free space on the file system of the scanned directory.",
            labels=["root"],
        )
        files = GaugeMetricFamily(
            "vpo_files", "Files below the scanned directory, by status.", labels=["root", "status"]
        )
        size = GaugeMetricFamily(
            "vpo_files_bytes",
            "Size of the files below the scanned directory.",
            labels=["root", "status"],
        )
        for root in self._status.roots:
            # Escaped, so that no two roots have the same label.
            name = display(root.path)
            there.add_metric([name], int(root.is_there))
            failed.add_metric([name], int(root.failure is not None))
            errors.add_metric([name], root.last_scan_errors)
            if root.last_success_at is not None:
                moment = times.from_text(root.last_success_at).timestamp()
                success.add_metric([name], moment)
            if root.space is not None:
                free.add_metric([name], root.space.free)
            for status, (count, total) in root.files.items():
                files.add_metric([name, status], count)
                size.add_metric([name, status], total)
        yield from (there, failed, errors, success, free, files, size)


def _gauge(name: str, text: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, text, value=value)


def metrics_of(status: Status) -> bytes:
    """The metrics in Prometheus' text format."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Library(status))
    return generate_latest(registry)
