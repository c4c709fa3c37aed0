"""Which files a command or a request is about."""

from vpo.db.media_filter import MediaFilter
from vpo.db.selection import STATUSES, Selection

__all__ = ["STATUSES", "MediaFilter", "Selection"]
