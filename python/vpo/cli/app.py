"""The application object: the global options as given, and what follows from them."""

from __future__ import annotations

import os
import sys
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, TextIO

import click

from vpo.base.errors import LibraryUnwritableError
from vpo.base.paths import display

if TYPE_CHECKING:
    from vpo.config.load import Settings


@dataclass
class App:
    """The global options as given, before or after the command."""

    db: str | None = None
    config: str | None = None
    profile: str | None = None
    log_level: str | None = None
    log_file: str | None = None
    log_json: bool | None = None
    quiet: bool = False
    verbose: bool = False
    progress: bool = True
    color: str = "auto"

    is_logging: bool = False

    def settings(
        self,
        sections: Collection[str] | None = None,
        options: Mapping[tuple[str, ...], object] | None = None,
    ) -> Settings:
        """The effective settings of `sections`, or of all sections if it is None.

        `options` holds what the command's own options set, by the key of the setting:
        `{("scan", "hidden"): True}`. A value of None means that the option was not given.

        Raises ConfigError if a setting is not valid.
        """
        from vpo.config.load import load

        command_line: dict[tuple[str, ...], object] = {
            ("database_path",): self.db and os.path.abspath(self.db),
            ("logging", "level"): self.log_level,
            ("logging", "file"): self.log_file and os.path.abspath(self.log_file),
            ("logging", "format"): "json" if self.log_json else None,
            **(options or {}),
        }
        return load(
            os.environ,
            config=self.config,
            profile=self.profile,
            command_line=command_line,
            sections=sections,
        )

    def library_path(self, settings: Settings | None = None) -> str:
        """The path of the catalogue. Reads the settings only if they can change the answer."""
        if self.db is not None and settings is None and not self._names_settings:
            return self.db
        config = (settings or self._settings_of_readers()).config
        if self.db is not None:
            return self.db
        if config.database_path:
            return config.database_path
        from vpo.config.environment import home

        return os.path.join(home(os.environ), "library.db")

    @property
    def _asks_for_logging(self) -> bool:
        return bool(self.log_level or self.log_file or self.log_json)

    @property
    def _names_settings(self) -> bool:
        """Whether options name settings, which must then exist and be valid."""
        return self._asks_for_logging or bool(self.profile or self.config)

    def _settings_of_readers(self) -> Settings:
        """The settings of commands that only read. They log only if an option asks for it."""
        if not self._asks_for_logging:
            return self.settings(sections=("database_path",))
        settings = self.settings(sections=("database_path", "logging"))
        self.start_logging(settings)
        return settings

    def start_logging(self, settings: Settings) -> None:
        """Starts logging if any setting of the section `logging` is given.

        Otherwise nothing is logged: the command prints what matters.
        """
        from vpo.logging import setup

        if settings.is_given("logging"):
            self.is_logging = True
            setup.configure(settings.config.logging, quiet=self.quiet)
        else:
            setup.switch_off()

    @property
    def logs_to_stderr(self) -> str:
        """The form in which log records now go to stderr: `none`, `text` or `json`."""
        if not self.is_logging:
            return "none"
        from vpo.logging import setup

        return setup.form_on_stderr()

    def make_home(self, library_path: str, *, for_group: bool) -> None:
        """Creates `~/.vpo` if the catalogue is in it. Users create any other directory.

        `for_group`: its group may use it, as far as the umask allows.
        """
        from vpo.config.environment import home

        directory = home(os.environ)
        if os.path.dirname(os.path.abspath(library_path)) != os.path.abspath(directory):
            return
        try:
            os.makedirs(directory, mode=0o770 if for_group else 0o700, exist_ok=True)
        except OSError as error:
            raise LibraryUnwritableError(
                f"The directory `{display(directory)}` cannot be created: {error.strerror}",
                hint="Set VPO_HOME to another directory, or name a catalogue with `--db PATH`.",
            ) from error

    def takes_colour(self, stream: TextIO) -> bool:
        """Whether text for `stream` may be coloured."""
        if self.color == "auto":
            return stream.isatty() and not os.environ.get("NO_COLOR")
        return self.color == "always"

    def paint(self, text: str, colour: str, *, err: bool = False) -> str:
        """Colours the text if stdout (or stderr, if `err`) takes colours."""
        wanted = self.takes_colour(sys.stderr if err else sys.stdout)
        return click.style(text, fg=colour) if wanted else text
