"""What the engine says of files."""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import dataclass
from typing import Any

from errors import BenchError

# Well below what a command line may hold.
_AT_A_TIME = 200


@dataclass(frozen=True)
class Answer:
    """What it says of one file, or why it says nothing."""

    media: dict[str, Any] | None
    problem: str | None


def ask_module(paths: list[str]) -> dict[str, Answer]:
    """Asks the engine of the installed vpo."""
    from vpo._engine import Prober

    prober = Prober()
    prober.submit((number, os.path.abspath(path), True, None) for number, path in enumerate(paths))
    answers: dict[str, Answer] = {}
    while prober.outstanding:
        for answer in prober.take(1.0)[1]:
            media = None if answer.media is None else json.loads(answer.media)
            answers[paths[answer.key]] = Answer(media, answer.message)
    return answers


def ask(command: list[str], paths: list[str]) -> dict[str, Answer]:
    """Asks a program that prints a line of JSON a file."""
    answers: dict[str, Answer] = {}
    for start in range(0, len(paths), _AT_A_TIME):
        done = subprocess.run(
            [*command, "--jsonl", *paths[start : start + _AT_A_TIME]],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            check=False,
        )
        for line in done.stdout.splitlines():
            said = json.loads(line)
            answers[said["path"]] = Answer(said["media"], said["problem"])
        if done.returncode != 0:
            raise BenchError(f"`{' '.join(command)}` ends with status {done.returncode}")
    missing = [path for path in paths if path not in answers]
    if missing:
        raise BenchError(f"`{' '.join(command)}` says nothing of {missing[0]}")
    return answers
