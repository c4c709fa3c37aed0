"""Checks a wheel the way its users meet it: `python scripts/check_wheel.py dist/vpo-*.whl`.

The wheel must link to nothing newer than manylinux2014 has, and use only what
the stable ABI promises. Then each Python at hand gets it in a fresh environment
and runs the command there; the oldest once more, with the oldest dependencies
that the wheel says it works with.
"""

import argparse
import glob
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import wave
import zipfile
from dataclasses import dataclass
from email.parser import Parser

OLDEST_MINOR = 10
NEWEST_GLIBC = (2, 17)  # what manylinux2014 stands for
MEDIA_FILES = 60
# A scan looks again at files as young as itself; these are not.
MTIME_NS = 1_600_000_000_000_000_000


class CheckError(Exception):
    """The wheel is not as it must be."""


@dataclass(frozen=True)
class Interpreter:
    """A Python on this machine."""

    minor: int
    path: str


def main() -> int:
    parser = argparse.ArgumentParser(description="Audit a wheel, and try it with each Python here.")
    parser.add_argument("wheel", type=os.path.abspath)
    parser.add_argument("--brief", action="store_true", help="only try it, with this Python alone")
    arguments = parser.parse_args()
    wheel: str = arguments.wheel
    try:
        if arguments.brief:
            trial(sys.executable, wheel, [])
            print(f"{os.path.basename(wheel)} works")
            return 0
        check_platform(wheel)
        check_abi(wheel)
        found = interpreters()
        for python in found:
            trial(python.path, wheel, [])
            print(f"Python 3.{python.minor}: works", flush=True)
        oldest = oldest_dependencies(wheel)
        trial(found[0].path, wheel, oldest)
        print(f"Python 3.{found[0].minor} with {', '.join(oldest)}: works")
    except CheckError as error:
        print(f"Error: {os.path.basename(wheel)}: {error}", file=sys.stderr)
        return 1
    return 0


def check_platform(wheel: str) -> None:
    """auditwheel must find no newer symbols than the name of the wheel admits."""
    tag: str = json.loads(run(sibling("auditwheel"), "show", "--json", wheel))["overall_tag"]
    glibc = re.match(r"manylinux_(\d+)_(\d+)_", tag)
    if glibc is None or (int(glibc[1]), int(glibc[2])) > NEWEST_GLIBC:
        raise CheckError(f"runs on {tag}, which is not manylinux2014")
    if "manylinux2014" not in os.path.basename(wheel):
        raise CheckError("its name does not say manylinux2014")
    print(f"auditwheel: {tag}", flush=True)


def check_abi(wheel: str) -> None:
    """abi3audit must find only symbols of the stable ABI of the oldest Python."""
    if f"-cp3{OLDEST_MINOR}-abi3-" not in os.path.basename(wheel):
        raise CheckError(f"its name does not say cp3{OLDEST_MINOR}-abi3")
    run(sibling("abi3audit"), "--strict", wheel)
    print(f"abi3audit: cp3{OLDEST_MINOR}-abi3", flush=True)


def interpreters() -> list[Interpreter]:
    """One Python of each minor version from PATH and pyenv, the oldest first."""
    pyenv = os.environ.get("PYENV_ROOT", os.path.expanduser("~/.pyenv"))
    candidates = [
        *(shutil.which(f"python3.{minor}") for minor in range(OLDEST_MINOR, 40)),
        *sorted(glob.glob(os.path.join(pyenv, "versions", "3.*", "bin", "python3"))),
        sys.executable,
    ]
    found: dict[int, Interpreter] = {}
    for path in candidates:
        minor = usable_minor(path) if path else None
        if path and minor is not None:
            found.setdefault(minor, Interpreter(minor, path))
    return [found[minor] for minor in sorted(found)]


