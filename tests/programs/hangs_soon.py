"""vpo with a second of patience: with a share that hangs, tests need not wait for long."""

import sys

from vpo.__main__ import main
from vpo.places import patience

patience.STALLED_SECONDS = 1.0
patience.ANSWER_SECONDS = 1.0

sys.argv[0] = "vpo"
main()
