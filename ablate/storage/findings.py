"""What a probe found out about a trained net: numbers, words and what to draw, without the net."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from ablate.core.plain_json import plain
from ablate.storage.atomic import whole_file

Number = float | int | bool | str | None


@dataclass(frozen=True)
class Change:
    """What one intervention did to one measure, as the mean over clips of the paired difference.

    `low` and `high` are the ends of its interval over clips; numbers are NaN where they are undefined.
    """

    condition: str
    metric: str
    before: float
    after: float
    difference: float
    low: float
    high: float
    clips: int
    share: float = 1.0
    """Of all frames, those that had the measure before and after: the others are left out of every number."""


@dataclass(frozen=True)
class Line:
    """One labeled line of a chart; NaN leaves a gap."""

    label: str
    x: tuple[float, ...]
    y: tuple[float, ...]


@dataclass(frozen=True)
class Chart:
    """Lines over a common axis."""

    title: str
    x_label: str
    y_label: str
    lines: tuple[Line, ...]


@dataclass(frozen=True)
class Image:
    """A gray picture of numbers: rows of values, drawn from `low` (black) to `high` (white)."""

    title: str
    values: tuple[tuple[float, ...], ...]
    low: float
    high: float


@dataclass(frozen=True)
class Finding:
    """One probe's answer."""

    probe: str
    """Its name, as in PROBES."""
    title: str
    asks: str
    """What was done to the net, in one sentence."""
    sentences: tuple[str, ...]
    """What came of it, in words, the most important first; drawn from the numbers alone."""
    numbers: Mapping[str, Number] = field(default_factory=dict)
    changes: tuple[Change, ...] = ()
    charts: tuple[Chart, ...] = ()
    images: tuple[Image, ...] = ()


def save(findings: Sequence[Finding], path: Path) -> None:
    """Write findings as JSON; an undefined number becomes null."""
    with whole_file(path) as temporary:
        text = json.dumps([plain(asdict(finding)) for finding in findings], indent=1, allow_nan=False)
        temporary.write_text(text + "\n", encoding="utf-8")


def load(path: Path) -> tuple[Finding, ...]:
    """Read findings back. Raises FileNotFoundError where there are none."""
    return tuple(_finding(found) for found in json.loads(path.read_text(encoding="utf-8")))


def _finding(found: dict[str, Any]) -> Finding:
    changes = tuple(Change(**{key: _number(value) for key, value in change.items()}) for change in found["changes"])
    charts = tuple(
        Chart(
            **chart | {"lines": tuple(Line(line["label"], _row(line["x"]), _row(line["y"])) for line in chart["lines"])}
        )
        for chart in found["charts"]
    )
    images = tuple(
        Image(**image | {"values": tuple(_row(values) for values in image["values"])}) for image in found["images"]
    )
    return Finding(
        **found | {"sentences": tuple(found["sentences"]), "changes": changes, "charts": charts, "images": images}
    )


def _number(value: Any) -> Any:
    return math.nan if value is None else value


def _row(values: Sequence[float | None]) -> tuple[float, ...]:
    return tuple(math.nan if value is None else value for value in values)
