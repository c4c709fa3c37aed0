"""Version 15: photo collections, their analyses and pipelines, and the settings of both.

The columns with JSON have no check by `json_valid`: under `trusted_schema = OFF`, SQLite
3.40 lets no schema call functions of JSON. The checks look at the first and last character.
"""

from __future__ import annotations

import sqlite3

_NOW = "strftime('%Y-%m-%dT%H:%M:%fZ', 'now')"


def _text(column: str, most: int) -> str:
    """A column for a text of limited length. SQLite ignores the length of a VARCHAR."""
    return f"{column} TEXT NOT NULL CHECK (length({column}) BETWEEN 1 AND {most})"


def _json(column: str, ends: str = "{}", *, nullable: bool = False) -> str:
    """A column for an object of JSON or, with the ends `[]`, an array."""
    check = f"{column} GLOB '[{ends[0]}]*[{ends[1]}]'"
    if nullable:
        return f"{column} TEXT CHECK ({column} IS NULL OR {check})"
    return f"{column} TEXT NOT NULL CHECK ({check})"


def _flag(column: str, default: int) -> str:
    return f"{column} INTEGER NOT NULL DEFAULT {default} CHECK ({column} IN (0, 1))"


def _count(column: str) -> str:
    return f"{column} INTEGER CHECK ({column} >= 0)"


_TIMES = f"""created_at TEXT NOT NULL DEFAULT ({_NOW}),
    updated_at TEXT NOT NULL DEFAULT ({_NOW})"""

_TABLES = (
    f"""CREATE TABLE connectors (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    {_text("name", 255)} UNIQUE,
    type TEXT NOT NULL CHECK (type IN ('S3', 'GCS', 'SMB')),
    credentials TEXT NOT NULL,            -- encrypted
    {_json("metadata_json", nullable=True)},
    {_flag("is_active", 1)},
    last_validated TEXT,
    last_error TEXT,
    {_TIMES}
)""",
    f"""CREATE TABLE collections (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    connector_id INTEGER REFERENCES connectors(id) ON DELETE RESTRICT,
    {_text("name", 255)} UNIQUE,
    type TEXT NOT NULL CHECK (type IN ('LOCAL', 'S3', 'GCS', 'SMB')),
    location NOT NULL CHECK (length(location) BETWEEN 1 AND 1024), -- TEXT, or BLOB if not UTF-8
    state TEXT NOT NULL DEFAULT 'LIVE' CHECK (state IN ('LIVE', 'CLOSED', 'ARCHIVED')),
    cache_ttl INTEGER CHECK (cache_ttl BETWEEN 0 AND 604800), -- seconds
    {_flag("is_accessible", 1)},
    last_error TEXT,
    {_json("metadata_json", nullable=True)},
    {_count("storage_used")},             -- bytes
    {_count("file_count")},
    {_count("image_group_count")},
    {_count("image_count")},
    last_stats_update TEXT,
    listed_at TEXT,                       -- when its files were last looked at
    {_TIMES},
    CHECK ((type = 'LOCAL') = (connector_id IS NULL))
)""",
    f"""CREATE TABLE pipelines (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    {_text("name", 255)} UNIQUE,
    description TEXT,
    {_json("nodes_json", "[]")} CHECK (nodes_json <> '[]'),
    {_json("edges_json", "[]")},
    version INTEGER NOT NULL DEFAULT 1 CHECK (version >= 1),
    {_flag("is_active", 0)},
    {_flag("is_valid", 0)},
    {_json("validation_errors", "[]", nullable=True)},
    {_TIMES}
)""",
    f"""CREATE TABLE pipeline_history (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    pipeline_id INTEGER NOT NULL REFERENCES pipelines(id) ON DELETE CASCADE,
    version INTEGER NOT NULL CHECK (version >= 1),
    {_json("nodes_json", "[]")},
    {_json("edges_json", "[]")},
    change_summary TEXT CHECK (length(change_summary) <= 500),
    changed_by TEXT CHECK (length(changed_by) <= 100),
    created_at TEXT NOT NULL DEFAULT ({_NOW})
)""",
    f"""CREATE TABLE analysis_results (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    collection_id INTEGER NOT NULL REFERENCES collections(id) ON DELETE CASCADE,
    tool TEXT NOT NULL CHECK (tool IN ('photostats', 'photo_pairing', 'pipeline_validation')),
    pipeline_id INTEGER REFERENCES pipelines(id) ON DELETE SET NULL,
    status TEXT NOT NULL CHECK (status IN ('COMPLETED', 'FAILED', 'CANCELLED')),
    started_at TEXT NOT NULL,
    completed_at TEXT NOT NULL CHECK (completed_at >= started_at),
    duration_seconds REAL NOT NULL CHECK (duration_seconds >= 0),
    error_message TEXT,
    {_count("files_scanned")},
    {_count("issues_found")},
    job_id TEXT,                          -- jobs.id, which may be purged earlier
    pipeline_version INTEGER,
    created_at TEXT NOT NULL DEFAULT ({_NOW}),
    -- Long texts come last: SQLite walks through them to reach what comes after.
    {_json("results_json")},
    report_html TEXT
)""",
    # What is too long for `results_json`: a row per element of its lists, from 0.
    """CREATE TABLE analysis_items (
    result_id INTEGER NOT NULL REFERENCES analysis_results(id) ON DELETE CASCADE,
    list TEXT NOT NULL,                   -- the key in results_json
    number INTEGER NOT NULL,
    item_json TEXT NOT NULL CHECK (item_json <> ''),
    PRIMARY KEY (result_id, list, number)
) WITHOUT ROWID""",
    f"""CREATE TABLE configurations (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    category TEXT NOT NULL CHECK (category IN ('extensions', 'cameras', 'processing_methods')),
    {_text("key", 255)},
    value_json TEXT NOT NULL CHECK (value_json <> ''),
    description TEXT,
    source TEXT NOT NULL DEFAULT 'database' CHECK (length(source) BETWEEN 1 AND 20),
    {_TIMES},
    UNIQUE (category, key)
)""",
)

