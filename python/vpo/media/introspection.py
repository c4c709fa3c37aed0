"""Introspection: reading what media files hold, such as container, tracks, tags and dates.

A *prober* is a program that reads one file. vpo has its own, in the engine; ffprobe is
the other. The engine reads a few kilobytes in some ten microseconds, ffprobe is a process
that takes some fifty milliseconds. So the engine reads every file first, and ffprobe only
reads the files that the engine does not know or is unsure about.
"""

from __future__ import annotations

import errno
import os
from collections import deque
from collections.abc import Iterable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from functools import partial
from threading import Event
from typing import TYPE_CHECKING, Literal, NamedTuple, cast

import orjson

from vpo._engine import MediaRows, Prober, ProbeResult, Roots
from vpo.base.errors import ToolMissingError
from vpo.base.programs import which
from vpo.config.models import ProberChoice
from vpo.db.stored_stat import stored_mtime

if TYPE_CHECKING:
    from vpo.media.model import Media, Track

# How long to wait for one prober before looking at the other.
_POLL_SECONDS = 0.01
_SECONDS_TO_END = 5.0

# Kinds of files about which ffprobe knows more than "it is a picture".
_KINDS_OF_FFPROBE = ("video", "audio", "other")


class IntrospectionRequest(NamedTuple):
    """A file to be read."""

    key: int
    """A number chosen by the caller, to recognize the result."""
    path: bytes
    """Absolute."""
    kind: str
    """The kind of file, by its name: `video`, `audio`, `image`, `sidecar` or `other`."""
    follows_link: bool = False
    """Whether a symbolic link at the path is followed."""
    expected: tuple[int, int] | None = None
    """The size in bytes and the mtime in ns, if the file is not to be read if it has others."""


class Introspection(NamedTuple):
    """The result of reading a file."""

    key: int
    media: Media | None
    """What the file holds; None if `error` says why that is unknown."""
    prober: Literal["native", "ffprobe"]
    """The program that read it: vpo itself (`native`) or `ffprobe`."""
    error: str | None = None
    is_passing: bool = False
    """Whether the error is one of the system (permissions, the disk, a share that was dropped),
    and not of the content. It may be over when the file is read again."""
    is_gone: bool = False
    """Whether the file no longer exists. That is not an error."""
    stat: tuple[int, int] | None = None
    """Size in bytes and mtime in ns when the file was opened, if it was opened."""
    quick_hash: bytes | None = None
    """XXH3-128 of the first and the last 64 KiB, if they could be read."""


class Taken(NamedTuple):
    """Results of reading files."""

    rows: Sequence[MediaRows]
    """Of files that were read without a problem, if rows were asked for: all but those whose
    result is in `others`."""
    others: Sequence[Introspection]

    @property
    def files(self) -> int:
        """The number of files."""
        return sum(map(len, self.rows)) + len(self.others)

    def plus(self, more: Taken) -> Taken:
        """These results and more."""
        return Taken([*self.rows, *more.rows], [*self.others, *more.others])


NOTHING_TAKEN = Taken((), ())


