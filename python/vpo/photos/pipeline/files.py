"""Files with pipelines, in YAML or JSON. A file is not trusted: it may hold anything."""

from __future__ import annotations

import os
from typing import Any

import yaml

from vpo.base.errors import ConfigError, PipelineFormError
from vpo.base.paths import display
from vpo.config.content import MAX_BYTES, content_of
from vpo.photos.pipeline.forms import read_document, to_config, to_document
from vpo.photos.pipeline.model import MOST_NODES, Pipeline

# A node has about ten values. Reading more than this takes seconds.
_MOST_VALUES = 25_000
_MOST_DEPTH = 20

_HINT = "`vpo pipelines export NAME` shows how a pipeline is written."


def read_file(path: str, *, name: str | None = None) -> list[Pipeline]:
    """The pipelines of a file. `name` is the name of one that has none.

    Raises PipelineFormError.
    """
    try:
        content = content_of(path, name="pipeline file")
    except ConfigError as error:
        raise PipelineFormError(error.message, hint=error.hint, **error.details) from error
    return read_text(content, os.path.basename(path), name=name)


def read_text(content: bytes, source: str, *, name: str | None = None) -> list[Pipeline]:
    """The pipelines of the content of a file. Raises PipelineFormError."""
    try:
        return read_document(_parse(content), name=name)
    except PipelineFormError as error:
        error.message = f"{display(source)}: {error.message}"
        error.args = (error.message,)
        raise


def _parse(content: bytes) -> object:
    if len(content) > MAX_BYTES:
        raise PipelineFormError(
            f"The file is too large: it can have at most {MAX_BYTES:,} bytes", hint=_HINT
        )
    try:
        loader = _Loader(content)
        try:
            return loader.get_single_data()
        finally:
            loader.dispose()
    except yaml.MarkedYAMLError as error:
        raise _error(error.problem or "not valid YAML", error.problem_mark) from error
    except (yaml.YAMLError, ValueError, TypeError, OverflowError) as error:
        raise _error(str(error).partition("\n")[0] or "not valid YAML", None) from error


def _error(problem: str, mark: Any) -> PipelineFormError:
    where = f", line {mark.line + 1}" if mark else ""
    return PipelineFormError(
        f"The file cannot be read as YAML{where}: {display(problem)}", hint=_HINT
    )


class _Loader(yaml.SafeLoader):
    """Refuses aliases and keys that are given twice, and stops at too many values."""

    def __init__(self, content: bytes) -> None:
        self._count = 0
        self._depth = 0
        super().__init__(content)

    def compose_node(self, parent: Any, index: Any) -> Any:
        """Makes a node and the nodes inside it."""
        event = self.peek_event()  # type: ignore[no-untyped-call]
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None) is not None:
            raise _error("aliases and anchors are not allowed", event.start_mark)
        self._count += 1
        self._depth += 1
        if self._count > _MOST_VALUES:
            raise PipelineFormError(
                "The file has more values than vpo accepts; a pipeline can have at most"
                f" {MOST_NODES:,} nodes",
                hint=_HINT,
            )
        if self._depth > _MOST_DEPTH:
            raise _error("the values are nested too deeply", event.start_mark)
        node = super().compose_node(parent, index)
        self._depth -= 1
        return node

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        """Makes a dictionary. YAML would silently take the last of two equal keys."""
        seen = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode):
                if key.value in seen:
                    raise _error(f"the key `{key.value}` is given twice", key.start_mark)
                seen.add(key.value)
        return super().construct_mapping(node, deep)


def to_yaml(pipeline: Pipeline, *, as_config: bool = False) -> str:
    """A pipeline as a file that `read_file` reads; `as_config`: with lists of outputs."""
    document = to_config(pipeline) if as_config else to_document(pipeline)
    text: str = yaml.dump(document, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=100)
    return text


class _Dumper(yaml.SafeDumper):
    """Writes no aliases, which `read_file` refuses."""

    def ignore_aliases(self, data: object) -> bool:  # noqa: ARG002
        """Whether a value is written again where it is used again."""
        return True
