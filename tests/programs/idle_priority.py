"""Asks for idle I/O priority, and says whether it got it and what a child process has."""

from __future__ import annotations

import subprocess

from vpo._engine import set_idle_io

print(set_idle_io(), flush=True)
subprocess.run(["ionice"], check=True)