class Introspector:
    """Reads files in the background. Close it, or use it as a context manager."""

    def __init__(
        self,
        choice: ProberChoice = "auto",
        ffprobe: str | None = None,
        *,
        threads: int = 0,
        roots: Roots | None = None,
        rows: bool = False,
    ) -> None:
        """`ffprobe` is a path or the name of a command, if the settings have one. Files are
        opened beneath `roots`.

        With `rows`, most results come as rows of the catalogue (`Taken.rows`), which takes a
        quarter of the time of documents.

        Raises ToolMissingError if ffprobe was chosen but is not found.
        """
        self.choice = choice
        self.without_second_opinion = 0
        """Files that vpo was unsure about, while ffprobe was not found."""
        self._ffprobe = None if choice == "native" else which(ffprobe or "ffprobe")
        if choice == "ffprobe" and self._ffprobe is None:
            raise ToolMissingError(
                f"`{ffprobe}` was not found, or is not a program"
                if ffprobe
                else "ffprobe is not installed",
                hint="Install ffmpeg, set `tools.ffprobe` to the path of ffprobe, or use"
                " `--prober auto`.",
                tool="ffprobe",
            )
        self._roots = roots or Roots()
        # ffprobe's answers are documents.
        self._prober = Prober(threads=threads, roots=self._roots, rows=rows and choice != "ffprobe")
        self._asked: dict[int, IntrospectionRequest] = {}
        self._closed = Event()
        self._executor: ThreadPoolExecutor | None = None
        self._futures: dict[Future[Media], Introspection] = {}
        self._ready: deque[Introspection] = deque()

    def __enter__(self) -> Introspector:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Abandons the files that were not read yet."""
        self._closed.set()
        if self._executor is not None:
            self._executor.shutdown(wait=False, cancel_futures=True)
            # ffprobe is ended at once, unless the file system hangs.
            wait(self._futures, timeout=_SECONDS_TO_END)

    @property
    def outstanding(self) -> int:
        """How many files were submitted and not taken yet."""
        return len(self._asked) + len(self._futures) + len(self._ready)

    @property
    def queued(self) -> int:
        """About how many files no prober has started to read."""
        return self._prober.queued + len(self._futures)

    @property
    def completed(self) -> int:
        """About how many results can be taken at once."""
        return self._prober.completed + len(self._ready)

    def warnings(self) -> list[str]:
        """What users can do to get better results."""
        count = self.without_second_opinion
        if not count:
            return []
        files = "1 file" if count == 1 else f"{count:,} files"
        return [
            f"ffprobe was not found, so vpo could not check {files} that it is unsure about;"
            " install ffmpeg, then scan with --full"
        ]

    def submit(self, requests: Sequence[IntrospectionRequest]) -> None:
        """Queues files."""
        self._asked.update((request.key, request) for request in requests)
        self._prober.submit(
            (key, path, follows_link, expected) for key, path, _, follows_link, expected in requests
        )

    def take(self, timeout: float, at_least: int = 1) -> Taken:
        """The results so far. Waits up to `timeout` seconds for `at_least` so many."""
        # While ffprobe is at work, neither prober can be waited for alone.
        patience = min(timeout, _POLL_SECONDS) if self._futures else timeout
        while True:
            rows, answers = self._prober.take(patience if not self._ready else 0.0, at_least)
            for key in rows.keys if rows else ():
                del self._asked[key]
            for answer in answers:
                self._judge(answer)
            if self._futures:
                self._collect(0.0 if rows or self._ready else min(timeout, _POLL_SECONDS))
            timeout -= patience
            if rows or self._ready or timeout <= 0 or not self.outstanding:
                taken = Taken([rows] if rows else [], list(self._ready))
                self._ready.clear()
                return taken

    # -- The engine's answers ----------------------------------------------------

    def _judge(self, answer: ProbeResult) -> None:
        """Accepts the engine's answer, or asks ffprobe about the file."""
        request = self._asked.pop(answer.key)
        stat = None
        if answer.size_bytes is not None and answer.mtime_ns is not None:
            stat = (answer.size_bytes, answer.mtime_ns)
        if answer.problem == "changed":
            error = answer.message
            self._ready.append(Introspection(answer.key, None, "native", error, stat=stat))
            return
        if answer.media is not None:
            media: Media = orjson.loads(answer.media)
            native = Introspection(
                answer.key, media, "native", stat=stat, quick_hash=answer.quick_hash
            )
            asks = bool(media["unsure"])
        else:
            native = _failed(answer, request, stat)
            # Where nothing was written, for example, ffprobe finds nothing either.
            asks = native.error is not None and answer.problem not in ("unreadable", "final")
        asks = asks or self.choice == "ffprobe"
        # ffprobe would wait for ever on pipes and devices, and knows nothing about empty files.
        has_content = stat is not None and stat[0] > 0
        if not asks or not has_content or request.kind not in _KINDS_OF_FFPROBE:
            self._ready.append(native)
        elif self._ffprobe is None:
            if self.choice == "auto":
                self.without_second_opinion += 1
            self._ready.append(native)
        else:
            self._ask(native, request)

    # -- ffprobe -----------------------------------------------------------------

    def _ask(self, native: Introspection, request: IntrospectionRequest) -> None:
        from vpo.media import ffprobe

        assert self._ffprobe is not None
        if self._executor is None:
            self._executor = ThreadPoolExecutor(os.cpu_count() or 2, "vpo-ffprobe")
        future = self._executor.submit(
            ffprobe.read,
            self._ffprobe,
            request.path,
            opens=partial(self._open, native, request),
            stopped=self._closed,
        )
        self._futures[future] = native

    def _open(self, native: Introspection, request: IntrospectionRequest) -> int:
        """Opens the file that the engine has read. Raises OSError."""
        descriptor = self._roots.open_file(request.path, request.follows_link)
        now = os.fstat(descriptor)
        if native.stat != (now.st_size, stored_mtime(now.st_mtime_ns)):
            os.close(descriptor)
            raise OSError(errno.ESTALE, "it was changed in the meantime")
        return descriptor

    def _collect(self, timeout: float) -> None:
        from vpo.media.ffprobe import FfprobeError

        done, _ = wait(self._futures, timeout=timeout, return_when=FIRST_COMPLETED)
        for future in done:
            native = self._futures.pop(future)
            try:
                media = future.result()
            except FfprobeError as error:
                self._ready.append(self._without_ffprobe(native, error.message))
                continue
            if native.media is not None and self.choice != "ffprobe":
                media = _merged(native.media, media)
            self._ready.append(native._replace(media=media, prober="ffprobe", error=None))

    def _without_ffprobe(self, native: Introspection, message: str) -> Introspection:
        """The result for a file on which ffprobe failed."""
        if self.choice == "ffprobe":
            return native._replace(media=None, prober="ffprobe", error=f"ffprobe: {message}")
        return native


