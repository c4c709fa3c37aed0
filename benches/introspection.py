"""The cases of reading what is in files: by the engine, by its peers, and in scans."""

import functools
import json
import os
import random
import shutil
import statistics
from dataclasses import replace

import films
import photos
import share
import trees
from cases import VPO, Bench, Result
from errors import BenchError
from measure import Contender
from peers import HERE
from probing import matrix
from program import check_counts
from trees import Manifest, Tree

INSPECT = "vpo inspect --jsonl"
FFPROBE = "ffprobe"
MEDIAINFO = "pymediainfo"
EXIFTOOL = "exiftool -stay_open"
CHANGED = "vpo, 10 changed"
FULL = "vpo --full"
REQUESTS = "requests a file"
CPU = "µs of CPU a file"

PHOTOS = ("avif", "jpg", "png", "tif", "webp")

# Peers take so long that they are asked about some of the files, chosen anew each time.
SAMPLES = {FFPROBE: 60, MEDIAINFO: 500, EXIFTOOL: 200}

CHANGED_FILES = 10

# A full scan with ffprobe takes a minute.
FFPROBE_ROUNDS = 3

# Of the generated files, some are none that vpo claims to know.
LEAST_ANSWERED = 0.98


def assorted(bench: Bench, files: int) -> Tree:
    """Copies of the files of the agreement, which are of all formats."""

    def build(root: str, wanted: Manifest) -> int:
        def say(done: int, total: int) -> None:
            if done % 100 == 0:
                bench.say(f"file {done:,} of {total:,} to probe")

        jobs = os.cpu_count() or 1
        made = matrix.make(os.path.join(bench.work, "matrix"), jobs, say)
        if len(made.failures) > len(made.paths) // 20:
            raise BenchError(f"many files to probe cannot be made: {made.failures[0]}")
        paths = sorted(made.paths)
        directories = 0
        for number in range(wanted.files):
            directory = os.path.join(root, f"{number // 100:03}")
            if number % 100 == 0:
                os.mkdir(directory)
                directories += 1
            path = paths[number % len(paths)]
            shutil.copyfile(path, os.path.join(directory, f"{number}-{os.path.basename(path)}"))
        return directories + 1

    return trees.kept(bench.trees, "assorted", files, build)


def film_tree(bench: Bench, files: int) -> Tree:
    """Matroska and MP4, as `films` makes them."""

    def build(root: str, wanted: Manifest) -> int:
        bench.say(f"a tree of {files:,} films")
        made = films.make(os.path.join(bench.work, "films"))
        return films.copy(made, root, wanted.files, wanted.seed)

    return trees.kept(bench.trees, "films", files, build)


def media_tree(bench: Bench, files: int) -> Tree:
    """As many films as photos. The films are short ones, so that they fit into memory."""

    def build(root: str, wanted: Manifest) -> int:
        bench.say(f"a tree of {files:,} films and photos")
        made = films.make(os.path.join(bench.work, "films"))
        short = [path for path, film in zip(made, films.all_films(), strict=True) if film.is_short]
        picture = photos.make(os.path.join(bench.work, "photos"))
        half = wanted.files // 2
        at_films, at_photos = os.path.join(root, "Films"), os.path.join(root, "Photos")
        os.mkdir(at_films)
        os.mkdir(at_photos)
        directories = 1 + films.copy(short, at_films, wanted.files - half, wanted.seed)
        directories += photos.write(picture, at_photos, half, wanted.seed)
        return directories

    return trees.kept(bench.trees, "media", files, build)


def probe(bench: Bench, tree: Tree, mediainfo_python: str | None) -> Result:
    """What reading a file takes, on average of all formats."""
    paths = list(trees.paths(tree.path))
    inspect = [bench.program.executable, "inspect", "--prober", "native", "--jsonl"]

    def check_lines(output: bytes) -> None:
        if output.count(b"\n") != len(paths):
            raise BenchError("`vpo inspect --jsonl` did not print a line a file")

    contenders = [
        _prober(bench, "engine", VPO, paths),
        Contender(
            INSPECT,
            [*inspect, *paths],
            verify=check_lines,
            files=len(paths),
            # There are files among them that cannot be read.
            statuses=(0, 1),
        ),
        _prober(bench, "ffprobe", FFPROBE, paths),
    ]
    if mediainfo_python:
        contenders.append(_prober(bench, "mediainfo", MEDIAINFO, paths, python=mediainfo_python))
    title = f"reading one of {tree.files:,} files of all formats"
    return bench.compare("probe", tree.files, title, contenders, baseline=FFPROBE)


def probe_photos(bench: Bench, tree: Tree) -> Result:
    """The same of photos."""
    paths = [path for path in trees.paths(tree.path) if path.endswith(PHOTOS)]
    contenders = [
        _prober(bench, "engine", VPO, paths),
        _prober(bench, "exiftool", EXIFTOOL, paths),
    ]
    title = f"reading one of {len(paths):,} photos"
    return bench.compare("probe-photos", tree.files, title, contenders, baseline=EXIFTOOL)


