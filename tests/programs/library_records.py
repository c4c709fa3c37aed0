"""Logs as a library does, in the format that is given: `text` or `json`."""

from __future__ import annotations

import logging
import sys

from vpo.config.models import LoggingConfig
from vpo.logging import setup

setup.configure(LoggingConfig(format="json" if sys.argv[1] == "json" else "text"), quiet=False)
log = logging.getLogger("some.library")
log.debug("no")
log.warning("%d of %s", 3, "them")
# A mistake of the library: this is no number.
log.error("at %d", "x")
