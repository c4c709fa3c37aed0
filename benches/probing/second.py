"""What ffprobe says of files, asked once for each state of a file and of this code."""

from __future__ import annotations

import hashlib
import inspect
import json
import os
import subprocess
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any

from vpo.media import ffprobe, ffprobe_answer


def ask(
    ffprobe_path: str, paths: list[str], directory: str, jobs: int
) -> dict[str, dict[str, Any] | str]:
    """Each file's document, or why there is none; kept in `directory`."""
    os.makedirs(directory, exist_ok=True)
    code = inspect.getsource(ffprobe) + inspect.getsource(ffprobe_answer)

    def one(path: str) -> dict[str, Any] | str:
        status = os.stat(path)
        key = f"{code}{path}{status.st_size}{status.st_mtime_ns}"
        kept = os.path.join(directory, hashlib.sha256(key.encode()).hexdigest() + ".json")
        if os.path.exists(kept):
            with open(kept, encoding="utf-8") as file:
                answer: dict[str, Any] | str = json.load(file)
            return answer
        try:
            answer = {**ffprobe.read(ffprobe_path, os.fsencode(path), language=language())}
        except ffprobe.FfprobeError as error:
            answer = error.message
        with open(kept, "w", encoding="utf-8") as file:
            json.dump(answer, file)
        return answer

    with ThreadPoolExecutor(jobs) as pool:
        return dict(zip(paths, pool.map(one, paths), strict=True))


@cache
def language() -> Callable[[str], str]:
    """ISO 639-2/B by mkvmerge's table: not the engine's, which is to be compared."""
    listed = subprocess.run(
        ["mkvmerge", "--list-languages"], capture_output=True, text=True, check=True
    )
    codes: dict[str, str] = {}
    names: dict[str, str] = {}
    for line in listed.stdout.splitlines()[2:]:
        name, three, two_b, one = (cell.strip() for cell in line.split("|")[:4])
        names.setdefault(name.lower(), two_b or three)
        for spelling in (three, two_b, one):
            if spelling:
                codes.setdefault(spelling, two_b or three)

    def code(spelling: str) -> str:
        primary = spelling.replace("_", "-").partition("-")[0].strip().lower()
        return codes.get(primary) or _terminology(primary) or names.get(primary) or "und"

    return code


# ISO 639-2/T where mkvmerge, which has /B for the three-letter code, lacks it.
_T_TO_B = {
    "bod": "tib", "ces": "cze", "cym": "wel", "deu": "ger", "ell": "gre", "eus": "baq",
    "fas": "per", "fra": "fre", "hye": "arm", "isl": "ice", "kat": "geo", "mkd": "mac",
    "mri": "mao", "msa": "may", "mya": "bur", "nld": "dut", "ron": "rum", "slk": "slo",
    "sqi": "alb", "zho": "chi",
}  # fmt: skip


def _terminology(code: str) -> str | None:
    if code in _T_TO_B:
        return _T_TO_B[code]
    # Groups of languages, and what is reserved for local use.
    return code if len(code) == 3 and code.isascii() and code.isalpha() else None
