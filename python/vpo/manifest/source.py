"""What an import reads: a manifest of some format, or the manifests of a bag."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import islice

from vpo._engine import Digester
from vpo.base.errors import DirectoryNotFoundError, ManifestError, UsageError
from vpo.base.paths import absolute, display, to_stored
from vpo.jobs.control import ShouldStop
from vpo.manifest import bag as bags
from vpo.manifest.bag import Bag, is_bag, open_bag
from vpo.manifest.checksums import ChecksumParser
from vpo.manifest.detect import formats_of, parser_of
from vpo.manifest.models import Parser
from vpo.manifest.reader import Lines, Listed, ManifestFile
from vpo.manifest.results import ImportOptions

# Of so many files at the begin of a manifest, so few small ones are read to tell whether
# digests are of sha256 or of blake3.
LOOKED_AT_FILES = 1000
READ_FILES = 3
TAKE_SECONDS = 0.05


@dataclass
class Source:
    """A manifest, or the manifests of the payload of a bag."""

    format: str
    files: list[ManifestFile]
    bag: Bag | None = None


def resolve(
    manifest: bytes, directory: bytes | None, options: ImportOptions
) -> tuple[bytes, bytes]:
    """The manifest, a file or a bag's directory, and the directory that names are relative to.

    Raises ManifestError, UsageError or DirectoryNotFoundError if that cannot be.
    """
    manifest = absolute(manifest)
    if os.path.basename(manifest) == bags.DECLARATION and not os.path.isdir(manifest):
        manifest = os.path.dirname(manifest)
    name = display(to_stored(manifest))
    as_bag = os.path.isdir(manifest)
    if as_bag and not is_bag(manifest):
        raise ManifestError(
            f"`{name}` is a directory, and no BagIt bag",
            hint="Name a manifest, or a directory with a `bagit.txt` in it.",
        )
    if options.format is not None and as_bag != (options.format == "bagit"):
        raise ManifestError(
            f"`{name}` is {'a' if as_bag else 'no'} BagIt bag",
            hint="A bag is named by its directory, and has no other format.",
        )
    if directory is None:
        return manifest, manifest if as_bag else os.path.dirname(manifest)
    if not os.path.isdir(directory):
        raise DirectoryNotFoundError(
            f"There is no directory `{display(to_stored(directory))}`",
            hint="`--root DIR` says to what the names in the manifest are relative.",
        )
    if not as_bag:
        return manifest, absolute(directory)
    if os.path.realpath(directory) != os.path.realpath(manifest):
        raise UsageError(f"The names in the bag `{name}` are relative to itself; drop `--root`")
    return manifest, manifest


@contextmanager
def opened(
    manifest: bytes, directory: bytes, options: ImportOptions, should_stop: ShouldStop
) -> Iterator[Source]:
    """Opens what `resolve` gave. Raises ManifestError if it cannot be read, StoppedError."""
    with ExitStack() as closing:
        if os.path.isdir(manifest):
            bag = open_bag(manifest, options.encoding)
            closing.callback(bag.close)
            yield Source("bagit", bag.payload, bag)
            return
        lines = Lines(manifest, options.encoding)
        closing.callback(lines.close)
        form, new_parser = _format_of(lines, directory, options, should_stop)
        file = ManifestFile(lines, new_parser)
        file.backslashes_separate = options.backslashes == "separator" or (
            options.backslashes == "auto"
            and lines.has(b"\\")
            and file.takes_backslashes_for_separators(directory)
        )
        yield Source(form, [file])


def _format_of(
    lines: Lines, directory: bytes, options: ImportOptions, should_stop: ShouldStop
) -> tuple[str, Callable[[], Parser]]:
    """The format of a manifest, and what makes a parser of it."""
    forms = (options.format,) if options.format else formats_of(lines, lines.path)
    new_parser: Callable[[], Parser] = partial(parser_of, forms[0])
    if len(forms) == 1:
        return forms[0], new_parser
    entries = ManifestFile(lines, new_parser).entries()
    listed = (item for item in entries if isinstance(item, Listed))
    algorithm = _algorithm_of(directory, islice(listed, LOOKED_AT_FILES), should_stop)
    if algorithm is None:
        raise ManifestError(
            f"It cannot be told whether `{display(to_stored(lines.path))}` has digests of sha256"
            " or of blake3: the files are as neither says",
            hint="Say so with `--format sha256sum` or `--format b3sum`.",
        )
    form = "b3sum" if algorithm == "blake3" else "sha256sum"
    return form, partial(ChecksumParser, algorithm)


def _algorithm_of(
    directory: bytes, listed: Iterable[Listed], should_stop: ShouldStop
) -> str | None:
    """Which of sha256 and blake3 digests of the same length are of; None if neither.

    If none of the files is there, it does not matter: sha256.
    """
    sizes = []
    for item in listed:
        path = os.path.join(directory, item.name)
        try:
            size = os.stat(path).st_size
        except OSError:
            # What is missing is found later.
            continue
        sizes += [(size, path, digest) for digest in item.entry.digests.values()]
    if not sizes:
        return "sha256"
    few = sorted(sizes)[:READ_FILES]
    digester = Digester()
    digester.submit(
        [(number, path, None, None, True) for number, (_, path, _) in enumerate(few)],
        ("blake3", "sha256"),
    )
    try:
        while digester.outstanding:
            for digested in digester.take(TAKE_SECONDS):
                for algorithm, digest in (digested.digests or {}).items():
                    if digest == few[digested.key][2]:
                        return algorithm
            if stopped := should_stop():
                raise stopped
    finally:
        digester.stop()
    return None
