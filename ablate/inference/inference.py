"""The results of an inference as plain values: verdicts, effects, tests, interactions, and everything beside them."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from ablate.core.plain import plain
from ablate.inference.cell_noise import LackOfFit
from ablate.inference.contexts import ContextCheck
from ablate.inference.equal_blocks import Copies
from ablate.inference.factor_levels import FactorLevels
from ablate.inference.kind_of_test import KindOfTest
from ablate.inference.lost_runs import Bounds
from ablate.inference.sequential_tests import SequentialPath
from ablate.inference.settings import InferenceSettings
from ablate.inference.verdict import Verdict


@dataclass(frozen=True)
class Test:
    """The test of one hypothesis.

    `p` is in (0, 1], not adjusted, None if the runs allow no test. `min_attainable_p` is the smallest p-value that the
    runs allow, 1 without a test. `untested` says why there is no test; it is empty if there is one.
    """

    p: float | None
    min_attainable_p: float
    untested: str = ""


@dataclass(frozen=True)
class Effect:
    """A contrast of a factor's levels, in the response's unit: the weighted mean at some levels minus that at others.

    `low` and `high` bound its confidence interval at 1 - alpha, not adjusted for the number of intervals; None with
    fewer than three degrees of freedom. `p` is not adjusted. `p_adjusted` is the factor's adjusted p; of several
    contrasts of a factor, the larger of that and of Holm's among them. `standardized` is the estimate over the standard
    deviation of a run about its cell and seed (Hedges' g). `freedom` are the degrees of freedom of its standard error.
    `prob_improvement` is the share, in [0, 1], of matched pairs in which the first level is better, ties counting half.
    `equivalent` says whether two one-sided tests place the effect within the margin; None without a margin. `by_block`
    are the estimates of the seeds, NaN for a seed without one. `trend` names a polynomial contrast over ordered levels,
    None for a difference of two levels.
    """

    factor: str
    contrast: str
    level: str | None
    baseline: str | None
    trend: str | None
    estimate: float
    low: float | None
    high: float | None
    p: float | None
    p_adjusted: float | None
    freedom: float
    n_blocks: int
    n_runs: int
    standardized: float | None
    prob_improvement: float | None
    equivalent: bool | None
    by_block: tuple[float, ...]


@dataclass(frozen=True)
class FactorVerdict:
    """The verdict on one factor, its evidence, and what qualifies it.

    `partners` are the factors that it acts only with, or on which the size of its effect depends. `test` tests all its
    levels at once, averaged over the other factors, or the linear trend of an ordered factor if that has the smaller
    adjusted p; `p_adjusted` is adjusted over the family of hypotheses.
    `more_seeds_needed` is None unless the verdict is undecided, and where no number of seeds up to 1,000 is enough.
    `reason` is one sentence for a reader. `untested_pairs` are the factors whose interaction with this one is in the
    family, but cannot be estimated from these runs. `exploratory` says why the verdict only shows what to test next,
    None where it may decide. `weak_spot` says where the method is known to err for tables like this one, None where no
    such case is known. `context_check` is the test of the factor in every context, None where it was not needed or no
    runs match. `bounds` are the trimming bounds of its effects where runs were lost by their response.
    """

    factor: str
    title: str
    verdict: Verdict
    partners: tuple[str, ...]
    effects: tuple[Effect, ...]
    test: Test
    p_adjusted: float | None
    more_seeds_needed: int | None
    reason: str
    untested_pairs: tuple[str, ...] = ()
    exploratory: str | None = None
    weak_spot: str | None = None
    context_check: ContextCheck | None = None
    bounds: tuple[Bounds, ...] = ()


@dataclass(frozen=True)
class SimpleEffect:
    """The effect of one factor at one level of a partner; `p` is not adjusted."""

    factor: str
    contrast: str
    level: str
    baseline: str
    partner: str
    at: str
    estimate: float
    low: float | None
    high: float | None
    p: float | None


@dataclass(frozen=True)
class Interaction:
    """The interaction of two factors, tested over all their levels at once.

    `p_adjusted` is adjusted over the family of hypotheses. `means` holds the mean response at every level of the first
    (rows) and of the second factor (columns); it is empty if a factor is numeric. `partial_eta_sq` is its sum of
    squares over its sum with the residual's, in [0, 1] (Cohen 1973). Simple effects are those of either factor at each
    level of the other; there are some only if `p_adjusted` is at most alpha.
    """

    factors: tuple[str, str]
    titles: tuple[str, str]
    test: Test
    p_adjusted: float | None
    partial_eta_sq: float
    means: tuple[tuple[float, ...], ...]
    simple_effects: tuple[SimpleEffect, ...]


@dataclass(frozen=True)
class Importance:
    """A factor's Shapley share of the variance between cells, in [0, 1], with its bootstrap interval over blocks.

    `null_high` is the 95 % quantile, in [0, 1], of the factor's share when responses are permuted within blocks. A
    factor without an effect exceeds it once in twenty.
    """

    factor: str
    shapley: float
    low: float | None
    high: float | None
    null_high: float


@dataclass(frozen=True)
class Variance:
    """Shares of the total sum of squares, in [0, 1], which add up to 1.

    They are those of main effects, two-factor interactions, seeds (blocks), and residuals.
    """

    factors: float
    interactions: float
    seed: float
    residual: float


@dataclass(frozen=True)
class Mediation:
    """The total effect of a level, and its direct effect between runs with equal values of a mediator.

    If a ghost is smaller only because the whole forecast is better, its direct effect with the squared error as the
    mediator is near 0. `low` and `high` bound `direct`. `mediated` is `total - direct`.
    """

    factor: str
    contrast: str
    mediator: str
    total: float
    direct: float
    low: float | None
    high: float | None
    mediated: float


@dataclass(frozen=True)
class FailureRate:
    """The share of runs without a response at every level of a factor; `p` tests whether it depends on the level."""

    factor: str
    rates: Mapping[str, float]
    p: float | None


@dataclass(frozen=True)
class FailedRun:
    """A run that gave no response: its levels, its block, and how it ended."""

    levels: Mapping[str, str]
    block: str
    outcome: str


@dataclass(frozen=True)
class MissingCell:
    """A combination of levels without a response in the named blocks."""

    levels: Mapping[str, str]
    blocks: tuple[str, ...]


@dataclass(frozen=True)
class Inference:
    """Everything inferred from a table of runs. `warnings` are its caveats, in sentences.

    `kind` says how the hypotheses were tested. `copies` are groups of blocks with equal responses, which count as one.
    `lack_of_fit` tests whether three or more factors act together; None if these runs cannot show it. `paths` are the
    hypotheses of a sequential study over its looks.
    """

    settings: InferenceSettings
    kind: KindOfTest
    factors: tuple[FactorLevels, ...]
    blocks: tuple[str, ...]
    verdicts: tuple[FactorVerdict, ...]
    interactions: tuple[Interaction, ...]
    importance: tuple[Importance, ...]
    variance: Variance | None
    mediation: tuple[Mediation, ...]
    failure_rates: tuple[FailureRate, ...]
    failed: tuple[FailedRun, ...]
    missing_cells: tuple[MissingCell, ...]
    warnings: tuple[str, ...]
    copies: Copies = ()
    lack_of_fit: LackOfFit | None = None
    paths: tuple[SequentialPath, ...] = ()

    @property
    def adjustment(self) -> str:
        """The adjustment of the p-values over the family: max-T or Holm."""
        return self.kind.adjustment

    def pairs_of(self, verdict: FactorVerdict) -> tuple[Interaction, ...]:
        """Return the interactions between a factor and the partners that it acts only with."""
        pairs = [{verdict.factor, partner} for partner in verdict.partners]
        return tuple(pair for pair in self.interactions if set(pair.factors) in pairs)

    def to_json(self) -> dict[str, Any]:
        """Return the inference as dicts, lists and numbers that JSON can hold; NaN becomes None.

        `p` is never adjusted, and `p_adjusted` always is, as `adjustment` says.
        """
        document = asdict(self) | {"settings": self.settings.model_dump(), "adjustment": self.adjustment}
        for verdict in document["verdicts"]:
            verdict["with"] = verdict.pop("partners")
            verdict["p"] = verdict["test"]["p"]
        for interaction in document["interactions"]:
            interaction["p"] = interaction["test"]["p"]
        values: dict[str, Any] = plain(document)
        return values
