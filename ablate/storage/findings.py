"""What probes measured on a trained network, as stored: numbers, sentences and charts, without the network."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

from pydantic import AliasChoices, BeforeValidator, Field, TypeAdapter, ValidationError

from ablate.core.errors import DataError
from ablate.storage.atomic import whole_file

Number = float | int | bool | str | None


def _nan_for_null(value: Any) -> Any:
    return math.nan if value is None else value


Real = Annotated[float, BeforeValidator(_nan_for_null)]
"""A number that may be undefined: NaN here, null in JSON."""


@dataclass(frozen=True)
class MetricChange:
    """How one intervention changed one metric: the mean over clips of the paired difference.

    `low` and `high` bound its confidence interval over clips. Undefined numbers are NaN.
    """

    condition: str
    metric: Annotated[str, Field(validation_alias=AliasChoices("metric", "measure"))]  # "measure" up to version 0.1
    before: Real
    after: Real
    difference: Real
    low: Real
    high: Real
    clips: int
    share: Real = 1.0
    """Share of frames in which the metric is defined before and after; the other frames enter no number."""


@dataclass(frozen=True)
class Line:
    """One labeled line of a chart; NaN leaves a gap."""

    label: str
    x: tuple[Real, ...]
    y: tuple[Real, ...]


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
    values: tuple[tuple[Real, ...], ...]
    low: float
    high: float


@dataclass(frozen=True)
class Finding:
    """The result of one probe."""

    probe: str
    """The probe's name, as in PROBES."""
    title: str
    intervention: Annotated[str, Field(validation_alias=AliasChoices("intervention", "asks"))]  # "asks" up to 0.1
    """What the probe did to the network or its input, in one sentence."""
    sentences: tuple[str, ...]
    """The result in words, the most important sentence first; derived from the numbers alone."""
    numbers: Mapping[str, Number] = field(default_factory=dict)
    changes: tuple[MetricChange, ...] = ()
    charts: tuple[Chart, ...] = ()
    images: tuple[Image, ...] = ()


_FINDINGS = TypeAdapter(tuple[Finding, ...])


def save(findings: Sequence[Finding], path: Path) -> None:
    """Write findings as JSON; an undefined number becomes null."""
    with whole_file(path) as temporary:
        temporary.write_bytes(_FINDINGS.dump_json(tuple(findings), indent=1) + b"\n")


def load(path: Path) -> tuple[Finding, ...]:
    """Read findings back. Raises FileNotFoundError where there are none, DataError where they are damaged."""
    try:
        return _FINDINGS.validate_json(path.read_bytes())
    except ValidationError as error:
        raise DataError(
            f"{path}: these probe results are damaged ({error.errors()[0]['msg']}); delete the file, then probe the "
            f"run again: ablate probe {path.parent.name}"
        ) from error
