"""Renders reports. The result is one HTML file that loads nothing."""

from __future__ import annotations

import base64
import hashlib
import os
from functools import cache
from typing import TYPE_CHECKING

from vpo.db.photos.results import ResultRecord
from vpo.photos.reports.contents import page_of
from vpo.photos.reports.page import Page

if TYPE_CHECKING:
    from jinja2 import Template

MOST_BYTES = 300_000
"""No report is larger."""

# Rows of each table. With long names, fewer fit into a report.
_ROWS = (100, 50, 20, 5, 0)

_TEMPLATES = os.path.join(os.path.dirname(__file__), "templates")


def render(tool: str, record: ResultRecord) -> str:
    """The report of a completed result of `photostats`, `photo_pairing` or `pipeline_validation`.

    Long lists are cut; the report says how many elements are left out.
    """
    import orjson

    results = orjson.loads(record.results_json)
    html = ""
    for most_rows in _ROWS:
        html = render_page(page_of(tool, record.row, results, most_rows))
        if len(html.encode()) <= MOST_BYTES:
            break
    return html


def render_page(page: Page) -> str:
    """A page as HTML."""
    template, digest = _template()
    return template.render(page=page, digest=digest)


@cache
def _template() -> tuple[Template, str]:
    """The template, and the digest that allows its script to run, and no other."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    script = environment.get_template("sort.js").render()
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return environment.get_template("report.html"), digest
