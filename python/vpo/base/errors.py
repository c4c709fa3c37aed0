"""Expected failures. Users see a message and a hint, never a traceback.

Each has a `code`, which is public and never changes; the wording may improve. Any other
exception is a bug.
"""

from __future__ import annotations

from typing import ClassVar

EXIT_DONE_WITH_ERRORS = 1
EXIT_NOT_DONE = 2
EXIT_LOCKED = 75
EXIT_SIGINT = 130
EXIT_SIGTERM = 143


class VpoError(Exception):
    """The base of all expected failures: what happened, and a hint what to do about it."""

    code: ClassVar[str] = "ERROR"
    exit_status: ClassVar[int] = EXIT_NOT_DONE

    def __init__(self, message: str, *, hint: str | None = None, **details: object) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.details = details


class UsageError(VpoError):
    """The command line is not valid."""

    code = "USAGE"


class DirectoryNotFoundError(VpoError):
    """The directory to scan does not exist."""

    code = "DIRECTORY_NOT_FOUND"


class NotADirectoryToScanError(VpoError):
    """The path to scan is not a directory."""

    code = "NOT_A_DIRECTORY"


class DirectoryUnreadableError(VpoError):
    """The directory to scan cannot be listed."""

    code = "DIRECTORY_UNREADABLE"


class RootOfflineError(VpoError):
    """A root is missing, is empty although it had files, or is on another file system."""

    code = "ROOT_OFFLINE"


class MassRemovalError(VpoError):
    """Most files of a root seem to be gone."""

    code = "MASS_REMOVAL"


class ScanLockedError(VpoError):
    """Another scan of the same directories, or a job that changes files there, is running."""

    code = "SCAN_LOCKED"
    exit_status = EXIT_LOCKED


class VerifyLockedError(VpoError):
    """Another check of the same directories is running."""

    code = "VERIFY_LOCKED"
    exit_status = EXIT_LOCKED


class NotDamagedError(VpoError):
    """The file is not damaged, so there is nothing to accept."""

    code = "NOT_DAMAGED"


class FileUnreadableError(VpoError):
    """A file cannot be read."""

    code = "FILE_UNREADABLE"


class JobNotFoundError(VpoError):
    """No job has this ID."""

    code = "JOB_NOT_FOUND"


class AmbiguousJobError(VpoError):
    """The IDs of several jobs start with this text."""

    code = "JOB_AMBIGUOUS"


class JobStateError(VpoError):
    """The state of the job does not allow this action."""

    code = "JOB_STATE"


class JobLostError(VpoError):
    """Another process has taken over the job."""

    code = "JOB_LOST"


class JobConfigurationError(VpoError):
    """The recorded configuration of a job is not valid."""

    code = "BAD_JOB"


class RuleError(VpoError):
    """A kind, extension or glob is not valid."""

    code = "BAD_RULE"


class ConfigError(VpoError):
    """A config file, profile or environment variable has a mistake."""

    code = "BAD_CONFIG"


class ProfileNotFoundError(VpoError):
    """No profile has this name."""

    code = "PROFILE_NOT_FOUND"


class ProfileNameError(VpoError):
    """The name is not a valid name for a profile."""

    code = "BAD_PROFILE_NAME"


class ProfileExistsError(VpoError):
    """A profile with this name already exists."""

    code = "PROFILE_EXISTS"


class OutputError(VpoError):
    """An output file cannot be written."""

    code = "OUTPUT_ERROR"


class OutputExistsError(VpoError):
    """Something already exists at the path of an output file."""

    code = "OUTPUT_EXISTS"


class ManifestError(VpoError):
    """A manifest cannot be read, or its format is unknown."""

    code = "BAD_MANIFEST"


class NothingToListError(VpoError):
    """There is no file that can be listed in a manifest."""

    code = "NOTHING_TO_LIST"


class IsABagError(VpoError):
    """The directory is a BagIt bag, which has manifests already."""

    code = "IS_A_BAG"


class ToolMissingError(VpoError):
    """A program that vpo needs was not found."""

    code = "TOOL_MISSING"


class FileNotInLibraryError(VpoError):
    """The catalogue has no file at this path."""

    code = "FILE_NOT_FOUND"


class DuplicatesLockedError(VpoError):
    """Another job that changes duplicates, or undoes such changes, is running."""

    code = "DUPLICATES_LOCKED"
    exit_status = EXIT_LOCKED


class ActionError(VpoError):
    """An action on a file failed; the file is unchanged."""

    code = "ACTION_FAILED"


class OperationNotFoundError(VpoError):
    """No operation and no job has this ID."""

    code = "OPERATION_NOT_FOUND"


class AmbiguousOperationError(VpoError):
    """The IDs of several operations or jobs start with this text."""

    code = "OPERATION_AMBIGUOUS"


class UndoError(VpoError):
    """An operation was not undone; nothing has changed."""

    code = "UNDO_FAILED"


class UndoImpossibleError(UndoError):
    """The operation cannot be undone."""

    code = "UNDO_IMPOSSIBLE"


class UndoneError(UndoError):
    """The operation was already undone."""

    code = "UNDO_DONE"


class UndoChangedError(UndoError):
    """The file has changed since the operation."""

    code = "UNDO_CHANGED"


class UndoOccupiedError(UndoError):
    """Another file is at the original path."""

    code = "UNDO_OCCUPIED"


class UndoGoneError(UndoError):
    """A file that is needed to undo the operation is gone."""

    code = "UNDO_GONE"


class LibraryError(VpoError):
    """The catalogue cannot be used."""

    code = "LIBRARY_ERROR"


class LibraryNotFoundError(LibraryError):
    """The catalogue does not exist yet."""

    code = "LIBRARY_NOT_FOUND"


class NotALibraryError(LibraryError):
    """The file is not a catalogue of vpo."""

    code = "NOT_A_LIBRARY"


class LibraryTooNewError(LibraryError):
    """A newer version of vpo wrote the catalogue."""

    code = "LIBRARY_TOO_NEW"


class LibraryTooOldError(LibraryError):
    """The catalogue is too old to be upgraded."""

    code = "LIBRARY_TOO_OLD"


class LibraryUnreadableError(LibraryError):
    """The catalogue exists but cannot be read."""

    code = "LIBRARY_UNREADABLE"


class LibraryUnwritableError(LibraryError):
    """The catalogue cannot be written or created."""

    code = "LIBRARY_UNWRITABLE"


class LibraryDamagedError(LibraryError):
    """The catalogue is damaged: SQLite reports that it is malformed."""

    code = "LIBRARY_DAMAGED"


class LibraryBusyError(LibraryError):
    """Another process keeps the catalogue locked."""

    code = "LIBRARY_BUSY"
    exit_status = EXIT_LOCKED


class DiskFullError(LibraryError):
    """The disk of the catalogue is full."""

    code = "DISK_FULL"
