"""Adds one algorithm to the table, and prints where the program then knows it."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from types import ModuleType

import click

import vpo

TABLE = "vpo.content.algorithms"
ENTRY = """
EXTRA = Algorithm(
    "extra",
    96,
    tags=("EXTRA-384",),
    checksum_format="extrasum",
    manifest_name="extra",
    hashdeep_column="extra_column",
    bagit_name="extra384",
)
"""


def add_entry() -> None:
    """Puts the table with one more entry in the place of the real one."""
    path = Path(vpo.__file__).parent / "content" / "algorithms.py"
    source = path.read_text()
    changed = source.replace("\nALGORITHMS = (\n", f"{ENTRY}\nALGORITHMS = (\n    EXTRA,\n")
    assert changed != source
    table = sys.modules[TABLE] = ModuleType(TABLE)
    exec(compile(changed, path, "exec"), table.__dict__)


def where_known() -> dict[str, object]:
    """What each part of the program makes of the new algorithm."""
    from vpo.cli.verify.export import export_command
    from vpo.cli.verify.import_ import import_command
    from vpo.content.digests import Digest, algorithms_for
    from vpo.manifest.bagit_text import ALGORITHM_OF_NAME, manifest_name
    from vpo.manifest.checksums import ChecksumParser, possible_algorithms
    from vpo.manifest.detection import possible_formats
    from vpo.manifest.formats import FORMATS
    from vpo.manifest.hashdeep import HashdeepParser, hashdeep_header

    digits = "0" * 96
    tagged = ChecksumParser("md5").parse(f"EXTRA-384 (a) = {digits}".encode())
    columns = HashdeepParser()
    columns.parse(b"%%%% extra_column,filename")
    column = columns.parse(f"{digits},a".encode())
    assert tagged is not None
    assert column is not None
    return {
        "choices": [
            "extrasum" in param.type.choices
            for command in (export_command, import_command)
            for param in command.params
            if isinstance(param.type, click.Choice) and param.name in ("form", "format")
        ],
        "recorded": algorithms_for(f"extra:{digits}"),
        "comparable": Digest.parse(f"extra:{digits}").is_comparable,
        "tag": list(tagged.digests),
        "line": FORMATS["extrasum"].line(b"a", 1, {"extra": digits}).decode(),
        "length": possible_algorithms(f"{digits}  a".encode()),
        "detected": possible_formats([f"{digits}  a".encode()], b"/x"),
        "column": list(column.digests),
        "header": hashdeep_header(["extra"]).decode(),
        "bag": [ALGORITHM_OF_NAME.get("extra384"), manifest_name("extra")],
    }


if __name__ == "__main__":
    add_entry()
    print(json.dumps(where_known()))
