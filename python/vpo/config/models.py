"""The settings of vpo, with their defaults.

They are plain dataclasses, so that commands which need only defaults do not wait for
pydantic; `vpo.config.check` has pydantic check what is given. The docstring below a
setting is its description in the JSON Schema.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Literal

from vpo.config.bounds import MAX_THREADS, AtLeast, AtMost, NotEmpty

Kind = Literal["video", "audio", "image", "sidecar"]
KINDS: tuple[Kind, ...] = ("video", "audio", "image", "sidecar")

Level = Literal["debug", "info", "warning", "error"]
LEVELS: tuple[Level, ...] = ("debug", "info", "warning", "error")

ProberChoice = Literal["auto", "native", "ffprobe"]
PROBERS: tuple[ProberChoice, ...] = ("auto", "native", "ffprobe")

# Marks of settings whose values are made absolute: a path, and a command, which may also
# be a bare name that is looked for on PATH.
PATH = "path"
COMMAND = "command"

PathSetting = Annotated[str, NotEmpty(), PATH]
CommandSetting = Annotated[str, NotEmpty(), COMMAND]

# pydantic also takes the descriptions from the docstrings below the fields.
# The config file may hold the settings of photo collections, too. `vpo.photos` reads them.
PHOTO_KEYS = (
    "photo_extensions",
    "metadata_extensions",
    "require_sidecar",
    "camera_mappings",
    "processing_methods",
    "processing_pipelines",
)

_CHECKED = {"use_attribute_docstrings": True, "extra": "forbid"}


@dataclass(frozen=True)
class ToolsConfig:
    """Section `tools`: other programs that vpo uses, and which program reads media files."""

    __pydantic_config__ = _CHECKED

    ffmpeg: CommandSetting | None = None
    """The ffmpeg to use: a path, or a name on PATH."""
    ffprobe: CommandSetting | None = None
    """The ffprobe to use: a path, or a name on PATH."""
    mkvmerge: CommandSetting | None = None
    """The mkvmerge to use: a path, or a name on PATH."""
    mkvpropedit: CommandSetting | None = None
    """The mkvpropedit to use: a path, or a name on PATH."""
    prober: ProberChoice = "auto"
    """Which program reads media files: vpo, and also ffprobe where vpo is unsure (auto);
    only vpo (native); or only ffprobe (ffprobe)."""


@dataclass(frozen=True)
class BehaviorConfig:
    """Section `behavior`: what `vpo doctor` warns about."""

    __pydantic_config__ = _CHECKED

    warn_on_missing_features: bool = True
    """Whether to warn about optional tools that are missing."""
    show_upgrade_suggestions: bool = True
    """Whether to warn about tools that are older than recommended."""


@dataclass(frozen=True)
class LoggingConfig:
    """Section `logging`: what to log, where, and in which format."""

    __pydantic_config__ = _CHECKED

    level: Level = "info"
    """Records of this level and above are logged."""
    file: PathSetting | None = None
    """The file to log to; vpo rotates it."""
    format: Literal["text", "json"] = "text"
    """The format: lines for people (text), or one JSON object per line (json)."""
    include_stderr: bool = True
    """Whether to log to stderr too when logging to a file."""
    max_bytes: Annotated[int, AtLeast(0), AtMost(2**53)] = 10_485_760
    """The log file is rotated before it grows beyond this many bytes; 0: never."""
    backup_count: Annotated[int, AtLeast(0), AtMost(1000)] = 5
    """How many rotated log files to keep."""


@dataclass(frozen=True)
class JobsConfig:
    """Section `jobs`: how long to keep the history."""

    __pydantic_config__ = _CHECKED

    retention_days: Annotated[int, AtLeast(1), AtMost(36500)] = 30
    """How many days to keep the records of finished jobs."""
    auto_purge: bool = True
    """Whether to delete older records when a scan or a worker starts."""


@dataclass(frozen=True)
class ScanConfig:
    """Section `scan`: which directories to scan, and which files in them to record."""

    __pydantic_config__ = _CHECKED

    directories: tuple[PathSetting, ...] = ()
    """The directories to scan when `vpo scan` is given none."""
    kinds: tuple[Kind, ...] = ()
    """The kinds of files to record. Without kinds and extensions: all known media files."""
    extensions: tuple[str, ...] = ()
    """The extensions of files to record, with or without a dot."""
    exclude: tuple[str, ...] = ()
    """Globs of paths to skip, in .gitignore syntax."""
    hidden: bool = False
    """Whether to include files and directories whose names start with a dot."""
    follow_symlinks: bool = False
    """Whether to follow symbolic links."""
    one_file_system: bool = False
    """Whether to stay on one file system, and skip others below a directory."""
    skip_names: tuple[str, ...] = ()
    """More names of files and directories to skip, in any letter case. A `*` at the end stands
    for any characters."""
    system_names: bool = False
    """Whether to look at what systems and NAS devices create: trash, snapshots, thumbnails."""
    ignore_inodes: bool = False
    """Whether to ignore inode numbers, where they change though the files stay."""
    modify_window: Annotated[int, AtLeast(0), AtMost(86_400)] = 0
    """By how many seconds the modification time of an unchanged file may differ."""
    hour_shifts: bool = False
    """Whether a file is unchanged if its modification time differs by whole hours."""
    threads: Annotated[int, AtLeast(0), AtMost(MAX_THREADS)] = 0
    """How many requests to have in flight; 0: chosen by latency."""
    introspect: bool = True
    """Whether to read the tracks, tags and dates inside new and changed files."""


@dataclass(frozen=True)
class Config:
    """All settings."""

    __pydantic_config__ = _CHECKED

    database_path: PathSetting | None = None
    """The path of the catalogue (default: `library.db` in VPO_HOME)."""
    database_group_access: bool = False
    """Whether the group may use a catalogue that vpo creates, as far as the umask allows."""
    tools: ToolsConfig = field(default_factory=ToolsConfig)
    behavior: BehaviorConfig = field(default_factory=BehaviorConfig)
    logging: LoggingConfig = field(default_factory=LoggingConfig)
    jobs: JobsConfig = field(default_factory=JobsConfig)
    scan: ScanConfig = field(default_factory=ScanConfig)


@dataclass(frozen=True)
class Profile(Config):
    """A profile: named settings, for one library or one kind of work."""

    name: str | None = None
    """The name of the profile: the name of its file without `.yaml`."""
    description: str | None = None
    """What the profile is for, in one line."""
    default_policy: PathSetting | None = None
    """The policy file to apply when none is named."""
