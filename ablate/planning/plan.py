"""A plan as plain values: what a study will run, what it tests, and the effects that it can detect."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

from ablate.inference.factor_levels import FactorLevels
from ablate.inference.inference import Unit


@dataclass(frozen=True)
class PlannedTest:
    """The test of one hypothesis of the family: a main effect (one factor) or an interaction (two).

    `method`, `unit`, `sets` and `min_attainable_p` are those of inference's Hypothesis. `min_attainable_p_adjusted` is
    the smallest Holm-adjusted p-value, if every other hypothesis attains its minimum too. `level` is the largest
    attainable level up to alpha over the family's size. `numerator_df` and `denominator_df` are the degrees of freedom
    of the F test that approximates the test's power.
    `power` is the probability of a rejection for each of the plan's effect sizes. `minimum_detectable_effect` has a
    power of 80 %; None if no effect has. An effect is the difference of two levels (main effect) or the difference of
    two such differences (interaction), in residual standard deviations of a run.
    """

    factors: tuple[str, ...]
    title: str
    method: Literal["matched", "linear"]
    unit: Unit
    sets: int
    min_attainable_p: float
    min_attainable_p_adjusted: float
    level: float
    numerator_df: int
    denominator_df: float
    minimum_detectable_effect: float | None
    power: tuple[float, ...]

    @property
    def is_main_effect(self) -> bool:
        """Whether the hypothesis is about one factor alone."""
        return len(self.factors) == 1


@dataclass(frozen=True)
class SeedOption:
    """What the study could detect with another number of seeds: values of the plan's tests, in their order.

    A test that the design does not allow with so few seeds has a minimum attainable p-value of 1, and no unit.
    """

    seeds: int
    runs: int
    units: tuple[Unit | None, ...]
    min_attainable_p: tuple[float, ...]
    minimum_detectable_effect: tuple[float | None, ...]


@dataclass(frozen=True)
class DegreesOfFreedom:
    """Degrees of freedom of all runs: in total, of the seeds, of every tested term, and of the residuals."""

    total: int
    seeds: int
    terms: Mapping[str, int]
    residual: int


@dataclass(frozen=True)
class RunDeviation:
    """The residual standard deviation of a run, without cell and seed effects, and the source of the number.

    `value` is in the unit of the response.
    """

    value: float
    source: str


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

    `effect_sizes` are those of the tests' power, in residual standard deviations of a run. `not_estimable` names the
    hypotheses that the design cannot test, and `caveat` says what the design's effects cannot show.
    `whole_seeds_from` is the number of seeds from which all tests permute whole seeds instead of single runs; None if
    the number of seeds makes no such difference. `obstacle` says why the study cannot reject any hypothesis, None if it
    can, and `remedies` lists changes that would help. `digest` is the digest of the preregistered settings.
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
    whole_seeds_from: int | None
    sd: RunDeviation | None
    confounding: Confounding
    caveat: str
    obstacle: str | None
    remedies: tuple[str, ...]
    digest: str

    @property
    def runs(self) -> int:
        """Number of runs."""
        return len(self.cells) * len(self.seeds)

    @property
    def first_step_level(self) -> float:
        """The level of the first step of Holm's procedure."""
        return self.alpha / max(1, len(self.tests))

    @property
    def refused(self) -> bool:
        """Whether `ablate run` refuses to start the study."""
        return self.obstacle is not None and not self.exploratory

    def to_json(self) -> dict[str, Any]:
        """Return the plan as plain values for JSON."""
        derived = {
            "runs": self.runs,
            "family": len(self.tests),
            "first_step_level": self.first_step_level,
            "refused": self.refused,
        }
        return asdict(self) | derived