def first_scan(bench: Bench, tree: Tree, case: str, what: str) -> Result:
    """A library is made from nothing, and every file is read; beside it, none is."""
    trees.warm(tree)
    library = bench.library(case)
    verify = functools.partial(
        check_counts, total_discovered=tree.files, added=tree.files, errors=0
    )
    scan, walk = bench.program.scan(library, tree.path), bench.program.walk(library, tree.path)
    contenders = [
        Contender(VPO, scan, prepare=library.remove, verify=verify),
        Contender("vpo --no-introspect", walk, prepare=library.remove, verify=verify),
    ]
    title = f"first scan, {tree.files:,} {what}"
    result = bench.compare(case, tree.files, title, contenders, baseline="vpo --no-introspect")
    cpu = statistics.median(sample.cpu_seconds for sample in result.samples.by_name[VPO])
    return replace(result, figures={CPU: cpu / tree.files * 1e6})


def changed(bench: Bench, tree: Tree, prober: str) -> Result:
    """Ten films got another mtime; beside it, all are read again."""
    trees.warm(tree)
    library = bench.library(f"films-{prober}")
    library.remove()
    scan = functools.partial(bench.program.scan, library, tree.path, "--prober", prober)
    # So that nothing is left over from before.
    bench.stopwatch.run(scan())
    rng = random.Random(tree.path)

    def change() -> None:
        for path in rng.sample(list(trees.paths(tree.path)), CHANGED_FILES):
            status = os.stat(path)
            os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns + 1_000_000_007))

    def verify(scanned: int) -> functools.partial[None]:
        return functools.partial(
            check_counts,
            total_discovered=tree.files,
            scanned=scanned,
            skipped=tree.files - scanned,
            errors=0,
        )

    contenders = [
        Contender(CHANGED, scan(), prepare=change, verify=verify(CHANGED_FILES)),
        Contender(FULL, scan("--full"), verify=verify(tree.files)),
    ]
    title = f"rescan, {tree.files:,} films, --prober {prober}"
    rounds = FFPROBE_ROUNDS if prober == "ffprobe" else None
    case = f"changed-films-{prober}"
    return bench.compare(case, tree.files, title, contenders, baseline=FULL, rounds=rounds)


def on_share(bench: Bench, tree: Tree, server: str, *, delay_us: int, rounds: int) -> Result:
    """A first scan on a slow share; the requests that reading adds to it are counted."""
    library = bench.library("share-films")
    mountpoint = os.path.join(bench.work, "share")
    counts = os.path.join(bench.work, "counts.json")
    verify = functools.partial(
        check_counts, total_discovered=tree.files, added=tree.files, errors=0
    )
    commands = {
        VPO: bench.program.scan(library, mountpoint, "--prober", "native"),
        "vpo --no-introspect": bench.program.walk(library, mountpoint),
    }
    a_file: dict[str, dict[str, float]] = {}
    for name, command in commands.items():
        library.remove()
        with share.mounted(server, tree.path, mountpoint, delay_us=delay_us, counts=counts):
            verify(bench.stopwatch.run(command))
        with open(counts, encoding="ascii") as file:
            a_file[name] = {kind: count / tree.files for kind, count in json.load(file).items()}
    with share.mounted(server, tree.path, mountpoint, delay_us=delay_us):
        contenders = [
            Contender(name, command, prepare=library.remove, verify=verify)
            for name, command in commands.items()
        ]
        title = f"first scan on a share, {tree.files:,} films"
        result = bench.compare(
            "share-films",
            tree.files,
            title,
            contenders,
            baseline="vpo --no-introspect",
            rounds=rounds,
        )
    with_walk, walk = a_file.values()
    figures = {f"{kind} a file": with_walk[kind] - walk[kind] for kind in walk}
    kilobytes = figures.pop("bytes a file") / 1000
    requests = {
        REQUESTS: sum(figures.values()),
        f"{REQUESTS}, with those of the walk": sum(with_walk.values()) - with_walk["bytes"],
    }
    return replace(result, figures={**requests, **figures, "kB a file": kilobytes})


def _prober(
    bench: Bench, prober: str, name: str, paths: list[str], *, python: str | None = None
) -> Contender:
    """A prober that times itself, and is checked to have said something."""
    listed = os.path.join(bench.work, f"{prober}.list")
    least = LEAST_ANSWERED if name == VPO else 0.5
    most = min(SAMPLES.get(name, len(paths)), len(paths))
    rng = random.Random(prober)

    def prepare() -> None:
        chosen = rng.sample(paths, most) if most < len(paths) else paths
        for path in chosen:
            trees.read(path)
        with open(listed, "wb") as file:
            file.write(b"\0".join(map(os.fsencode, chosen)))

    def verify(output: bytes) -> None:
        said = json.loads(output)
        if said["files"] != most or said["answered"] < least * most:
            raise BenchError(f"{name} answers {said['answered']} of {said['files']} files")

    script = os.path.join(HERE, "probe_files.py")
    argv = [python or bench.program.python, script, prober, listed]
    return Contender(name, argv, prepare=prepare, verify=verify, files=most, times_itself=True)
