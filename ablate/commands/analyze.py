"""`ablate analyze`: verdicts on the factors of any table of runs."""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import ValidationError
from rich.console import Console

from ablate.commands.console import write
from ablate.commands.verdict_table import show_inference
from ablate.core.errors import SpecError, did_you_mean
from ablate.inference.infer import infer
from ablate.inference.run_table import RunTable
from ablate.inference.settings import FactorPair, InferenceSettings
from ablate.inference.tables import Columns, read_runs
from ablate.inference.tables.option_lists import names


@dataclass(frozen=True)
class Outputs:
    """Files to write; None writes none of that kind."""

    json: Path | None = None
    html: Path | None = None


def analyze(file: Path, columns: Columns, settings: InferenceSettings, outputs: Outputs, console: Console) -> None:
    """Show the verdicts on the factors of a table of runs, and write the outputs.

    Raises DataError for a file that is not a table of runs, and SpecError for settings that do not fit it.
    """
    table = read_runs(file, columns)
    _refuse_outside(table, settings)
    with console.status("analyzing"):
        inference = infer(table, settings)
    show_inference(inference, columns.response, console)
    if outputs.json:
        write(outputs.json, json.dumps(inference.to_json(), indent=1, allow_nan=False) + "\n", console)
    if outputs.html:
        from ablate.report.study_page import evidence_page  # noqa: PLC0415  # loads matplotlib

        write(outputs.html, evidence_page(inference, columns.response, file.name), console)


def parse_settings(
    factors: Sequence[str], *, interactions: str = "all", bounds: str | None = None, **options: Any
) -> InferenceSettings:
    """Return the settings of an inference on these factors from the values of the command's options.

    `interactions` is all, none, or pairs as in kernel:norm,kernel:loss; `bounds` is LOW,HIGH or None. The other options
    have the names of the settings. Raises SpecError for a value that is not allowed.
    """
    pairs = _pairs(interactions, factors)
    try:
        return InferenceSettings(interactions=pairs, bounds=_bounds(bounds) if bounds else None, **options)
    except ValidationError as error:
        first = error.errors()[0]
        option = str(first["loc"][0]).replace("_", "-")
        allowed = first["msg"].replace("Input should be", "must be")
        raise SpecError(f"--{option}: found {first['input']}; {allowed}") from error


def _pairs(text: str, factors: Sequence[str]) -> Literal["all", "none"] | list[FactorPair]:
    if text.strip() == "all":
        return "all"
    if text.strip() == "none":
        return "none"
    pairs = [_pair(item, factors) for item in names(text)]
    for position, pair in enumerate(pairs):
        if any(set(pair) == set(earlier) for earlier in pairs[:position]):
            raise SpecError(f"--interactions: {':'.join(pair)} is listed twice; name each pair once")
    return pairs


def _pair(item: str, factors: Sequence[str]) -> FactorPair:
    first, _, second = (part.strip() for part in item.partition(":"))
    if not second or first == second:
        raise SpecError(f"--interactions: found {item!r}; write all, none, or two factors with a colon: kernel:norm")
    for name in (first, second):
        if name not in factors:
            hint = did_you_mean(name, factors)
            raise SpecError(f"--interactions: {name!r} is no factor{hint}; --factors names {', '.join(factors)}")
    return [first, second]


def _bounds(text: str) -> tuple[float, float]:
    try:
        low, high = (float(part) for part in text.split(","))
    except ValueError:
        low = high = math.nan
    if not -math.inf < low < high < math.inf:
        raise SpecError(f"--bounds: found {text!r}; write the smallest and the largest value, as in 0,1")
    return low, high


def _refuse_outside(table: RunTable, settings: InferenceSettings) -> None:
    responses = table.response[table.defined]
    if not settings.bounds or not len(responses):
        return
    low, high = settings.bounds
    if responses.min() < low or responses.max() > high:
        range_found = f"the responses lie from {responses.min():g} to {responses.max():g}"
        raise SpecError(f"--bounds: {range_found}, not in {low:g},{high:g}; give bounds that hold them all")
