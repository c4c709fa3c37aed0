"""Runs `ffprobe` for a second opinion on what is in a file.

Neither the file nor its name is trusted. No name can act as an option, a protocol or a
pattern, no content can make ffprobe open another file, and its time and output are limited.
"""

from __future__ import annotations

import contextlib
import os
import re
import selectors
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import IO, Any, Literal, NamedTuple

import orjson

from vpo.media import ffprobe_answer
from vpo.media.model import Media

TIMEOUT_SECONDS = 30.0

# A file with a thousand streams and chapters makes about 3 MiB. More is an attack.
MOST_OUTPUT = 8 << 20
_MOST_STDERR = 64 << 10
_LONGEST_REASON = 300
_CHUNK = 64 << 10
_HEAD_BYTES = 64

# How often to check whether to give up.
_POLL_SECONDS = 0.1

# Memory of one allocation: an uncompressed frame of 8K with 16 bits takes 200 MB.
_MOST_ALLOCATION = 512 << 20

# Demuxers that read only the file they are given. The list leaves out those that open
# files named in the content (hls, dash, concat, imf, sdp) or beside the file (vobsub), and
# text formats that match almost any file (tty, data, ffmetadata).
_DEMUXERS = (
    "matroska,mov,avi,mpegts,mpeg,mpegvideo,flv,live_flv,kux,ogg,mp3,flac,wav,w64,aac,asf,"
    "rm,mxf,gxf,nut,dv,wtv,ivf,obu,h261,h263,h264,hevc,m4v,vc1,dirac,av1,cavsvideo,mjpeg,"
    "gif,apng,swf,r3d,nsv,pva,ty,yuv4mpegpipe,ac3,eac3,dts,dtshd,truehd,mlp,aiff,caf,au,"
    "ape,wv,tta,mpc,mpc8,tak,amr,amrnb,amrwb,adts,loas,latm,alac,dsf,iff,voc,oma,shn,gsm,"
    "qcp,spdif,aa,aax,ac4,srt,ass,webvtt,sup,ttml,microdvd,sami,subviewer,subviewer1,"
    "image2,jpeg_pipe,jpegls_pipe,jpegxl_pipe,j2k_pipe,png_pipe,tiff_pipe,webp_pipe,"
    "bmp_pipe,gif_pipe,psd_pipe,exr_pipe,dpx_pipe,ppm_pipe,pgm_pipe,pbm_pipe,pam_pipe,"
    "qoi_pipe,sgi_pipe,pcx_pipe"
)

_OPTIONS = (
    "-v",
    "error",
    "-hide_banner",
    "-protocol_whitelist",
    "file",
    "-format_whitelist",
    _DEMUXERS,
    "-max_alloc",
    str(_MOST_ALLOCATION),
    "-print_format",
    "json=compact=1",
)
_SHOW = ("-show_format", "-show_streams", "-show_chapters")
# Five frames, because ffprobe may leave the very first one out of its output.
_SHOW_FRAME = ("-read_intervals", "%+#5", "-select_streams", "V", "-show_frames")

# Environment variables that change what ffprobe writes: a report file, colours.
_NOT_INHERITED = ("FFREPORT", "AV_LOG_FORCE_COLOR", "AV_LOG_FORCE_256COLOR")