def _failed(
    answer: ProbeResult, request: IntrospectionRequest, stat: tuple[int, int] | None
) -> Introspection:
    """What the engine's failure means for a file of this kind."""
    if answer.problem == "unreadable" and (
        # A link has taken its place, or that of a directory above it.
        answer.errno in (errno.ELOOP, errno.EXDEV) or _is_gone(request.path)
    ):
        return Introspection(answer.key, None, "native", is_gone=True)
    must_be_media = request.kind not in ("sidecar", "other")
    if not must_be_media and (answer.problem in ("unknown", "final") or answer.size_bytes == 0):
        return Introspection(
            answer.key, _nothing(), "native", stat=stat, quick_hash=answer.quick_hash
        )
    return Introspection(
        answer.key,
        None,
        "native",
        error=answer.message,
        is_passing=answer.problem == "unreadable",
        stat=stat,
        quick_hash=answer.quick_hash,
    )


def _is_gone(path: bytes) -> bool:
    """Whether no file is at the path, or a link there leads nowhere."""
    try:
        os.stat(path)
    except (FileNotFoundError, NotADirectoryError):
        return True
    except OSError:
        # The file may still exist.
        return False
    return False


def _merged(native: Media, second: Media) -> Media:
    """Combines both answers: ffprobe's, but with what the engine knows about each track.

    So ffprobe only adds what the engine does not know.
    """
    ours = {track["index"]: track for track in native["tracks"]}
    merged: list[Track] = []
    for track in second["tracks"]:
        own = ours.get(track["index"])
        if own is not None and (own["type"], own["codec"]) == (track["type"], track["codec"]):
            known = {key: value for key, value in own.items() if value not in (None, "und")}
            track = cast("Track", {**track, **known})
        merged.append(track)
    # The engine's warnings are still true.
    warnings = [*native["warnings"], *second["warnings"]]
    return {**second, "tracks": merged, "warnings": warnings}


def _nothing() -> Media:
    """The document for a file that is not a media file."""
    return {
        "container": "",
        "duration_seconds": None,
        "bit_rate": None,
        "tracks": [],
        "chapters": [],
        "tags": {},
        "photo": None,
        "warnings": [],
        "unsure": [],
    }


def introspect_all(
    introspector: Introspector, requests: Iterable[IntrospectionRequest]
) -> dict[int, Introspection]:
    """Reads files and waits for all of them. The results are by key, in the given order."""
    order = list(requests)
    introspector.submit(order)
    found: dict[int, Introspection] = {}
    while introspector.outstanding:
        found.update((result.key, result) for result in introspector.take(1.0).others)
    return {request.key: found[request.key] for request in order}
