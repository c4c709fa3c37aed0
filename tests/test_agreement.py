"""What vpo says of files is what ffprobe and exiftool say of them."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

AGREEMENT = Path(__file__).parent.parent / "benches" / "agreement.py"

# Each such-and-such file of those that `benches/agreement.py` makes: some 80.
EVERY = "15"


@pytest.mark.skipif(
    not all(map(shutil.which, ("ffmpeg", "ffprobe", "mkvmerge", "exiftool"))),
    reason="ffmpeg, mkvtoolnix and exiftool are needed",
)
def test_nearly_all_fields_of_made_files_agree_with_ffprobe_and_exiftool(tmp_path: Path) -> None:
    done = subprocess.run(
        [
            *[sys.executable, str(AGREEMENT), "--work", str(tmp_path), "--every", EVERY],
            *["--least", "99", "--least-photos", "98"],
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr + done.stdout
    assert "not made" not in done.stderr
    assert "## ffprobe" in done.stdout
    assert "## exiftool" in done.stdout
