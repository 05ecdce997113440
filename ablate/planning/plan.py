"""A plan as plain values: what a study will run, what it tests, and the effects that it can detect."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from ablate.inference.factor_levels import FactorLevels
from ablate.inference.kind_of_test import FEWEST_FLIPPED, KindOfTest
from ablate.measurement.run_mean import MEASURABLE_FROM


@dataclass(frozen=True)
class PlannedTest:
    """The test of one hypothesis of the family: a main effect, the linear trend of a factor, or an interaction.

    `kind` says how it is tested; None without a test, and then `untested` says why. `min_attainable_p` is the smallest
    p-value that the seeds allow: 1 without a test, and 0 for an F test, which has no such limit. `width` is its number
    of degrees of freedom.
    `power` is the probability that the test finds it, for each of the plan's effect sizes, if it is the only effect.
    `minimum_detectable_effect` has a power of 80 %; None if no effect has. An effect is the difference of two levels
    (main effect, trend) or the difference of two such differences (interaction), in standard deviations of a run.
    `not_a_cause` is the probability that the factor is called "not a cause" if nothing has an effect; None for
    interactions and trends, without a margin, and if the margin or the standard deviation of a run is not known.
    """

    factors: tuple[str, ...]
    title: str
    is_trend: bool
    kind: KindOfTest | None
    untested: str
    min_attainable_p: float
    width: int
    minimum_detectable_effect: float | None
    power: tuple[float, ...]
    not_a_cause: float | None

    @property
    def is_main_effect(self) -> bool:
        """Whether the hypothesis is about all levels of one factor."""
        return len(self.factors) == 1 and not self.is_trend

    @property
    def is_interaction(self) -> bool:
        """Whether the hypothesis is about a pair of factors."""
        return len(self.factors) > 1


@dataclass(frozen=True)
class SeedOption:
    """What the study could detect with another number of seeds: values of the plan's tests, in their order.

    `kind` says how hypotheses are tested with so many seeds; None if they allow no verdict. `min_attainable_p` is that
    of every test. `minimum_detectable_effect` is None where a hypothesis is not tested or no effect has 80 % power.
    """

    seeds: int
    runs: int
    kind: KindOfTest | None
    min_attainable_p: float
    minimum_detectable_effect: tuple[float | None, ...]

    @property
    def is_in_these_seeds(self) -> bool:
        """Whether a cause with so few seeds is one in these seeds only."""
        return self.seeds < FEWEST_FLIPPED


@dataclass(frozen=True)
class DegreesOfFreedom:
    """Degrees of freedom of all runs: in total, of the seeds, of every term of the family, and of the residuals.

    Residuals are those of a model with all main effects and all interactions of two factors.
    """

    total: int
    seeds: int
    terms: Mapping[str, int]
    other_interactions: int
    residual: int


@dataclass(frozen=True)
class RunDeviation:
    """The standard deviation of a run about its cell and its seed, and the source of the number.

    `value` is in the unit of the response. `between_seeds` is the standard deviation of an effect between seeds, in the
    same unit; 0 if effects are taken to be equal in all seeds. The deviation of a run does not include it.
    """

    value: float
    source: str
    between_seeds: float = 0.0


@dataclass(frozen=True)
class Confounding:
    """Which effects the design separates, and which it leaves aliased.

    `d_efficiency` is that of the model with all tested terms, in [0, 1]. `aliases` are sentences, strongest first.
    `terms` names the rows and columns of `correlations`: the largest correlation between any contrasts of two terms
    over the cells, in [0, 1].
    """

    d_efficiency: float
    aliases: tuple[str, ...]
    terms: tuple[str, ...]
    correlations: tuple[tuple[float, ...], ...]


@dataclass(frozen=True)
class Plan:
    """What a study can detect. `cells` holds the position of every factor's level.

    `effect_sizes` are those of the tests' power, in standard deviations of a run. `not_estimable` names the hypotheses
    that the design cannot separate from other effects, and `caveat` says what its effects cannot show. `obstacle` says
    why the study cannot reach any verdict, None if it can, and `remedies` lists changes that would help. `digest` is
    the digest of the preregistered settings. `measurable_from` is the share of a run's frames that must define the
    response.
    """

    name: str
    question: str
    response: str
    unit: str
    exploratory: bool
    design: str
    factors: tuple[FactorLevels, ...]
    cells: tuple[tuple[int, ...], ...]
    seeds: tuple[int, ...]
    alpha: float
    margin: float | None
    freedom: DegreesOfFreedom
    tests: tuple[PlannedTest, ...]
    not_estimable: tuple[str, ...]
    effect_sizes: tuple[float, ...]
    seed_options: tuple[SeedOption, ...]
    sd: RunDeviation | None
    confounding: Confounding
    caveat: str
    obstacle: str | None
    remedies: tuple[str, ...]
    digest: str
    measurable_from: float = MEASURABLE_FROM

    @property
    def runs(self) -> int:
        """Number of runs."""
        return len(self.cells) * len(self.seeds)

    @property
    def tested(self) -> tuple[PlannedTest, ...]:
        """The hypotheses that the study tests."""
        return tuple(test for test in self.tests if test.kind is not None)

    @property
    def adjustment(self) -> str | None:
        """The adjustment of p over the family, max-T or Holm; None if nothing is tested."""
        kinds = {test.kind for test in self.tests if test.kind is not None}
        return next((kind.adjustment for kind in kinds), None)

    @property
    def is_in_these_seeds(self) -> bool:
        """Whether a cause that the study finds is one in these seeds only."""
        return bool(self.tested) and len(self.seeds) < FEWEST_FLIPPED

    @property
    def refused(self) -> bool:
        """Whether `ablate run` refuses to start the study."""
        return self.obstacle is not None and not self.exploratory

    def to_json(self) -> dict[str, Any]:
        """Return the plan as plain values for JSON."""
        derived = {
            "runs": self.runs,
            "family": len(self.tested),
            "adjustment": self.adjustment,
            "refused": self.refused,
            "in_these_seeds": self.is_in_these_seeds,
        }
        return asdict(self) | derived
