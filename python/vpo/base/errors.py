"""Expected failures: shown as a message and a hint, never as a traceback.

`code` is stable and public; wording may improve. Anything that is not a
`VpoError` is a bug.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

EXIT_DONE_WITH_ERRORS = 1
EXIT_NOT_DONE = 2
EXIT_LOCKED = 75
EXIT_SIGINT = 130
EXIT_SIGTERM = 143


class VpoError(Exception):
    """Base of all expected failures: the fact, and what to do about it."""

    code: ClassVar[str] = "ERROR"
    exit_status: ClassVar[int] = EXIT_NOT_DONE

    def __init__(self, message: str, *, hint: str | None = None, **details: object) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.details = details

    def to_dict(self) -> dict[str, object]:
        """The error as JSON (see the command-line contract)."""
        return error_to_dict(self.code, self.message, self.hint, self.details)


def error_to_dict(
    code: str, message: str, hint: str | None, details: Mapping[str, object]
) -> dict[str, object]:
    """An error as JSON, in the shape of the command-line contract."""
    shown: dict[str, object] = {"error": True, "code": code, "message": as_utf8(message)}
    if hint:
        shown["hint"] = as_utf8(hint)
    shown["details"] = {
        name: as_utf8(value) if isinstance(value, str) else value for name, value in details.items()
    }
    return shown


def as_utf8(text: str) -> str:
    """Text in which U+FFFD replaces bytes of the command line that are not UTF-8."""
    return text.encode(errors="surrogateescape").decode(errors="replace")


class UsageError(VpoError):
    """The command line asks for something that makes no sense."""

    code = "USAGE"


class DirectoryNotFoundError(VpoError):
    """There is nothing at the path to scan."""

    code = "DIRECTORY_NOT_FOUND"


class NotADirectoryToScanError(VpoError):
    """The path to scan is a file."""

    code = "NOT_A_DIRECTORY"


class DirectoryUnreadableError(VpoError):
    """The directory to scan cannot be listed."""

    code = "DIRECTORY_UNREADABLE"


class RootOfflineError(VpoError):
    """A root that was there is gone, empty, or on another file system."""

    code = "ROOT_OFFLINE"


class RootNotFoundError(VpoError):
    """No root has this path."""

    code = "ROOT_NOT_FOUND"


class RootOverlapError(VpoError):
    """Two roots lie in each other, or are one, where that is not possible."""

    code = "ROOT_OVERLAP"


class RootAliasError(VpoError):
    """A directory to scan is a known root, reached by another path."""

    code = "ROOT_ALIAS"


class RootMismatchError(VpoError):
    """A directory does not hold the files of a root."""

    code = "ROOT_MISMATCH"


class MassRemovalError(VpoError):
    """Most of a root seems to be gone."""

    code = "MASS_REMOVAL"


class JobLockedError(VpoError):
    """Another job is running that this one has to wait for."""

    code = "JOB_LOCKED"
    exit_status = EXIT_LOCKED


class ScanLockedError(JobLockedError):
    """Another scan of the same place is running, or a job that changes files there."""

    code = "SCAN_LOCKED"


class VerifyLockedError(JobLockedError):
    """Another check of the same place is running."""

    code = "VERIFY_LOCKED"


class NotDamagedError(VpoError):
    """There is no damage to accept."""

    code = "NOT_DAMAGED"


class FileUnreadableError(VpoError):
    """A file's content cannot be had."""

    code = "FILE_UNREADABLE"


class CollectionNotFoundError(VpoError):
    """No photo collection has this name or id."""

    code = "COLLECTION_NOT_FOUND"


class CollectionExistsError(VpoError):
    """Another photo collection has this name."""

    code = "COLLECTION_EXISTS"


class CollectionValueError(VpoError):
    """A collection cannot have this name, location or lifetime."""

    code = "COLLECTION_INVALID"


class CollectionUnreachableError(VpoError):
    """The files of a collection cannot be looked at."""

    code = "COLLECTION_NOT_ACCESSIBLE"


class CollectionInUseError(VpoError):
    """A collection has results, or is being analysed."""

    code = "COLLECTION_IN_USE"


class AnalysisLockedError(JobLockedError):
    """Another analysis of these files is running."""

    code = "ANALYSIS_LOCKED"


class JobNotFoundError(VpoError):
    """There is no job with that ID."""

    code = "JOB_NOT_FOUND"


class AmbiguousJobError(VpoError):
    """Several jobs have IDs that begin so."""

    code = "JOB_AMBIGUOUS"


class JobStateError(VpoError):
    """A job is not in a state that allows this."""

    code = "JOB_STATE"


class JobLostError(VpoError):
    """A job was given to another process meanwhile."""

    code = "JOB_LOST"


class JobConfigurationError(VpoError):
    """The recorded configuration of a job cannot be used."""

    code = "BAD_JOB"


class RuleError(VpoError):
    """A kind, extension or glob cannot be understood."""

    code = "BAD_RULE"


class ConfigError(VpoError):
    """The configuration has a mistake."""

    code = "BAD_CONFIG"


class HomeNotFoundError(ConfigError):
    """The user has no home directory, and `VPO_HOME` is not set."""

    code = "NO_HOME"


class ProfileNotFoundError(VpoError):
    """There is no profile of that name."""

    code = "PROFILE_NOT_FOUND"


class ProfileNameError(VpoError):
    """No profile can have that name."""

    code = "BAD_PROFILE_NAME"


