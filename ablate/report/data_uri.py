"""Pictures inside a page, so that it needs nothing beside itself."""

import base64
from pathlib import Path

MEDIA = {".gif": "image/gif", ".png": "image/png", ".svg": "image/svg+xml"}


def data_uri(suffix: str, content: bytes) -> str:
    """Return a picture as a data URI, by the suffix that its file would have."""
    return f"data:{MEDIA[suffix]};base64,{base64.b64encode(content).decode()}"


def svg_uri(svg: str) -> str:
    """Return a chart as a data URI: as an image of its own, its identifiers meet no other chart's."""
    return data_uri(".svg", svg.encode())


def file_uri(file: Path) -> str | None:
    """Return a picture's file as a data URI, None where there is none."""
    return data_uri(file.suffix, file.read_bytes()) if file.exists() else None
