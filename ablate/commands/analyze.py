"""`ablate analyze`: verdicts on the factors of any table of runs."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from pydantic import ValidationError
from rich.console import Console

from ablate.commands.console import json_text, say, write
from ablate.commands.study_baseline import study_baselines
from ablate.commands.verdict_table import described_effects, show_description, show_inference
from ablate.core.errors import DataError, SpecError, did_you_mean
from ablate.inference.infer import infer, infer_jointly
from ablate.inference.inference import Inference
from ablate.inference.run_table import RunTable
from ablate.inference.settings import FactorPair, InferenceSettings
from ablate.inference.tables import Columns, read_responses
from ablate.inference.tables.option_lists import items, plain_item
from ablate.inference.tables.testable import untestable_factors

INTERACTIONS = "write all, none, or two factors with a colon: kernel:norm"
Interactions = Literal["all", "none"] | Sequence[Sequence[str]]
"""All pairs of factors, none, or these."""


@dataclass(frozen=True)
class Outputs:
    """Files to write; None writes none of that kind."""

    json: Path | None = None
    html: Path | None = None


@dataclass(frozen=True)
class TableAnalysis:
    """What the runs of a table show: the inference of each judged response, the first one first, and notes.

    `described` are the inferences of responses that are described, not judged. `notes` are sentences on how the table
    was read.
    """

    judged: Mapping[str, Inference]
    described: Mapping[str, Inference]
    notes: tuple[str, ...]

    @property
    def response(self) -> str:
        """The response that the margin and the bounds belong to."""
        return next(iter(self.judged))

    @property
    def inference(self) -> Inference:
        """The inference of this response."""
        return self.judged[self.response]

    @property
    def further(self) -> Mapping[str, Inference]:
        """The inferences of the other judged responses."""
        return {response: part for response, part in self.judged.items() if response != self.response}

    def to_json(self) -> dict[str, Any]:
        """Return the inference, the notes, and the other responses, judged or described, as plain values."""
        further = [{"response": response, **part.to_json()} for response, part in self.further.items()]
        secondary = [
            {"response": response, "effects": described_effects(part)} for response, part in self.described.items()
        ]
        return self.inference.to_json() | {"notes": list(self.notes), "judged": further, "secondary": secondary}


def analyze(  # what is read, how it is judged, where it goes
    file: Path,
    columns: Columns,
    settings: InferenceSettings,
    outputs: Outputs,
    console: Console,
    *,
    judge_all: bool = False,
) -> None:
    """Show the verdicts on the factors of a table of runs, and write the outputs. Raises as analyze_table."""
    with console.status("analyzing"):
        analysis = analyze_table(file, columns, settings, judge_all=judge_all)
    for note in analysis.notes:
        say(f"note: {note}", console)
    for response, inference in analysis.judged.items():
        show_inference(inference, response, console)
    for response, inference in analysis.described.items():
        show_description(inference, response, console)
    if outputs.json:
        write(outputs.json, json_text(analysis.to_json()), console)
    if outputs.html:
        from ablate.report.study_page import evidence_page  # noqa: PLC0415  # loads matplotlib

        inference = _with_notes(analysis.inference, analysis.notes)
        write(outputs.html, evidence_page(inference, columns.response, file.name, analysis.further), console)


def analyze_table(
    file: Path, columns: Columns, settings: InferenceSettings, *, judge_all: bool = False
) -> TableAnalysis:
    """Return the verdicts on the factors of a table of runs.

    Secondary responses are described, or, with `judge_all`, judged with the response as one family. Raises DataError
    for a file that is not a table of runs or in which nothing can be tested, and SpecError for settings that do not fit
    it.
    """
    baselines = study_baselines(file, columns.factors)
    table, *secondary = read_responses(file, replace(columns, default_baseline=baselines))
    notes = (*table.notes, *_baseline_notes(table, baselines, columns), *untestable_factors(file, table, columns))
    _refuse_outside(table, settings)
    tables = dict(zip(columns.responses, (table, *secondary), strict=True))
    inferences = _inferences(tables, settings, judge_all=judge_all)
    _refuse_untested(inferences[columns.response], file)
    judged = {response: inferences[response] for response in (columns.responses if judge_all else [columns.response])}
    described = {response: inference for response, inference in inferences.items() if response not in judged}
    if len(judged) > 1:
        notes = (*notes, f"{' and '.join(judged)} are judged as one family: each p is adjusted over all of them.")
    return TableAnalysis(judged, described, notes)


def _inferences(
    tables: Mapping[str, RunTable], settings: InferenceSettings, *, judge_all: bool
) -> Mapping[str, Inference]:
    """Return the inference of each response; the first is the one that the margin and the bounds belong to."""
    by_response = {
        response: settings if position == 0 else _of_secondary(settings) for position, response in enumerate(tables)
    }
    if judge_all:
        return infer_jointly(tables, by_response)
    return {response: infer(table, by_response[response]) for response, table in tables.items()}


def _refuse_untested(inference: Inference, file: Path) -> None:
    """Raise DataError if the runs determine no effect at all."""
    if not inference.interactions and not any(verdict.effects for verdict in inference.verdicts):
        reasons = "; ".join(f"{verdict.factor!r}: {verdict.test.untested}" for verdict in inference.verdicts)
        raise DataError(
            f"{file}: nothing can be tested: {reasons}; add runs in which a factor varies alone, or name fewer factors"
        )


def _of_secondary(settings: InferenceSettings) -> InferenceSettings:
    """Return the settings for a further response: margin, bounds and direction belong to the first."""
    return settings.model_copy(update={"margin": None, "bounds": None, "higher_is_better": None})


def _baseline_notes(table: RunTable, baselines: Mapping[str, str], columns: Columns) -> Iterator[str]:
    if used := [f for f in table.factors if baselines.get(f.path) == f.baseline and f.path not in columns.baseline]:
        levels = ", ".join(f"{factor.path} {factor.baseline}" for factor in used)
        yield f"the baselines are those of the study beside the table: {levels}."


def _with_notes(inference: Inference, notes: Sequence[str]) -> Inference:
    """Return an inference whose caveats begin with the notes, which a page lists together."""
    sentences = tuple(f"{note[:1].upper()}{note[1:]}" for note in notes)
    return replace(inference, warnings=(*sentences, *inference.warnings))


def parse_settings(
    factors: Sequence[str], *, interactions: str = "all", bounds: str | None = None, **options: Any
) -> InferenceSettings:
    """Return the settings of an inference on these factors from the values of the command's options.

    `interactions` is all, none, or pairs as in kernel:norm,kernel:loss; `bounds` is LOW,HIGH or None. The other options
    have the names of the settings. Raises SpecError for a value that is not allowed.
    """
    match interactions.strip():
        case "all" | "none" as family:
            pairs: Interactions = family
        case text:
            pairs = [_pair(item) for item in items(text)]
    return checked_settings(factors, interactions=pairs, bounds=_bounds(bounds) if bounds else None, **options)


def checked_settings(
    factors: Sequence[str],
    *,
    interactions: Interactions = "all",
    bounds: tuple[float, float] | None = None,
    **options: Any,
) -> InferenceSettings:
    """Return the settings of an inference on these factors. Raises SpecError for a value that is not allowed."""
    pairs: Literal["all", "none"] | list[FactorPair]
    match interactions:
        case "all" | "none":
            pairs = interactions
        case str():
            raise SpecError(f"--interactions: found {interactions!r}; {INTERACTIONS}")
        case _:
            pairs = list(_checked_pairs(interactions, factors))
    if bounds is not None:
        _refuse_bounds(bounds)
    try:
        return InferenceSettings(interactions=pairs, bounds=bounds, **options)
    except ValidationError as error:
        first = error.errors()[0]
        option = str(first["loc"][0]).replace("_", "-")
        allowed = first["msg"].replace("Input should be", "must be")
        raise SpecError(f"--{option}: found {first['input']}; {allowed}") from error


def _checked_pairs(pairs: Sequence[Sequence[str]], factors: Sequence[str]) -> Iterator[FactorPair]:
    """Yield the pairs, each once and of two factors. Raises SpecError."""
    for position, pair in enumerate(pairs):
        if isinstance(pair, str) or len(pair) != len(("first", "second")) or pair[0] == pair[1]:
            raise SpecError(
                f"--interactions: found {pair if isinstance(pair, str) else ':'.join(pair)!r}; {INTERACTIONS}"
            )
        for name in pair:
            if name not in factors:
                hint = did_you_mean(name, factors)
                raise SpecError(f"--interactions: {name!r} is no factor{hint}; --factors names {', '.join(factors)}")
        if any(set(pair) == set(earlier) for earlier in pairs[:position]):
            raise SpecError(f"--interactions: {':'.join(pair)} is listed twice; name each pair once")
        yield list(pair)


def _pair(item: str) -> FactorPair:
    first, _, second = (plain_item(part) for part in item.partition(":"))
    if not second or first == second:
        raise SpecError(f"--interactions: found {plain_item(item)!r}; {INTERACTIONS}")
    return [first, second]


def _bounds(text: str) -> tuple[float, float]:
    try:
        low, high = (float(part) for part in text.split(","))
    except ValueError:
        low = high = math.nan
    _refuse_bounds((low, high), text)
    return low, high


def _refuse_bounds(bounds: tuple[float, float], text: str | None = None) -> None:
    """Raise SpecError for bounds that are no interval; `text` is what the user wrote."""
    low, high = bounds
    if not -math.inf < low < high < math.inf:
        written = f"{low:g},{high:g}" if text is None else text
        raise SpecError(f"--bounds: found {written!r}; write the smallest and the largest value, as in 0,1")


def _refuse_outside(table: RunTable, settings: InferenceSettings) -> None:
    responses = table.response[table.defined]
    if not settings.bounds or not len(responses):
        return
    low, high = settings.bounds
    if responses.min() < low or responses.max() > high:
        range_found = f"the responses lie from {responses.min():g} to {responses.max():g}"
        raise SpecError(f"--bounds: {range_found}, not in {low:g},{high:g}; give bounds that hold them all")
