"""The command, which does not wait for another process that has the catalogue locked."""

from __future__ import annotations

import sys

from vpo.__main__ import main
from vpo.db import library

library.BUSY_TIMEOUT_SECONDS = 0.1
sys.argv[0] = "vpo"
main()
