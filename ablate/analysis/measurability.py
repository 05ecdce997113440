"""Which factors make a run unmeasurable: a response of 0 or 1 per run, for the runs lost because of their response."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pandas as pd

from ablate.analysis.outcomes import Outcomes
from ablate.analysis.phrases import chance, listed, percent
from ablate.analysis.study_table import StudyResponse
from ablate.analysis.unmeasurable import DIVERGED, FINISHED, UNMEASURABLE
from ablate.inference.factor_levels import FactorLevels
from ablate.inference.failures import failure_rates
from ablate.inference.family_tests import holm
from ablate.inference.inference import FailureRate
from ablate.inference.kind_of_test import FEWEST_FLIPPED
from ablate.inference.run_table import RunTable
from ablate.inference.settings import InferenceSettings

HOLM = "Holm"
DESCRIBED = "These shares are described, not judged: that takes a confirmatory study with six seeds or more."
BRIGHTER = (
    "If the forecasts fade, train longer (base.training.steps), or choose a loss or a learning rate that keeps the "
    "digits bright."
)
LOOK = 'Look at their pictures first: the report has them under "Runs that cannot be measured".'


@dataclass(frozen=True)
class LevelMeasurability:
    """How many of the runs at a level cannot be measured: they diverged or are unmeasurable."""

    level: str
    lost: int
    runs: int

    @property
    def share(self) -> float:
        """The share of the runs that cannot be measured, in [0, 1]."""
        return self.lost / self.runs


@dataclass(frozen=True)
class FactorMeasurability:
    """The runs that cannot be measured by the levels of one factor.

    `p` tests whether their share depends on the level: a permutation within matched sets of runs, for two levels
    McNemar's test. None with too few matched sets. `p_adjusted` is adjusted over the factors by Holm's procedure.
    """

    factor: str
    title: str
    levels: tuple[LevelMeasurability, ...]
    p: float | None
    p_adjusted: float | None


@dataclass(frozen=True)
class Measurability:
    """The runs that diverged or are unmeasurable, of those that neither failed nor were excluded.

    `sentences` say which factors change their share; those of an exploratory study, or of one with few seeds, only
    describe it.
    """

    runs: int
    diverged: int
    unmeasurable: int
    factors: tuple[FactorMeasurability, ...]
    sentences: tuple[str, ...]


def measurability(
    runs: pd.DataFrame, factors: Sequence[FactorLevels], settings: InferenceSettings, *, judged: bool
) -> Measurability | None:
    """Return which factors make a run unmeasurable; None if no run diverged or is unmeasurable.

    `runs` are the ended runs, with the columns of `with_responses`. Diverged and unmeasurable runs count alike.
    `judged` says whether the study gives verdicts. The tests are a family of their own, beside that of the response.
    """
    at_risk = runs[runs["outcome"].isin([FINISHED, DIVERGED, UNMEASURABLE])]
    lost = at_risk["response"].isna()
    if not lost.any():
        return None
    rates = failure_rates(RunTable.of(at_risk, factors, "seed"), settings)
    adjusted = holm([rate.p for rate in rates])
    by_factor = tuple(
        _of_factor(factor, rate, at_risk, p_adjusted)
        for factor, rate, p_adjusted in zip(factors, rates, adjusted, strict=True)
    )
    decides = judged and at_risk["seed"].nunique() >= FEWEST_FLIPPED
    counts = at_risk["outcome"].value_counts()
    return Measurability(
        runs=len(at_risk),
        diverged=int(counts.get(DIVERGED, 0)),
        unmeasurable=int(counts.get(UNMEASURABLE, 0)),
        factors=by_factor,
        sentences=tuple(_sentences(by_factor, settings.alpha, decides=decides)),
    )


def _of_factor(
    factor: FactorLevels, rate: FailureRate, at_risk: pd.DataFrame, p_adjusted: float | None
) -> FactorMeasurability:
    level = at_risk[factor.path].map(str)
    lost = at_risk["response"].isna()
    levels = tuple(
        LevelMeasurability(name, int(lost[level == name].sum()), int((level == name).sum())) for name in rate.rates
    )
    return FactorMeasurability(factor.path, factor.title, levels, rate.p, p_adjusted)


def _sentences(factors: Sequence[FactorMeasurability], alpha: float, *, decides: bool) -> Iterator[str]:
    """Say which factors change how many runs can be measured, the largest difference first."""
    varied = sorted((factor for factor in factors if len(factor.levels) > 1), key=lambda factor: -_range(factor))
    if not decides:
        for factor in (factor for factor in varied if _range(factor) > 0):
            yield f"{factor.title}: {_shares(factor)} cannot be measured."
        yield DESCRIBED
        return
    named = [factor for factor in varied if factor.p_adjusted is not None and factor.p_adjusted <= alpha]
    for factor in named:
        p = f"p ({HOLM}) {chance(factor.p_adjusted or 0.0)}"
        yield f"{factor.title} changes how many runs can be measured: {_shares(factor)} cannot be measured ({p})."
    unnamed = [factor.title for factor in varied if factor not in named]
    if unnamed:
        yield f"No effect on how many runs can be measured was shown for {listed(unnamed)}."


def _range(factor: FactorMeasurability) -> float:
    shares = [level.share for level in factor.levels]
    return max(shares) - min(shares)


def _shares(factor: FactorMeasurability) -> str:
    levels = sorted(factor.levels, key=lambda level: -level.share)
    return listed([f'{percent(level.share)} with "{level.level}" ({level.lost} of {level.runs})' for level in levels])


def nothing_measured(counts: Outcomes, response: StudyResponse) -> str:
    """Return what to change if no run has a response; empty if a run has one, or none has ended by itself."""
    lost = counts.unmeasurable + counts.diverged
    if counts.finished or not lost:
        return ""
    title = response.metric.title
    sentences = [f"Nothing could be measured: no run has a {title} ({_lost(counts)})."]
    if counts.unmeasurable:
        floor = percent(response.measurable_from)
        sentences += [
            LOOK,
            BRIGHTER,
            f"If the {title} is defined in some steps only, ask about these (response.first_step, response.last_step).",
            f"A response.measurable_from below {floor} measures more runs; the report lists that change of the plan.",
        ]
    if counts.diverged:
        sentences.append(
            "For runs that diverged, lower base.training.optimizer.learning_rate, or set base.training.clip_norm."
        )
    return " ".join(sentences)


def _lost(counts: Outcomes) -> str:
    named = {"unmeasurable": counts.unmeasurable, "diverged": counts.diverged, "failed": counts.failed}
    words = [f"{count} of {counts.planned} {word}" for word, count in named.items() if count]
    return ", ".join(words)
