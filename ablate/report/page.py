"""What all pages share: templates with their filters, and pictures inside the page as data URIs."""

import base64
import re
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from ablate.report.words import (
    bounds,
    cell_words,
    contrast_words,
    direction,
    finding_value,
    interval,
    number,
    optional,
    p_value,
    share,
    spaced,
)

MEDIA_TYPES = {".gif": "image/gif", ".png": "image/png", ".svg": "image/svg+xml"}
HEADING = re.compile(r'<h2 id="([^"]+)">(.*?)</h2>')


def headings(content: str) -> list[tuple[str, str]]:
    """Return the identifier and the title of every section in a part of a page, both as they are in its markup."""
    return HEADING.findall(content)


ENVIRONMENT = Environment(
    loader=PackageLoader("ablate.report", "."),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
ENVIRONMENT.filters |= {
    "bounds": bounds,
    "contrast_words": contrast_words,
    "direction": direction,
    "interval": interval,
    "number": number,
    "optional": optional,
    "p_value": p_value,
    "share": share,
    "finding_value": finding_value,
    "headings": headings,
    "spaced": spaced,
}
ENVIRONMENT.globals["cell_words"] = cell_words


def rendered(template: str, **context: Any) -> str:
    """Return the page. All text of `context` is escaped; base.html.j2 forbids scripts and external resources."""
    return ENVIRONMENT.get_template(template).render(context)


def data_uri(suffix: str, content: bytes) -> str:
    """Return a picture as a data URI; its media type follows from the suffix that its file would have."""
    return f"data:{MEDIA_TYPES[suffix]};base64,{base64.b64encode(content).decode()}"


def svg_uri(svg: str) -> str:
    """Return a chart as a data URI: as a separate image, its identifiers do not clash with those of other charts."""
    return data_uri(".svg", svg.encode())


def file_uri(file: Path) -> str | None:
    """Return a picture file as a data URI, None if it does not exist."""
    return data_uri(file.suffix, file.read_bytes()) if file.exists() else None