class FfprobeError(Exception):
    """ffprobe gave no usable answer; `code` says why."""

    def __init__(
        self,
        message: str,
        code: Literal["missing", "timeout", "failed", "too_much_output", "stopped"],
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code


def read(
    ffprobe_path: str,
    path: bytes,
    timeout: float = TIMEOUT_SECONDS,
    language: Callable[[str], str] | None = None,
    stopped: threading.Event | None = None,
    opens: Callable[[], int] | None = None,
) -> Media:
    """What ffprobe finds in a file, in the same form as the engine's answers.

    `language` turns the name of a language in a file into ISO 639-2/B; by default the
    engine does that. Setting `stopped` ends ffprobe. `opens` opens the file and returns its
    descriptor; by default, it is opened by its path.

    Raises FfprobeError if there is no usable answer.
    """
    if language is None:
        # Imported here: callers with a function of their own do not need the engine.
        from vpo._engine import language_code

        language = language_code
    deadline = time.monotonic() + timeout
    with opened(path, opens) as file:
        answer = _parse(run(ffprobe_path, file, timeout, stopped=stopped))
        with _understood():
            media = ffprobe_answer.to_media(answer, path, _head(file), language)
        if ffprobe_answer.may_have_dynamic_metadata(media):
            # Without this detail, the answer is still useful.
            with contextlib.suppress(FfprobeError):
                left = max(deadline - time.monotonic(), 0.0)
                frames = _parse(run(ffprobe_path, file, left, show=_SHOW_FRAME, stopped=stopped))
                with _understood():
                    ffprobe_answer.add_frames(media, frames)
    return media


class OpenFile(NamedTuple):
    """A file that ffprobe is to read, whatever its path leads to by now."""

    descriptor: int
    name: bytes
    """The name by which ffprobe opens it."""


@contextlib.contextmanager
def opened(path: bytes, opens: Callable[[], int] | None = None) -> Iterator[OpenFile]:
    """Opens a file. Raises FfprobeError if it cannot be opened."""
    flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY
    try:
        descriptor = os.open(path, flags) if opens is None else opens()
    except OSError as error:
        raise FfprobeError(error.strerror or "it cannot be opened", "failed") from error
    try:
        with _named(descriptor, path) as name:
            yield OpenFile(descriptor, name)
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def _named(descriptor: int, path: bytes) -> Iterator[bytes]:
    """A name for an open file, with the extension of its path, which ffprobe takes for a hint.

    Nothing else of the path is in it: the image demuxer takes some names for patterns of several
    files, such as those with `%03d` in them and those that end in `.y`.
    """
    target = b"/dev/fd/%d" % descriptor
    extension = os.path.splitext(path)[1]
    if not re.fullmatch(rb"\.[0-9A-Za-z]{2,10}", extension):
        yield target
        return
    try:
        directory = os.fsencode(tempfile.mkdtemp(prefix="vpo-"))
    except OSError:
        # The disk is full, perhaps. ffprobe can do without the hint.
        yield target
        return
    link = os.path.join(directory, b"file" + extension)
    try:
        os.symlink(target, link)
        yield target if b"%" in link else link
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def _head(file: OpenFile) -> bytes:
    """The first bytes of a file."""
    try:
        return os.pread(file.descriptor, _HEAD_BYTES, 0)
    except OSError:
        return b""


def run(
    ffprobe_path: str,
    file: OpenFile,
    timeout: float = TIMEOUT_SECONDS,
    *,
    show: Sequence[str] = _SHOW,
    stopped: threading.Event | None = None,
) -> bytes:
    """ffprobe's JSON for a file (see `opened`). Setting `stopped` ends ffprobe.

    Raises FfprobeError if ffprobe fails, takes too long or writes too much.
    """
    deadline = time.monotonic() + timeout
    name = b"file:" + file.name
    try:
        process = subprocess.Popen(  # noqa: S603
            [ffprobe_path, *_OPTIONS, *show, "-i", name],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=_environment(),
            pass_fds=(file.descriptor,),
            # In a process group of its own, so that all it starts is killed with it.
            start_new_session=True,
        )
    except FileNotFoundError as error:
        raise FfprobeError(f"`{ffprobe_path}` was not found", "missing") from error
    except OSError as error:
        reason = f"`{ffprobe_path}` cannot be run: {error.strerror}"
        raise FfprobeError(reason, "missing") from error
    with process:
        try:
            stdout, stderr = _collect(process, deadline, stopped)
            status = _wait(process, deadline, stopped)
        except subprocess.TimeoutExpired as error:
            reason = f"it took longer than {timeout:g} seconds"
            raise FfprobeError(reason, "timeout") from error
        finally:
            _end(process)
    if status != 0:
        raise FfprobeError(_reason(stderr, name, status), "failed")
    return stdout


def _environment() -> dict[str, str]:
    inherited = {key: text for key, text in os.environ.items() if key not in _NOT_INHERITED}
    return {**inherited, "LC_ALL": "C", "AV_LOG_FORCE_NOCOLOR": "1"}


def _collect(
    process: subprocess.Popen[bytes], deadline: float, stopped: threading.Event | None
) -> tuple[bytes, bytes]:
    """stdout, and the end of stderr. Both are read at the same time so that neither blocks."""
    assert process.stdout is not None
    assert process.stderr is not None
    stdout, stderr = bytearray(), bytearray()
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ, stdout)
        selector.register(process.stderr, selectors.EVENT_READ, stderr)
        while selector.get_map():
            left = deadline - time.monotonic()
            if left <= 0:
                raise subprocess.TimeoutExpired(process.args, 0)
            if stopped is not None and stopped.is_set():
                raise FfprobeError("it was stopped", "stopped")
            for key, _ in selector.select(min(left, _POLL_SECONDS)):
                stream: IO[bytes] = key.fileobj  # type: ignore[assignment]
                chunk = os.read(stream.fileno(), _CHUNK)
                if not chunk:
                    selector.unregister(stream)
                key.data.extend(chunk)
                del stderr[:-_MOST_STDERR]
            if len(stdout) > MOST_OUTPUT:
                raise FfprobeError("its answer is too long", "too_much_output")
    return bytes(stdout), bytes(stderr)


def _wait(
    process: subprocess.Popen[bytes], deadline: float, stopped: threading.Event | None
) -> int:
    """The exit status of a process that closed its output but may still be running."""
    while True:
        left = max(deadline - time.monotonic(), 0.0)
        try:
            return process.wait(min(left, _POLL_SECONDS))
        except subprocess.TimeoutExpired:
            if left == 0.0:
                raise
        if stopped is not None and stopped.is_set():
            raise FfprobeError("it was stopped", "stopped")


def _end(process: subprocess.Popen[bytes]) -> None:
    """Kills a process and all that it started, unless it has ended."""
    # Once a process was waited for, another process may have its number.
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _reason(stderr: bytes, name: bytes, status: int) -> str:
    """The last line of stderr without the name of the file, safe to print."""
    # ffprobe replaces some control characters in the name with question marks.
    as_logged = re.sub(rb"[\x00-\x07\x0e-\x1f]", b"?", name)
    stderr = stderr.replace(name, b"").replace(as_logged, b"")
    lines = [line for line in stderr.splitlines() if line.strip(b" :\r\t")]
    if not lines:
        return (
            f"signal {-status} ended it" if status < 0 else f"it failed with exit status {status}"
        )
    line = re.sub(rb"^\[[^]]*\]", b"", lines[-1]).strip(b" :\r\t")
    text = line.decode(errors="backslashreplace")[:_LONGEST_REASON]
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode()
        for character in text
    )


@contextlib.contextmanager
def _understood() -> Iterator[None]:
    """Turns the errors that an unexpected answer causes into FfprobeError."""
    try:
        yield
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        raise FfprobeError("its answer has an unexpected form", "failed") from error


def _parse(output: bytes) -> dict[str, Any]:
    try:
        answer = orjson.loads(output)
    except orjson.JSONDecodeError as error:
        raise FfprobeError("it did not print JSON", "failed") from error
    if not isinstance(answer, dict):
        raise FfprobeError("it did not print a JSON object", "failed")
    return answer
