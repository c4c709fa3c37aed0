"""The pipelines that come with vpo, to begin with."""

from __future__ import annotations

from pathlib import Path

from vpo.base.errors import PipelineNotFoundError
from vpo.base.paths import display
from vpo.photos.pipeline.files import read_text
from vpo.photos.pipeline.model import Pipeline

_DIRECTORY = Path(__file__).parent.parent / "starters"


def names() -> list[str]:
    """The names of the starter pipelines, sorted."""
    return sorted(path.stem for path in _DIRECTORY.glob("*.yaml"))


def starter(name: str) -> Pipeline:
    """A starter pipeline. Raises PipelineNotFoundError."""
    if name not in names():
        raise PipelineNotFoundError(
            f"No pipeline named `{display(name)}` comes with vpo",
            hint=f"These do: {', '.join(names())}.",
        )
    path = _DIRECTORY / f"{name}.yaml"
    (pipeline,) = read_text(path.read_bytes(), path.name)
    return pipeline
