"""`ablate.analyze`: the verdicts on the factors of any table of runs."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, final

from ablate.analysis.verdict_sentences import verdict_sentences
from ablate.api.frames import cell_text, table_file
from ablate.api.inferred_tables import InferredTables
from ablate.api.notebook import as_html, as_text
from ablate.api.wording import PythonWords, in_python
from ablate.commands.analyze import TableAnalysis, analyze_table, checked_settings
from ablate.core.errors import SpecError
from ablate.inference.factor_levels import Scale
from ablate.inference.inference import Inference
from ablate.inference.settings import InferenceSettings
from ablate.inference.tables import Columns
from ablate.inference.tables.columns import NONE

THE_TABLE = "the table"
"""The name of a table in memory in errors and notes."""
Names = str | Sequence[str]


@final
@dataclass(frozen=True, repr=False, eq=False)
class TableVerdicts(InferredTables):
    """What the runs of a table show: verdicts and effects as pandas tables, and sentences.

    `notes` say how the table was read. `analysis` holds the inference itself, with everything that the JSON file of
    `ablate analyze` has.
    """

    analysis: TableAnalysis
    notes: tuple[str, ...]

    @property
    def response(self) -> str:
        """The column that is explained."""
        return self.analysis.response

    @property
    def inference(self) -> Inference:
        """The inference itself, with everything that the tables leave out."""
        return self.analysis.inference

    @property
    def sentences(self) -> tuple[str, ...]:
        """The verdicts on every judged response in sentences, the most important first."""
        judged = self.analysis.judged.items()
        return tuple(line for response, part in judged for line in verdict_sentences(part, response))

    @property
    def warnings(self) -> tuple[str, ...]:
        """The caveats of the inference, in sentences."""
        return self.analysis.inference.warnings

    def to_json(self) -> dict[str, Any]:
        """Return what `ablate analyze --json` writes, as plain values."""
        return self.analysis.to_json()

    def __repr__(self) -> str:
        return as_text(self._title, (*self.sentences, *(f"note: {note}" for note in self.notes)))

    def _repr_html_(self) -> str:
        columns = ["factor", "verdict", "partners", "p_adjusted"]
        tables = {"Verdicts": self.verdicts[columns], "Effects": self.effects[_SHOWN_EFFECTS]}
        return as_html(self._title, (*self.sentences, *self.notes), tables)

    @property
    def _title(self) -> str:
        return f"Verdicts on {self.response}"


_SHOWN_EFFECTS = ["factor", "contrast", "estimate", "low", "high", "p_adjusted", "n_runs"]


def analyze(  # noqa: PLR0913  # as many arguments as the command has options
    table: Any,
    *,
    response: Names,
    factors: Names,
    block: str | None,
    numeric: Names | Mapping[str, Scale | None] = (),
    order: Names | Mapping[str, Sequence[Any]] = (),
    baseline: Mapping[str, Any] | None = None,
    interactions: Literal["all", "none"] | Sequence[tuple[str, str]] = "all",
    margin: float | None = None,
    alpha: float = 0.05,
    higher_is_better: bool = False,
    bounds: tuple[float, float] | None = None,
    mediator: Names = (),
    outcome: str | None = None,
    judge_all: bool = False,
    average: bool = False,
    seed: int = 0,
) -> TableVerdicts:
    """Find out which factors of a table of runs are causes, which are not, and which act only with others.

    `table` has one row per run: a DataFrame of pandas or polars, a mapping of columns, a list of rows, or the path of a
    .csv, .tsv or .parquet file. `response` is the column of the number to explain; further columns are described, or
    judged with `judge_all`. `factors` are the columns of the possible causes. Runs are compared within a `block`,
    usually the seed; None if no two runs share a seed. `numeric` names factors whose trend is tested, with or without
    a scale ("linear", "log"), and `order` those with ordered levels. `baseline` maps factors to levels; the first level
    is the default. `interactions` are the tested pairs. Effects within `margin` do not matter; `alpha` bounds the
    family-wise error rate. `bounds` are the smallest and largest possible response. `mediator` names columns for direct
    effects. `outcome` is the column of states: None looks for one, "none" reads none. `average` averages rows with
    equal levels in one block. `seed` is that of the drawn flips.

    Raises AblateError for a table or an argument that is wrong, and if nothing in the table can be tested.
    """
    with PythonWords():
        columns, settings = _requested(
            response=response,
            factors=factors,
            block=block,
            numeric=numeric,
            order=order,
            baseline=baseline or {},
            mediator=mediator,
            outcome=outcome,
            average=average,
            settings={
                "interactions": interactions,
                "bounds": bounds,
                "margin": margin,
                "alpha": alpha,
                "higher_is_better": higher_is_better,
                "seed": seed,
            },
        )
    if isinstance(table, str | os.PathLike):
        with PythonWords():
            return _verdicts(analyze_table(Path(table), columns, settings, judge_all=judge_all), {})
    with table_file(table) as file:
        names = {str(file): THE_TABLE}
        with PythonWords(names):
            return _verdicts(analyze_table(file, columns, settings, judge_all=judge_all), names)


def _verdicts(analysis: TableAnalysis, names: Mapping[str, str]) -> TableVerdicts:
    return TableVerdicts(analysis, tuple(in_python(note, names) for note in analysis.notes))


def _requested(  # noqa: PLR0913  # one argument per column option
    *,
    response: Names,
    factors: Names,
    block: str | None,
    numeric: Names | Mapping[str, Scale | None],
    order: Names | Mapping[str, Sequence[Any]],
    baseline: Mapping[str, Any],
    mediator: Names,
    outcome: str | None,
    average: bool,
    settings: Mapping[str, Any],
) -> tuple[Columns, InferenceSettings]:
    """Return the columns and the settings that the arguments ask for. Raises SpecError."""
    judged, *secondary = _names(response) or ("",)
    numeric_factors = dict(numeric) if isinstance(numeric, Mapping) else dict.fromkeys(_names(numeric))
    for factor, scale in numeric_factors.items():
        if scale not in (None, "linear", "log"):
            raise SpecError(f"--numeric: found {scale!r} as a scale of {factor!r}; write linear or log")
    orders = order if isinstance(order, Mapping) else dict.fromkeys(_names(order), ())
    columns = Columns(
        response=judged,
        factors=_names(factors),
        block=NONE if block is None else block,
        ordered={factor: _levels(factor, levels) for factor, levels in orders.items()},
        baseline={factor: str(cell_text(level)) for factor, level in baseline.items()},
        mediators=_names(mediator),
        outcome=outcome,
        average=average,
        numeric=numeric_factors,
        secondary=tuple(secondary),
    )
    return columns, checked_settings(columns.factors, **settings)


def _names(names: Names) -> tuple[str, ...]:
    """Return one name or several as a tuple."""
    return (names,) if isinstance(names, str) else tuple(map(str, names))


def _levels(factor: str, levels: Sequence[Any]) -> tuple[str, ...]:
    texts = tuple(str(cell_text(level)) for level in levels)
    if len(set(texts)) < len(texts):
        raise SpecError(f"--order: {factor!r} names a level twice: {', '.join(texts)}")
    return texts