class ProfileExistsError(VpoError):
    """There is a profile of that name already."""

    code = "PROFILE_EXISTS"


class OutputError(VpoError):
    """What was to be written to a file could not be."""

    code = "OUTPUT_ERROR"


class OutputExistsError(VpoError):
    """There is something already where a file is to be written."""

    code = "OUTPUT_EXISTS"


class ManifestError(VpoError):
    """A manifest cannot be read, or is of no known format."""

    code = "BAD_MANIFEST"


class NothingToListError(VpoError):
    """Not one file can be put into a manifest."""

    code = "NOTHING_TO_LIST"
    result: object = None
    """What the export has found until then, with the reasons."""


class IsABagError(VpoError):
    """The directory has manifests already: it is a BagIt bag."""

    code = "IS_A_BAG"


class CollectionSettingError(VpoError):
    """A setting of photo collections cannot exist, or cannot have that value."""

    code = "BAD_COLLECTION_SETTING"


class CollectionSettingNotFoundError(VpoError):
    """A setting of photo collections is not set."""

    code = "COLLECTION_SETTING_NOT_FOUND"


class ToolMissingError(VpoError):
    """A program that was asked for is not there."""

    code = "TOOL_MISSING"


class FileNotInLibraryError(VpoError):
    """The library knows no file of that path."""

    code = "FILE_NOT_FOUND"


class DuplicatesLockedError(JobLockedError):
    """Another job that works on duplicates is running, or a scan that it has to wait for."""

    code = "DUPLICATES_LOCKED"


class ActionError(VpoError):
    """An action on a file was not done. The file is as it was."""

    code = "ACTION_FAILED"


class OperationNotFoundError(VpoError):
    """No operation or job has this ID."""

    code = "OPERATION_NOT_FOUND"


class AmbiguousOperationError(VpoError):
    """The IDs of several operations or jobs begin like this."""

    code = "OPERATION_AMBIGUOUS"


class UndoError(VpoError):
    """An operation was not undone. Everything is as it was."""

    code = "UNDO_FAILED"


class UndoImpossibleError(UndoError):
    """There is nothing to undo."""

    code = "UNDO_IMPOSSIBLE"


class UndoneError(UndoError):
    """The operation is undone already."""

    code = "UNDO_DONE"


class UndoChangedError(UndoError):
    """The file was changed after the operation."""

    code = "UNDO_CHANGED"


class UndoOccupiedError(UndoError):
    """Another file is at the place to which the file would go back."""

    code = "UNDO_OCCUPIED"


class UndoGoneError(UndoError):
    """The file, or its directory, does not exist any more."""

    code = "UNDO_GONE"


class PipelineNotFoundError(VpoError):
    """No pipeline, or no version of it, has this name, ID or number."""

    code = "PIPELINE_NOT_FOUND"


class PipelineExistsError(VpoError):
    """There is already a pipeline of that name."""

    code = "PIPELINE_EXISTS"


class PipelineFormError(VpoError):
    """A file, or a value in it, is not how pipelines are written."""

    code = "BAD_PIPELINE"


class PipelineInvalidError(VpoError):
    """The pipeline has mistakes, so it cannot be used."""

    code = "PIPELINE_INVALID"


class PipelineTooLargeError(VpoError):
    """The pipeline allows more alternatives than can be compared with images."""

    code = "PIPELINE_TOO_LARGE"


class PipelineActiveError(VpoError):
    """The active pipeline cannot be deleted."""

    code = "PIPELINE_ACTIVE"


class TerminationNotFoundError(VpoError):
    """The pipeline has no termination of that name."""

    code = "TERMINATION_NOT_FOUND"


class ResultNotFoundError(VpoError):
    """No result of an analysis has this id."""

    code = "RESULT_NOT_FOUND"


class ReportMissingError(VpoError):
    """A result of an analysis has no report."""

    code = "REPORT_MISSING"


class ResultsNotComparableError(VpoError):
    """Two results have nothing in common that could be compared."""

    code = "RESULTS_NOT_COMPARABLE"


class LibraryError(VpoError):
    """The library cannot be used as it is."""

    code = "LIBRARY_ERROR"


class LibraryNotFoundError(LibraryError):
    """There is no library yet."""

    code = "LIBRARY_NOT_FOUND"


class NotALibraryError(LibraryError):
    """The file is something else."""

    code = "NOT_A_LIBRARY"


class ForeignSchemaError(LibraryError):
    """The catalogue has a trigger, view or virtual table that vpo did not create."""

    code = "LIBRARY_FOREIGN_SCHEMA"


class LibraryTooNewError(LibraryError):
    """A newer vpo wrote the library."""

    code = "LIBRARY_TOO_NEW"


class LibraryTooOldError(LibraryError):
    """The library is older than any that can be upgraded."""

    code = "LIBRARY_TOO_OLD"


class LibraryUnreadableError(LibraryError):
    """The library is there, and cannot be read."""

    code = "LIBRARY_UNREADABLE"


class LibraryUnwritableError(LibraryError):
    """The library cannot be written or created."""

    code = "LIBRARY_UNWRITABLE"


class LibraryDamagedError(LibraryError):
    """SQLite finds the library malformed."""

    code = "LIBRARY_DAMAGED"


class LibraryBusyError(LibraryError):
    """Another process keeps the library locked."""

    code = "LIBRARY_BUSY"
    exit_status = EXIT_LOCKED


class DiskFullError(LibraryError):
    """There is no room to write the library."""

    code = "DISK_FULL"