def usable_minor(path: str) -> int | None:
    """The minor version of a CPython that is new enough, makes environments and takes abi3."""
    question = (
        "import ensurepip, sys, sysconfig, venv\n"
        "free_threaded = sysconfig.get_config_var('Py_GIL_DISABLED')\n"
        "print(sys.implementation.name, sys.version_info[1], int(bool(free_threaded)))"
    )
    answer = subprocess.run([path, "-c", question], capture_output=True, text=True)
    # A pyenv shim of a version that is not selected fails, for one.
    if answer.returncode != 0:
        return None
    name, minor, free_threaded = answer.stdout.split()
    if name != "cpython" or int(minor) < OLDEST_MINOR or free_threaded == "1":
        return None
    return int(minor)


def oldest_dependencies(wheel: str) -> list[str]:
    """Each `name>=version` of the wheel as `name==version`."""
    with zipfile.ZipFile(wheel) as archive:
        name = next(name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        metadata = Parser().parsestr(archive.read(name).decode())
    return [each.replace(">=", "==") for each in metadata.get_all("Requires-Dist", [])]


def trial(python: str, wheel: str, requirements: list[str]) -> None:
    """Installs the wheel into a fresh environment and has the command scan a small tree."""
    with tempfile.TemporaryDirectory(prefix="vpo-wheel-") as work:
        venv = os.path.join(work, "venv")
        run(python, "-m", "venv", venv)
        environment_python = os.path.join(venv, "bin", "python")
        run(environment_python, "-m", "pip", "install", "--quiet", wheel, *requirements)
        tree = os.path.join(work, "tree")
        make_tree(tree)
        try_commands(os.path.join(venv, "bin", "vpo"), wheel, work, tree)


def try_commands(vpo: str, wheel: str, work: str, tree: str) -> None:
    """Runs what people run first, and checks what it says."""
    version = os.path.basename(wheel).split("-")[1]
    said = run(vpo, "--version", home=work).strip()
    expect("vpo --version", said, f"vpo {version} (engine {version})")
    run(vpo, "--help", home=work)
    first = json.loads(run(vpo, "scan", "--json", tree, home=work))
    expect("added by the first scan", first["added"], MEDIA_FILES)
    second = json.loads(run(vpo, "scan", "--json", tree, home=work))
    expect("skipped by the second scan", second["skipped"], MEDIA_FILES)
    expect("found by the second scan", second["total_discovered"], MEDIA_FILES)
    files = json.loads(run(vpo, "files", "list", "--json", home=work))
    expect("files in the library", len({each["path"] for each in files}), MEDIA_FILES)
    expect("files that were read", {each["scan_status"] for each in files}, {"ok"})
    expect("their formats", {each["container_format"] for each in files}, {"wav"})


def make_tree(tree: str) -> None:
    """Media files in some directories, and beside them files that are none."""
    for number in range(MEDIA_FILES):
        directory = os.path.join(tree, f"Film {number // 4}")
        os.makedirs(directory, exist_ok=True)
        sound, other = (os.path.join(directory, f"part {number}.{end}") for end in ("wav", "md5"))
        with wave.open(sound, "wb") as media:
            media.setparams((2, 2, 44100, 0, "NONE", ""))
            media.writeframes(bytes(44100))
        with open(other, "w", encoding="ascii") as file:
            file.write("content")
        for path in (sound, other):
            os.utime(path, ns=(MTIME_NS, MTIME_NS))


def expect(what: str, found: object, expected: object) -> None:
    """Raises if something is not as it must be."""
    if found != expected:
        raise CheckError(f"{what}: {found!r}, not {expected!r}")


def run(*command: str, home: str | None = None) -> str:
    """Runs a command without anybody's settings, and returns what it prints on stdout."""
    env = {key: text for key, text in os.environ.items() if not key.startswith(("VPO_", "PYTHON"))}
    if home is not None:
        env["VPO_HOME"] = os.path.join(home, "home")
    done = subprocess.run(command, capture_output=True, text=True, env=env, cwd=home)
    if done.returncode != 0:
        shown = " ".join(os.path.basename(word) for word in command)
        raise CheckError(f"`{shown}` failed:\n{done.stdout}{done.stderr}")
    return done.stdout


def sibling(name: str) -> str:
    """A command installed beside this Python."""
    return os.path.join(os.path.dirname(sys.executable), name)


if __name__ == "__main__":
    sys.exit(main())
