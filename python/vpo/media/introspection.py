"""What is in files: the engine says it, and ffprobe where the engine cannot.

The engine reads a few kilobytes in some ten microseconds; ffprobe is a process of
some fifty milliseconds. So every file is the engine's first, and only what it
does not know, or is not sure of, is ffprobe's as well.
"""

from __future__ import annotations

import os
import shutil
from collections import deque
from collections.abc import Iterable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from threading import Event
from typing import TYPE_CHECKING, Literal, NamedTuple, cast

import orjson

from vpo._engine import Prober, ProbeResult
from vpo.base.errors import ToolMissingError
from vpo.config.models import ProberChoice

if TYPE_CHECKING:
    from vpo.media.model import Media, Track

# How long to wait for one prober before looking at the other.
_POLL_SECONDS = 0.01

# Kinds that ffprobe tells more of than that there is a picture.
_KINDS_OF_FFPROBE = ("video", "audio", "other")


class ToProbe(NamedTuple):
    """A file to be read."""

    key: int
    """What the caller calls it by."""
    path: bytes
    """Absolute."""
    kind: str
    """As the scan's rules tell it from the name."""


class Probed(NamedTuple):
    """What reading a file told."""

    key: int
    media: Media | None
    """What is in it; None if `error` says why that is not known."""
    prober: Literal["native", "ffprobe"]
    error: str | None = None
    is_gone: bool = False
    """Whether the file was not there any more. That is no error."""
    stat: tuple[int, int] | None = None
    """Size in bytes and mtime in ns as the file was opened, if it was."""
    quick_hash: bytes | None = None
    """XXH3-128 of the first and the last 64 KiB, if they could be read."""