_INDEXES = (
    "CREATE INDEX idx_connectors_type ON connectors(type)",
    "CREATE INDEX idx_connectors_active ON connectors(is_active)",
    "CREATE INDEX idx_collections_name ON collections(name)",
    "CREATE INDEX idx_collections_connector ON collections(connector_id)",
    "CREATE INDEX idx_collections_stats ON collections(storage_used, file_count, image_count)"
    " WHERE storage_used IS NOT NULL",
    "CREATE INDEX idx_results_collection ON analysis_results(collection_id)",
    "CREATE INDEX idx_results_tool ON analysis_results(tool)",
    "CREATE INDEX idx_results_created ON analysis_results(created_at DESC)",
    "CREATE INDEX idx_results_collection_tool_date"
    " ON analysis_results(collection_id, tool, created_at DESC)",
    "CREATE INDEX idx_results_pipeline ON analysis_results(pipeline_id)",
    "CREATE INDEX idx_pipelines_name ON pipelines(name)",
    # At most one pipeline is active.
    "CREATE UNIQUE INDEX idx_pipelines_active ON pipelines(is_active) WHERE is_active = 1",
    "CREATE INDEX idx_history_pipeline ON pipeline_history(pipeline_id)",
    "CREATE UNIQUE INDEX idx_history_version ON pipeline_history(pipeline_id, version DESC)",
    "CREATE INDEX idx_config_category ON configurations(category)",
    "CREATE INDEX idx_config_category_key ON configurations(category, key)",
)

_REFUSALS = {
    # Not CHECKs: deleting a pipeline sets `pipeline_id` to NULL.
    "results_need_their_pipeline": (
        "BEFORE INSERT ON analysis_results"
        " WHEN (NEW.tool = 'pipeline_validation') <> (NEW.pipeline_id IS NOT NULL)",
        "pipeline_validation, and no other tool, has a pipeline",
    ),
    "history_never_changes": (
        "BEFORE UPDATE ON pipeline_history",
        "the history of a pipeline never changes",
    ),
    **{
        f"active_pipelines_are_valid_{event.lower()}": (
            f"BEFORE {event} ON pipelines WHEN NEW.is_active = 1 AND NEW.is_valid = 0",
            "a pipeline that is not valid cannot be active",
        )
        for event in ("INSERT", "UPDATE")
    },
    "collections_keep_their_type": (
        "BEFORE UPDATE OF type, connector_id ON collections"
        " WHEN NEW.type IS NOT OLD.type OR NEW.connector_id IS NOT OLD.connector_id",
        "the type and the connector of a collection never change",
    ),
}


def apply(connection: sqlite3.Connection) -> None:
    """Creates the tables, which are empty at first."""
    for statement in (*_TABLES, *_INDEXES):
        connection.execute(statement)
    for name, (event, message) in _REFUSALS.items():
        connection.execute(
            f"CREATE TRIGGER {name} {event} BEGIN SELECT RAISE(ABORT, '{message}'); END"
        )
    for table in ("connectors", "collections", "pipelines", "configurations"):
        connection.execute(
            f"CREATE TRIGGER {table}_updated_at AFTER UPDATE ON {table}"
            " WHEN NEW.updated_at IS OLD.updated_at"
            f" BEGIN UPDATE {table} SET updated_at = {_NOW} WHERE id = NEW.id; END"
        )
