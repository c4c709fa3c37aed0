"""Version 14: what each file holds, in short, for reports."""

from __future__ import annotations

import sqlite3

from vpo.db.media_summaries import summarize_all


def apply(connection: sqlite3.Connection) -> None:
    """Adds the columns, and fills them from the tracks, tags and photos that are known."""
    connection.execute("ALTER TABLE media ADD COLUMN year INTEGER")
    for column in ("camera", "video_summary", "audio_summary", "subtitle_summary"):
        connection.execute(f"ALTER TABLE media ADD COLUMN {column} TEXT")
    summarize_all(connection)
