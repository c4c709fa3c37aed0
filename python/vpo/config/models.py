"""The settings of vpo, with their defaults.

Plain dataclasses, so that commands which need no more than defaults do not wait
for pydantic; `load` has pydantic check whatever is given. The docstring below a
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

# What `load` makes absolute: a relative path is one below the file that names
# it (for a command: unless it is a bare name, which is looked for on PATH).
PATH = "path"
COMMAND = "command"

PathSetting = Annotated[str, NotEmpty(), PATH]
CommandSetting = Annotated[str, NotEmpty(), COMMAND]

# pydantic reads the docstrings below the fields.
_CHECKED = {"use_attribute_docstrings": True, "extra": "forbid"}


@dataclass(frozen=True)
class ToolsConfig:
    """Section `tools`: programs that are not found on PATH, and which one reads media."""

    __pydantic_config__ = _CHECKED

    ffmpeg: CommandSetting | None = None
    """The ffmpeg to use."""
    ffprobe: CommandSetting | None = None
    """The ffprobe to use."""
    mkvmerge: CommandSetting | None = None
    """The mkvmerge to use."""
    mkvpropedit: CommandSetting | None = None
    """The mkvpropedit to use."""
    prober: ProberChoice = "auto"
    """Who reads media files: vpo itself with ffprobe's second opinion where it is
    not sure (auto), vpo alone (native), or ffprobe."""


@dataclass(frozen=True)
class BehaviorConfig:
    """Section `behavior`: what `vpo doctor` advises on."""

    __pydantic_config__ = _CHECKED

    warn_on_missing_features: bool = True
    """Whether a tool that is missing, but not required, is a warning."""
    show_upgrade_suggestions: bool = True
    """Whether a tool that is older than recommended is a warning."""


@dataclass(frozen=True)
class LoggingConfig:
    """Section `logging`: what is logged, where, and in which form."""

    __pydantic_config__ = _CHECKED

    level: Level = "info"
    """The least important records that are logged."""
    file: PathSetting | None = None
    """The file to log to; it is rotated by itself."""
    format: Literal["text", "json"] = "text"
    """Lines for people, or one JSON object a line."""
    include_stderr: bool = True
    """Whether to log to stderr as well when there is a file."""
    max_bytes: Annotated[int, AtLeast(0), AtMost(2**53)] = 10_485_760
    """The size in bytes beyond which the file is rotated; 0: never."""
    backup_count: Annotated[int, AtLeast(0), AtMost(1000)] = 5
    """How many rotated files are kept."""


@dataclass(frozen=True)
class JobsConfig:
    """Section `jobs`: how long the history goes back."""

    __pydantic_config__ = _CHECKED

    retention_days: Annotated[int, AtLeast(1), AtMost(36500)] = 30
    """How many days finished jobs are kept."""
    auto_purge: bool = True
    """Whether older ones are deleted when a scan or a worker starts."""


@dataclass(frozen=True)
class ScanConfig:
    """Section `scan`: what is scanned, which files of it, and which places it enters."""

    __pydantic_config__ = _CHECKED

    directories: tuple[PathSetting, ...] = ()
    """The directories that `vpo scan` looks at when it is given none."""
    kinds: tuple[Kind, ...] = ()
    """The kinds of files to record; without kinds and extensions, all known media."""
    extensions: tuple[str, ...] = ()
    """The extensions of files to record, with or without the dot."""
    exclude: tuple[str, ...] = ()
    """Globs of what to leave out, each as a line of .gitignore."""
    hidden: bool = False
    """Whether to look at names that begin with a dot."""
    follow_symlinks: bool = False
    """Whether to follow symbolic links."""
    one_file_system: bool = False
    """Whether to leave out other file systems below a directory."""
    threads: Annotated[int, AtLeast(0), AtMost(MAX_THREADS)] = 0
    """Requests in flight; 0: chosen by latency."""
    introspect: bool = True
    """Whether to read what is in new and changed files."""


@dataclass(frozen=True)
class Config:
    """All settings."""

    __pydantic_config__ = _CHECKED

    database_path: PathSetting | None = None
    """Where the library is; `library.db` in VPO_HOME unless set."""
    tools: ToolsConfig = field(default_factory=ToolsConfig)
    behavior: BehaviorConfig = field(default_factory=BehaviorConfig)
    logging: LoggingConfig = field(default_factory=LoggingConfig)
    jobs: JobsConfig = field(default_factory=JobsConfig)
    scan: ScanConfig = field(default_factory=ScanConfig)


@dataclass(frozen=True)
class Profile(Config):
    """A profile: settings for one library or kind of work, under a name."""

    name: str | None = None
    """The name of the profile: that of its file without `.yaml`."""
    description: str | None = None
    """What it is for, in a line."""
    default_policy: PathSetting | None = None
    """The policy file that is applied unless another is named."""
