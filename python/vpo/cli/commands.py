"""The table of all commands. A new command is one entry in the section it belongs to.

`vpo --help` and shell completion are made from this table, and import no command.
"""

from __future__ import annotations

from collections.abc import Mapping

from vpo.cli.groups import Entry

LIBRARY: dict[str, Entry] = {
    "scan": (
        "vpo.cli.scan.scan",
        "scan",
        "Scan directories, and record what is there and what changed.",
    ),
    "files": (
        "vpo.cli.files.group",
        "files",
        "List the files in the catalogue, or show one file.",
    ),
    "roots": (
        "vpo.cli.roots.group",
        "roots",
        "List, forget, move and merge the directories that were scanned.",
    ),
    "status": (
        "vpo.cli.status.status",
        "status",
        "Show the state: scanned directories, files, jobs, damage.",
    ),
    "report": (
        "vpo.cli.report.group",
        "report",
        "Report what the library holds.",
    ),
}

CONTENT: dict[str, Entry] = {
    "inspect": (
        "vpo.cli.inspect.inspect",
        "inspect",
        "Show what is in files: container, tracks, chapters, photo.",
    ),
    "verify": (
        "vpo.cli.verify.group",
        "verify",
        "Check files against their recorded digests, and find damage.",
    ),
    "duplicates": (
        "vpo.cli.duplicates.duplicates",
        "duplicates",
        "Find files with the same content, and the space they waste.",
    ),
}

PHOTOS: dict[str, Entry] = {
    "collections": (
        "vpo.cli.collections.group",
        "collections",
        "Keep collections of photos, and the settings of their analyses.",
    ),
    "analyze": (
        "vpo.cli.analyze.group",
        "analyze",
        "Analyse a collection of photos, and keep the result.",
    ),
    "pipelines": (
        "vpo.cli.pipelines.group",
        "pipelines",
        "Describe the workflow of photos, and the files it makes.",
    ),
    "results": (
        "vpo.cli.results.group",
        "results",
        "Show, compare and delete what analyses of photos found.",
    ),
    "trends": (
        "vpo.cli.trends.group",
        "trends",
        "Show how photo collections develop over time.",
    ),
}

ARCHIVE: dict[str, Entry] = {}

POLICIES: dict[str, Entry] = {}

OPERATION: dict[str, Entry] = {
    "jobs": (
        "vpo.cli.jobs.group",
        "jobs",
        "Show the history of jobs, and run or change the queue.",
    ),
    "undo": (
        "vpo.cli.undo.undo",
        "undo",
        "Undo what a job did to files, or one step of it.",
    ),
    "config": (
        "vpo.cli.config.group",
        "config",
        "Show, change and check the settings.",
    ),
    "profiles": (
        "vpo.cli.profiles.group",
        "profiles",
        "Show, create and check profiles (named sets of settings).",
    ),
    "doctor": (
        "vpo.cli.doctor.doctor",
        "doctor",
        "Check the installation, the settings and the catalogue.",
    ),
    "completion": (
        "vpo.cli.completion.completion",
        "completion",
        "Print a script for tab completion in a shell.",
    ),
}

SECTIONS: Mapping[str, Mapping[str, Entry]] = {
    "Library": LIBRARY,
    "Content": CONTENT,
    "Photos": PHOTOS,
    "Archive": ARCHIVE,
    "Policies": POLICIES,
    "Operation": OPERATION,
}
"""In the order in which `vpo --help` shows them; it leaves out those without commands."""