class Introspector:
    """Reads files in the background; close it, or use it as a context manager."""

    def __init__(
        self, choice: ProberChoice = "auto", ffprobe: str | None = None, *, threads: int = 0
    ) -> None:
        """`ffprobe` is the one that the settings name, if they do.

        Raises ToolMissingError if ffprobe was chosen and is not there.
        """
        self.choice = choice
        self.without_second_opinion = 0
        """Files that ffprobe would have been asked about, had it been there."""
        self._ffprobe = None if choice == "native" else shutil.which(ffprobe or "ffprobe")
        if choice == "ffprobe" and self._ffprobe is None:
            raise ToolMissingError(
                f"`{ffprobe}` is no program" if ffprobe else "ffprobe is not installed",
                hint="Install ffmpeg, set `tools.ffprobe`, or use the prober `auto`.",
                tool="ffprobe",
            )
        self._prober = Prober(threads=threads)
        self._asked: dict[int, tuple[bytes, str]] = {}
        self._closed = Event()
        self._executor: ThreadPoolExecutor | None = None
        self._futures: dict[Future[Media], Probed] = {}
        self._ready: deque[Probed] = deque()

    def __enter__(self) -> Introspector:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Gives up what was not read yet."""
        self._closed.set()
        if self._executor is not None:
            self._executor.shutdown(cancel_futures=True)

    @property
    def outstanding(self) -> int:
        """Files that were submitted and not taken yet."""
        return len(self._asked) + len(self._futures) + len(self._ready)

    @property
    def queued(self) -> int:
        """Files that nothing has begun with yet, about."""
        return self._prober.queued + len(self._futures)

    def warnings(self) -> list[str]:
        """What could have been done better, in words for people."""
        count = self.without_second_opinion
        if not count:
            return []
        files = "1 file" if count == 1 else f"{count:,} files"
        return [
            f"ffprobe is not there to be asked about {files} that vpo is not sure of;"
            " once ffmpeg is installed, a scan with --full asks it"
        ]

    def submit(self, files: Sequence[ToProbe]) -> None:
        """Queues files."""
        for file in files:
            self._asked[file.key] = (file.path, file.kind)
        self._prober.submit((file.key, file.path) for file in files)

    def take(self, timeout: float) -> list[Probed]:
        """What is known by now; waits up to `timeout` seconds for the first."""
        # With work for ffprobe, neither may be waited for alone.
        patience = min(timeout, _POLL_SECONDS) if self._futures else timeout
        while True:
            for answer in self._prober.take(patience if not self._ready else 0.0):
                self._judge(answer)
            if self._futures:
                self._collect(0.0 if self._ready else min(timeout, _POLL_SECONDS))
            timeout -= patience
            if self._ready or timeout <= 0 or not self.outstanding:
                taken = list(self._ready)
                self._ready.clear()
                return taken

    # -- The engine's answers ----------------------------------------------------

    def _judge(self, answer: ProbeResult) -> None:
        """Takes an answer, or asks ffprobe about the file."""
        path, kind = self._asked.pop(answer.key)
        stat = None
        if answer.size_bytes is not None and answer.mtime_ns is not None:
            stat = (answer.size_bytes, answer.mtime_ns)
        if answer.media is not None:
            media: Media = orjson.loads(answer.media)
            native = Probed(answer.key, media, "native", stat=stat, quick_hash=answer.quick_hash)
            asks = bool(media["unsure"])
        else:
            native = _failed(answer, path, kind, stat)
            asks = native.error is not None and answer.problem != "unreadable"
        asks = asks or self.choice == "ffprobe"
        # Pipes and devices would keep it waiting; of nothing it has nothing to tell.
        has_content = stat is not None and stat[0] > 0
        if not asks or not has_content or kind not in _KINDS_OF_FFPROBE:
            self._ready.append(native)
        elif self._ffprobe is None:
            if self.choice == "auto":
                self.without_second_opinion += 1
            self._ready.append(native)
        else:
            self._ask(native, path)

    # -- ffprobe -----------------------------------------------------------------

    def _ask(self, native: Probed, path: bytes) -> None:
        from vpo.media import ffprobe

        assert self._ffprobe is not None
        if self._executor is None:
            self._executor = ThreadPoolExecutor(os.cpu_count() or 2, "vpo-ffprobe")
        future = self._executor.submit(ffprobe.read, self._ffprobe, path, stopped=self._closed)
        self._futures[future] = native

    def _collect(self, timeout: float) -> None:
        from vpo.media.ffprobe import FfprobeError

        done, _ = wait(self._futures, timeout=timeout, return_when=FIRST_COMPLETED)
        for future in done:
            native = self._futures.pop(future)
            try:
                media = future.result()
            except FfprobeError as error:
                self._ready.append(self._without(native, error.message))
                continue
            if native.media is not None and self.choice != "ffprobe":
                media = _merged(native.media, media)
            self._ready.append(native._replace(media=media, prober="ffprobe", error=None))

    def _without(self, native: Probed, message: str) -> Probed:
        """What there is to say of a file that ffprobe could not tell of."""
        if self.choice == "ffprobe":
            return native._replace(media=None, prober="ffprobe", error=f"ffprobe: {message}")
        return native


def _failed(answer: ProbeResult, path: bytes, kind: str, stat: tuple[int, int] | None) -> Probed:
    """What the engine's failure means for a file of this kind."""
    if answer.problem == "unreadable" and _is_gone(path):
        return Probed(answer.key, None, "native", is_gone=True)
    need_be_media = kind not in ("sidecar", "other")
    if not need_be_media and (answer.problem == "unknown" or answer.size_bytes == 0):
        return Probed(answer.key, _nothing(), "native", stat=stat, quick_hash=answer.quick_hash)
    return Probed(
        answer.key,
        None,
        "native",
        error=answer.message,
        stat=stat,
        quick_hash=answer.quick_hash,
    )


def _is_gone(path: bytes) -> bool:
    """Whether there is no such file, or a link to it leads nowhere."""
    try:
        os.stat(path)
    except (FileNotFoundError, NotADirectoryError):
        return True
    except OSError:
        # It may be there for all that can be seen.
        return False
    return False


def _merged(native: Media, second: Media) -> Media:
    """Two opinions as one: ffprobe's, but what the engine says of a track is kept.

    What ffprobe has beyond that is what the engine could not tell.
    """
    ours = {track["index"]: track for track in native["tracks"]}
    merged: list[Track] = []
    for track in second["tracks"]:
        own = ours.get(track["index"])
        if own is not None and (own["type"], own["codec"]) == (track["type"], track["codec"]):
            said = {key: value for key, value in own.items() if value not in (None, "und")}
            track = cast("Track", {**track, **said})
        merged.append(track)
    # What the engine warned of is as true as before.
    warnings = [*native["warnings"], *second["warnings"]]
    return {**second, "tracks": merged, "warnings": warnings}


def _nothing() -> Media:
    """The document of a file that is no media."""
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


def probe_all(introspector: Introspector, files: Iterable[ToProbe]) -> dict[int, Probed]:
    """Reads files, and returns what that told by their keys, in their order."""
    order = list(files)
    introspector.submit(order)
    found: dict[int, Probed] = {}
    while introspector.outstanding:
        found.update((probed.key, probed) for probed in introspector.take(1.0))
    return {file.key: found[file.key] for file in order}
