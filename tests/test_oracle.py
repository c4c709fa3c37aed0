"""Random histories of a real tree: after each scan the catalogue must be true.

`VPO_ORACLE_EXAMPLES=1000 pytest tests/test_oracle.py` searches longer, and with
another seed each time.
"""

from __future__ import annotations

import base64
import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, event, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from oracle import (
    DEFAULT_RULES,
    DIRECTORY_NAMES,
    FILE_NAMES,
    GLOBS,
    NO_CATALOGUE,
    Catalogue,
    Disk,
    Expectation,
    Rows,
    ScanRules,
    expect_scan,
    mark,
    read_catalogue,
)
from support import OLD_NS, TIMEOUT_SECONDS, Vpo, wait_until

EXAMPLES = int(os.environ.get("VPO_ORACLE_EXAMPLES", "0"))

pytestmark = pytest.mark.timeout(300 + 20 * EXAMPLES)

settings.register_profile(
    "oracle",
    max_examples=12,
    stateful_step_count=12,
    derandomize=True,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
settings.register_profile(
    "oracle-long",
    settings.get_profile("oracle"),
    max_examples=EXAMPLES or 1,
    derandomize=False,
    print_blob=True,
)
PROFILE = settings.get_profile("oracle-long" if EXAMPLES else "oracle")

# -- What happens to the tree --------------------------------------------------------


@dataclass
class Change:
    """One of a disk's methods, and what it is called with."""

    method: Callable[..., None]
    arguments: dict[str, object]

    def __repr__(self) -> str:
        given = ", ".join(f"{name}={value!r}" for name, value in self.arguments.items())
        return f"{self.method.__name__}({given})"

    def happen(self, disk: Disk) -> None:
        """Does it."""
        self.method(disk, **self.arguments)


def change(
    method: Callable[..., None], **arguments: st.SearchStrategy[Any]
) -> st.SearchStrategy[Change]:
    """Changes that `method` makes."""
    return st.builds(Change, st.just(method), st.fixed_dictionaries(arguments))


picks = st.integers(0, 255)
file_names = st.sampled_from(FILE_NAMES)
directory_names = st.sampled_from(DIRECTORY_NAMES)
sizes = st.sampled_from([0, 1, 1, 2, 5000])
# None is the clock's time: a file so young that the next change may leave no trace.
mtimes = st.sampled_from([OLD_NS, OLD_NS, OLD_NS + 1, OLD_NS + 1_000_000_000, None])
shifts_ns = st.sampled_from([1, -1, 999, 1_000_000_000, -86_400 * 10**9, 10**18, -2 * 10**18])

changes = st.lists(
    st.one_of(
        change(Disk.write, at=picks, name=file_names, size=sizes, mtime_ns=mtimes),
        change(
            Disk.make_directory,
            at=picks,
            directory=directory_names,
            names=st.lists(file_names, max_size=4),
        ),
        change(Disk.make_many, at=picks, count=st.sampled_from([20, 300])),
        change(Disk.make_fifo, at=picks, name=file_names),
        change(Disk.hard_link, pick=picks, at=picks, name=file_names),
        change(
            Disk.symlink,
            pick=picks,
            at=picks,
            name=file_names | directory_names,
            replace=st.booleans(),
        ),
        change(Disk.remove, pick=picks),
        change(Disk.remove_file, pick=picks),
        change(Disk.empty, pick=picks),
        change(Disk.take_away, pick=picks),
        change(Disk.put_back, pick=picks),
        change(Disk.grow, pick=picks, by=sizes, keep_mtime=st.booleans()),
        change(Disk.rewrite, pick=picks, mtime_ns=mtimes),
        change(Disk.touch, pick=picks, by_ns=shifts_ns),
        change(Disk.chmod, pick=picks, mode=st.sampled_from([0o400, 0o600, 0o644, 0o755])),
        change(Disk.rename_file, pick=picks, at=picks, name=file_names),
        change(Disk.rename_directory, pick=picks, at=picks, name=directory_names),
        change(Disk.swap, one=picks, other=picks),
        change(Disk.swap_alike, one=picks, other=picks),
        change(Disk.swap_directories, one=picks, other=picks),
        change(Disk.replace_by_copy, pick=picks),
        change(Disk.replace_by_directory, pick=picks, name=file_names),
        change(Disk.replace_by_file, pick=picks, size=sizes),
    ),
    max_size=4,
)


# -- What is asked for ---------------------------------------------------------------


@dataclass(frozen=True)
class Order:
    """One scan as it is asked for."""

    roots: tuple[bytes, ...] = (b"",)
    rules: ScanRules = DEFAULT_RULES
    full: bool = False
    prune: bool = False

    def of_one_root(self) -> Order:
        """The same, of the first root alone."""
        return replace(self, roots=self.roots[:1])

    def args(self) -> list[str]:
        """Its options."""
        flags = {"--full": self.full, "--prune": self.prune}
        chosen = [flag for flag, is_set in flags.items() if is_set]
        return ["--json", "--allow-mass-removal", *chosen, *self.rules.args()]


rare = st.sampled_from([False, False, False, True])
default_orders = st.builds(Order, full=rare, prune=rare)
nested_orders = st.builds(
    Order,
    roots=st.lists(
        st.sampled_from([b"", b"", b"d", b".h", b"d/e", b"extras"]), min_size=1, max_size=2
    ).map(tuple),
    rules=st.builds(
        ScanRules,
        kinds=st.sampled_from([(), (), ("video",), ("audio", "sidecar")]),
        extensions=st.sampled_from([(), (), ("txt",), (".MKV", "part")]),
        excludes=st.just(())
        | st.lists(st.sampled_from(list(GLOBS)), max_size=2, unique=True).map(tuple),
        hidden=st.booleans(),
    ),
    full=rare,
    prune=rare,
)
# What the machine at hand is asked for.
its_orders = st.runner().flatmap(lambda machine: machine.orders)

# In ms. A scan of so small a tree writes its last record some 10 ms after the first.
delays = st.floats(0, 20)


class OneRoot(RuleBasedStateMachine):
    """A directory, scanned with the default rules."""

    orders = default_orders

    def __init__(self) -> None:
        super().__init__()
        self.base = os.path.realpath(tempfile.mkdtemp(prefix="vpo-oracle-"))
        self.vpo = Vpo(Path(self.base) / "home")

    @initialize(
        name=st.sampled_from([b"library", b"caf\xe9", b"two\nlines"]), is_known=st.booleans()
    )
    def make_tree(self, name: bytes, is_known: bool) -> None:
        """Makes a root with some directories and files in it, and maybe scans it."""
        self.disk = Disk(os.path.join(os.fsencode(self.base), name))
        for directory in (b"", b"d", b"d/e", b"d!", b".h", b"extras", b"caf\xe9"):
            path = os.path.join(self.disk.root, directory)
            os.makedirs(path, exist_ok=True)
            for size, file in enumerate((b"a.mkv", b"b.mkv", b"keep.srt", b".hidden.mkv")):
                self.disk.write_file(os.path.join(path, file), size)
        if is_known:
            self.scan_to_the_end(Order())

    def teardown(self) -> None:
        """Asks the program itself what it knows, once, and tidies up."""
        try:
            if self.catalogue() != NO_CATALOGUE:
                self.check_listing()
        finally:
            shutil.rmtree(self.base)

    # -- Scans -----------------------------------------------------------------------

    @rule(changes=changes, order=its_orders, again=st.booleans())
    def scan(self, changes: list[Change], order: Order, again: bool) -> None:
        """Scans to the end, maybe twice."""
        self.happen(changes)
        self.scan_to_the_end(order)
        if again:
            counts = self.scan_to_the_end(replace(order, full=False, prune=False)).counts
            assert counts["skipped"] == counts["total_discovered"], counts
            assert counts["removed"] == 0, counts

    @rule(pick=picks, absent=its_orders, changes=changes, back=its_orders)
    def scan_without(self, pick: int, absent: Order, changes: list[Change], back: Order) -> None:
        """Scans while something is not there, and again when it is back."""
        self.disk.take_away(pick)
        self.scan_to_the_end(absent)
        self.happen(changes)
        self.disk.put_back(-1)
        self.scan_to_the_end(back)

    # A rule with more names is picked more often.
    scan_often = scan_oftener = scan

    @rule(changes=changes, order=its_orders)
    def dry_run(self, changes: list[Change], order: Order) -> None:
        """Says what would change, and changes nothing."""
        self.happen(changes)
        before = self.catalogue()
        existed = self.vpo.database.exists()
        expected = self.expect(before.rows, order)
        self.check_counts(self.run(order, "--dry-run", status=expected.status), expected, order)
        assert self.vpo.database.exists() == existed
        assert self.catalogue().everything == before.everything

    @rule(
        changes=changes,
        order=its_orders,
        sent=st.sampled_from([signal.SIGKILL, signal.SIGKILL, signal.SIGINT, signal.SIGTERM]),
        delay=delays,
        later=changes,
    )
    def stop(
        self,
        changes: list[Change],
        order: Order,
        sent: signal.Signals,
        delay: float,
        later: list[Change],
    ) -> None:
        """Stops a scan anywhere after it began to write; the next one makes up for it."""
        self.happen(changes)
        order = order.of_one_root()
        before = self.catalogue()
        expected = self.expect(before.rows, order)
        with self.start(order) as process:
            self.wait_until_it_writes(process)
            status, stdout, stderr = self.signal(process, sent, delay)
        event(f"{sent.name}: {status}")
        assert b"Traceback" not in stderr, stderr
        after = self.catalogue()
        expected = self.expect(before.rows, order, after.rows)
        if status == expected.status:
            self.check_completed(json.loads(stdout), before, after, expected, order)
        else:
            assert status in {130, 143, -sent}, (status, stderr)
            self.check_stopped(before.rows, after.rows, expected)
            if status > 0:
                assert "running" not in {status for status, _ in after.jobs}
        self.happen(later)
        self.scan_to_the_end(order)

    @rule(
        changes=changes,
        order=its_orders,
        sent=st.sampled_from([signal.SIGKILL, signal.SIGTERM]),
        delay=st.floats(0, 120),
        later=changes,
    )
    def kill_any_time(
        self,
        changes: list[Change],
        order: Order,
        sent: signal.Signals,
        delay: float,
        later: list[Change],
    ) -> None:
        """Kills a scan at any moment, as it starts or while it makes the library."""
        self.happen(changes)
        order = order.of_one_root()
        before = self.catalogue()
        expected = self.expect(before.rows, order)
        with self.start(order) as process:
            status, _, _ = self.signal(process, sent, delay)
        assert status in {expected.status, 143, -sent}
        after = self.catalogue()
        expected = self.expect(before.rows, order, after.rows)
        self.check_stopped(before.rows, after.rows, expected)
        self.happen(later)
        self.scan_to_the_end(order)

    @rule(changes=changes, order=its_orders, meanwhile=changes, delay=delays)
    def scan_while_it_changes(
        self, changes: list[Change], order: Order, meanwhile: list[Change], delay: float
    ) -> None:
        """Changes the tree under a scan: what that saw is anyone's guess, the next is right."""
        self.happen(changes)
        with self.start(order) as process:
            self.wait_until_it_writes(process)
            # Any moment is what the test is about.
            time.sleep(delay / 1000)
            self.happen(meanwhile)
            stdout, stderr = process.communicate(timeout=TIMEOUT_SECONDS)
        # 2: a root went away.
        assert process.returncode in {0, 2}, (stdout, stderr)
        assert b"Traceback" not in stderr, stderr
        self.scan_to_the_end(order)

    # -- Running and checking -----------------------------------------------------------

    def happen(self, changes: list[Change]) -> None:
        """Lets changes happen to the tree."""
        for each in changes:
            each.happen(self.disk)

    def roots(self, order: Order) -> list[bytes]:
        """The paths of the roots, as they are given."""
        return [os.path.join(self.disk.root, name).rstrip(b"/") for name in order.roots]

    def wait_until_it_writes(self, process: subprocess.Popen[bytes]) -> None:
        """Waits until the process has begun to write to the library, or has ended."""
        wal = f"{self.vpo.database}-wal"
        before = _size(wal)
        wait_until(lambda: process.poll() is not None or _size(wal) != before, interval=0.0005)

    def signal(
        self, process: subprocess.Popen[bytes], sent: signal.Signals, delay: float
    ) -> tuple[int, bytes, bytes]:
        """Sends a signal after some ms, any number of them; status, stdout and stderr."""
        time.sleep(delay / 1000)
        process.send_signal(sent)
        stdout, stderr = process.communicate(timeout=TIMEOUT_SECONDS)
        return process.returncode, stdout, stderr

    def catalogue(self) -> Catalogue:
        """The library as it is."""
        return read_catalogue(str(self.vpo.database), self.base)

    def expect(self, before: Rows, order: Order, after: Rows | None = None) -> Expectation:
        """What is to come of a scan; roots that are not there are refused.

        `after` is what has come of it, for what the evidence leaves open.
        """
        roots = list(dict.fromkeys(os.path.realpath(root) for root in self.roots(order)))
        total = Expectation(before)
        for root in roots:
            if self.is_part_of_another(root, roots, order.rules):
                continue
            if not os.path.isdir(root):
                total.status = 2
                continue
            one = expect_scan(
                total.rows, root, order.rules, after or {}, full=order.full, prune=order.prune
            )
            total.rows = one.rows
            total.moved.update(one.moved)
            total.is_unclear |= one.is_unclear
            for name, count in one.counts.items():
                total.counts[name] += count
        return total

    def is_part_of_another(self, root: bytes, roots: list[bytes], rules: ScanRules) -> bool:
        """Whether a root is scanned with another one."""
        for other in roots:
            if root != other and root.startswith(other + b"/") and os.path.isdir(root):
                parts = root[len(other) + 1 :].split(b"/")
                ways = (b"/".join(parts[:length]) for length in range(1, len(parts) + 1))
                if all(rules.enters(way) for way in ways):
                    return True
        return False

    def start(self, order: Order) -> subprocess.Popen[bytes]:
        """Starts a scan."""
        return self.vpo.start("scan", *order.args(), *self.roots(order))

    def run(self, order: Order, *args: str, status: int) -> dict[str, object]:
        """Scans, and returns the JSON."""
        command: list[str | bytes | Path] = ["scan", *order.args(), *args, *self.roots(order)]
        result = self.vpo.ok(*command, status=status).json
        assert isinstance(result, dict)
        return result

    def scan_to_the_end(self, order: Order) -> Expectation:
        """Scans, and compares the catalogue with the disk."""
        before = self.catalogue()
        result = self.run(order, status=self.expect(before.rows, order).status)
        after = self.catalogue()
        expected = self.expect(before.rows, order, after.rows)
        event(f"moved: {len(expected.moved)}, unclear: {expected.is_unclear}")
        expected.is_unclear = False
        self.check_completed(result, before, after, expected, order)
        if after != NO_CATALOGUE:
            mark(str(self.vpo.database))
        return expected

    def check_completed(
        self,
        result: dict[str, object],
        before: Catalogue,
        after: Catalogue,
        expected: Expectation,
        order: Order,
    ) -> None:
        """After a scan the catalogue is as it must be, and so is what the scan said."""
        ids = {path: row.id for path, row in expected.rows.items()}
        rows = {
            path: row._replace(id=row.id if ids.get(path) is not None else None)
            for path, row in after.rows.items()
        }
        assert rows == expected.rows
        moved = {(after.rows[path].id, source) for path, source in expected.moved.items()}
        assert set(after.moves[len(before.moves) :]) == moved
        self.check_counts(result, expected, order)
        assert "running" not in {status for status, _ in after.jobs}
        if "scans" not in result and expected.status == 0:
            status, summary = after.jobs[-1]
            assert status == "completed"
            counts = json.loads(summary)
            assert counts == {name: result[name] for name in counts}

    def check_counts(self, result: dict[str, object], expected: Expectation, order: Order) -> None:
        """The counts are those of the disk."""
        names = set(expected.counts)
        if "scans" in result:  # Of several roots, it is no total.
            names.discard("pruned")
        elif expected.status:
            names.clear()
        if expected.is_unclear:
            names -= {"added", "moved", "removed", "pruned"}
        counts = {name: expected.counts[name] for name in names}
        assert {name: result[name] for name in names} == counts, order

    def check_stopped(self, before: Rows, after: Rows, expected: Expectation) -> None:
        """What a stopped scan has recorded is true, and nothing is marked half."""
        gone = {
            path
            for path, row in before.items()
            if not row.is_missing
            and path not in expected.moved.values()
            and (path not in expected.rows or expected.rows[path].is_missing)
        }
        marked = {path for path in gone if path not in after or after[path].is_missing}
        assert marked in (set(), gone)
        for path in before.keys() | after.keys() | expected.rows.keys():
            now, then, wanted = after.get(path), before.get(path), expected.rows.get(path)
            if now is not None and wanted is not None and wanted.id is None:
                now = now._replace(id=None)
            # What is to be pruned is missing first.
            marked_first = then and wanted is None and then._replace(is_missing=True)
            assert now in (then, wanted, marked_first), path

    def check_listing(self) -> None:
        """`vpo files list` says what is in the tables."""
        listed = {}
        for file in self.vpo.ok("files", "list", "--json").json:
            encoded = file.get("path_b64")
            path = base64.b64decode(encoded) if encoded else file["path"].encode()
            assert path not in listed
            listed[path] = file["scan_status"] == "missing", file["size_bytes"], file["mtime_ns"]
        rows = self.catalogue().rows
        assert listed == {path: row[1:4] for path, row in rows.items()}


class NestedRoots(OneRoot):
    """A directory and some in it, scanned in turn and with other rules each time."""

    orders = nested_orders


def _size(path: str) -> int:
    try:
        return os.stat(path).st_size
    except FileNotFoundError:
        return -1


TestOneRoot = OneRoot.TestCase
TestOneRoot.settings = PROFILE
TestNestedRoots = NestedRoots.TestCase
TestNestedRoots.settings = PROFILE
