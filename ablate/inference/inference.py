"""What the runs of a study allow one to say of its factors, as plain values."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from ablate.inference.factor_levels import FactorLevels
from ablate.inference.settings import InferenceSettings
from ablate.inference.verdict import Verdict

Unit = Literal["block", "run"]
Method = Literal["exact", "monte_carlo", "freedman_lane", "sign_flips", "none"]


@dataclass(frozen=True)
class Test:
    """A randomization test: its p-value, where it can be taken, and how that was reached.

    `p` lies in (0, 1], None where the runs allow no test. `smallest` is the least p that the design can reach.
    With unit `block` whole blocks (seeds) are relabeled; with `run` matched runs are, each set for itself.
    """

    p: float | None
    smallest: float
    unit: Unit
    method: Method


@dataclass(frozen=True)
class Effect:
    """A contrast of a factor's levels in the response's unit: the weighted mean at some levels minus that at others.

    `low` and `high` bound its interval, at 1 - alpha, not adjusted for their number; None where nothing says how much
    it varies. `p` is its own, `p_adjusted` allows for all that was tested. `standardized` divides the estimate by the
    standard deviation of a run about its cell and seed (Hedges' g, bias corrected). `prob_improvement` is the share of
    matched pairs in which the first level is better, ties counting half. `equivalent` says whether two one-sided tests
    place the effect within the margin; None without a margin. `by_block` are the estimates of the single seeds, NaN
    where a seed has none. `trend` names a polynomial contrast over ordered levels, None for a difference of two levels.
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
    n_blocks: int
    n_runs: int
    dropped: int
    standardized: float | None
    prob_improvement: float | None
    equivalent: bool | None
    by_block: tuple[float, ...]


@dataclass(frozen=True)
class FactorVerdict:
    """The verdict on one factor, its evidence, and what qualifies it.

    `partners` are the factors that it acts only with. `test` tests all its levels at once, averaged over the other
    factors; `p_adjusted` is Holm's over the study's family. `more_seeds_needed` is None unless the verdict is
    undecided, and where no number of seeds up to 1,000 is enough. `reason` is one sentence for a reader.
    `untested_pairs` are the factors whose interaction with this one is in the family, but cannot be estimated from
    these runs. `exploratory` says why the study decides nothing, None where it may decide. `weak_spot` says where the
    method is known to err for tables like this one, None where no such case is known.
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


@dataclass(frozen=True)
class SimpleEffect:
    """An effect of one factor at one level of another; `p` is its own, not adjusted."""

    factor: str
    contrast: str
    level: str
    baseline: str
    beside: str
    at: str
    estimate: float
    low: float | None
    high: float | None
    p: float | None


@dataclass(frozen=True)
class Interaction:
    """Whether the effect of one factor depends on the level of another, tested over all their levels at once.

    `means` holds the mean response at every level of the first (rows) and of the second factor (columns).
    `partial_eta_sq` is its sum of squares over that and the residual's, in [0, 1] (Cohen 1973). Simple effects are
    those of either factor at each level of the other; there are some only where `p_adjusted` is at most alpha.
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

    `null_high` is the 95 % quantile of what falls to the factor where the runs' responses are shuffled within their
    blocks, over the same variance, in [0, 1]: a share up to it is what no effect at all gives.
    """

    factor: str
    shapley: float
    low: float | None
    high: float | None
    null_high: float


@dataclass(frozen=True)
class Variance:
    """Shares of the total sum of squares, in [0, 1]; they add up to 1.

    They belong to main effects, two-factor interactions, seeds (blocks), and the rest.
    """

    factors: float
    interactions: float
    seed: float
    residual: float


@dataclass(frozen=True)
class Mediation:
    """An effect, and what is left of it between runs that are equal in another measure (the mediator).

    A ghost that is gone only because the forecasts are better at everything has a `direct` effect near 0 beside the
    squared error. `low` and `high` bound `direct`. `mediated` is total - direct.
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
    """Everything inferred from a table of runs. `warnings` are whole sentences about what weakens it."""

    settings: InferenceSettings
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

    def pairs_of(self, verdict: FactorVerdict) -> tuple[Interaction, ...]:
        """Return the interactions between a factor and the partners that it acts only with."""
        pairs = [{verdict.factor, partner} for partner in verdict.partners]
        return tuple(pair for pair in self.interactions if set(pair.factors) in pairs)
