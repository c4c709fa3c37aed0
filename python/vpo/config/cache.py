"""Settings that were checked before, so that a file that has not changed is not checked again.

Reading YAML and building pydantic's models takes longer than all else that a short command does.
So the checked settings of a file without mistakes are kept in `cache-UID` in the home of vpo. An
entry holds the whole content of the file, and counts only for exactly this content.

What a cache says is believed. So it must be a directory of this user that nobody else can enter,
and each entry a file of this user with one name that nobody else can write. Anything else, and
an entry that cannot be read, is ignored: the file is then checked as if there were no cache.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import vpo
from vpo.config import models
from vpo.config.layers import Layer, Place, settings_of

# People write settings by hand. A larger file is checked each time.
MOST_CONTENT_BYTES = 64 * 1024
MOST_ENTRY_BYTES = 8 * MOST_CONTENT_BYTES

# Each file that `--config` names has an entry.
MOST_ENTRIES = 100

_MOST_NAME_BYTES = 200

Read = Callable[[], Layer]


def with_cache(home: str, path: str, content: bytes, read: Read) -> Layer:
    """The layer that `read` reads from a file with this content, with its values checked.

    `home` is the home of vpo. `read` is called only if the cache does not have the layer.
    """
    name = os.fsencode(path).replace(b"%", b"%25").replace(b"/", b"%2F")
    if len(name) > _MOST_NAME_BYTES or len(content) > MOST_CONTENT_BYTES:
        return read()
    entry = _read_entry(home, name)
    key = [_version(), path, content.decode("latin-1")]
    if entry is not None and entry[:3] == key:
        with suppress(ValueError, TypeError, KeyError, AttributeError):
            return _layer_of(entry[3], path)
    layer = read()
    # Checking all settings takes long, and the command may need only some of them.
    if not _may_write(home):
        return layer
    facts = _facts_of(layer)
    if facts is not None:
        with _writable_directory(home) as directory:
            if directory is not None:
                _write_entry(directory, name, [*key, facts])
    return layer


def _version() -> list[object]:
    """What has to be the same for an entry to count: vpo, and the modules that check settings."""
    found: list[object] = [vpo.__version__]
    for module in ("bounds", "check", "document", "models", "profiles"):
        with suppress(OSError):
            path = os.path.join(os.path.dirname(__file__), f"{module}.py")
            found.append(os.stat(path).st_mtime_ns)
    return found


# -- Layers as JSON ------------------------------------------------------------------------------


def _facts_of(layer: Layer) -> dict[str, Any] | None:
    """A layer without mistakes, None if it has some: these have to be found each time."""
    from vpo.config.check import check_values

    if layer.mistakes or (layer.profile and "default_policy" in layer.settings):
        # Whether the policy exists can change while the profile does not.
        return None
    checked = check_values(layer)
    if checked.mistakes:
        return None
    return {
        "name": layer.name,
        "profile": layer.profile,
        "values": [[list(key), value] for key, value in checked.values.items()],
        "places": [[list(key), at.line, at.column] for key, at in layer.places.items()],
    }


def _layer_of(facts: dict[str, Any], path: str) -> Layer:
    """The layer of an entry. Raises ValueError or another error if the entry is not valid."""
    layer = Layer(facts["name"], Place(path), profile=facts["profile"])
    model = models.Profile if layer.profile else models.Config
    settings = settings_of(model)
    layer.valid = {}
    for key, value in facts["values"]:
        setting = settings[tuple(key)]
        if isinstance(value, list):
            value = tuple(value)
        if isinstance(value, tuple) != setting.is_list:
            raise ValueError(key)
        layer.valid[tuple(key)] = value
    for key, line, column in facts["places"]:
        layer.places[tuple(key)] = Place(path, int(line), int(column))
    return layer


# -- Entries on disk ---------------------------------------------------------------------------


def _directory_of(home: str) -> str:
    return os.path.join(home, f"cache-{os.geteuid()}")


def _open_directory(home: str) -> int | None:
    """The descriptor of the cache, None if there is none that only this user can enter."""
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        directory = os.open(_directory_of(home), flags)
    except OSError:
        return None
    found = os.fstat(directory)
    if found.st_uid == os.geteuid() and not found.st_mode & 0o077:
        return directory
    os.close(directory)
    return None


def _may_write(home: str) -> bool:
    """Whether the cache can be written, or created. False if there is no home yet."""
    directory = _directory_of(home)
    return os.access(directory if os.path.isdir(directory) else home, os.W_OK)


@contextmanager
def _writable_directory(home: str) -> Iterator[int | None]:
    """The descriptor of the cache, which is created if there is none."""
    # Before the first scan there may be no home, and only a scan creates it.
    with suppress(OSError):
        os.mkdir(_directory_of(home), 0o700)
    directory = _open_directory(home)
    try:
        is_writable = directory is not None and os.access(_directory_of(home), os.W_OK)
        yield directory if is_writable else None
    finally:
        if directory is not None:
            os.close(directory)


def _read_entry(home: str, name: bytes) -> list[Any] | None:
    directory = _open_directory(home)
    if directory is None:
        return None
    try:
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        with open(os.open(name, flags, dir_fd=directory), "rb") as file:
            found = os.fstat(file.fileno())
            is_ours = found.st_uid == os.geteuid() and found.st_nlink == 1
            if not is_ours or not stat.S_ISREG(found.st_mode) or found.st_mode & 0o022:
                return None
            content = file.read(MOST_ENTRY_BYTES + 1)
        if len(content) > MOST_ENTRY_BYTES:
            return None
        import json

        entry = json.loads(content)
        return entry if isinstance(entry, list) and len(entry) == 4 else None
    except (OSError, ValueError, RecursionError):
        return None
    finally:
        os.close(directory)


def _write_entry(directory: int, name: bytes, entry: list[Any]) -> None:
    """Writes an entry. If that fails, the next command tries again."""
    import json

    temporary = name + b".%d" % os.getpid()
    with suppress(OSError):
        present = os.listdir(directory)
        if len(present) >= MOST_ENTRIES:
            for each in present:
                os.unlink(each, dir_fd=directory)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        with open(os.open(temporary, flags, 0o600, dir_fd=directory), "wb") as file:
            file.write(json.dumps(entry).encode())
        os.replace(temporary, name, src_dir_fd=directory, dst_dir_fd=directory)
