"""A plan as plain values: what a study will run, what it tests, and how large an effect it can find."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

from ablate.inference.factor_levels import FactorLevels
from ablate.inference.inference import Unit


@dataclass(frozen=True)
class PlannedTest:
    """A hypothesis of the study's family: a main effect (one factor) or an interaction (two).

    `how`, `unit`, `sets` and `smallest` are those of inference's Hypothesis. `smallest_adjusted` is the least Holm
    adjusted p that can be reached, where every other hypothesis has its least p too. `level` is the largest level up to
    alpha over the family's size that the test reaches; `numerator` and `denominator` are the degrees of freedom of its
    F test. `power` is the chance of a rejection for each of the plan's effects, `detectable` the effect found with a
    chance of 80 %, None where none is. An effect is the difference of two levels (main effect) or the change of such a
    difference (interaction), in standard deviations of a run about its cell and seed.
    """

    factors: tuple[str, ...]
    title: str
    how: Literal["matched", "linear"]
    unit: Unit
    sets: int
    smallest: float
    smallest_adjusted: float
    level: float
    numerator: int
    denominator: float
    detectable: float | None
    power: tuple[float, ...]


@dataclass(frozen=True)
class WithSeeds:
    """What another number of seeds would give: unit, smallest p and detectable effect of the plan's tests, in order.

    A test that the design does not allow with so few seeds has a smallest p of 1, and no unit.
    """

    seeds: int
    runs: int
    units: tuple[Unit | None, ...]
    smallest: tuple[float, ...]
    detectable: tuple[float | None, ...]


@dataclass(frozen=True)
class Freedom:
    """Degrees of freedom of all runs: those of seeds, of every tested term, and what is left."""

    total: int
    seeds: int
    terms: Mapping[str, int]
    residual: int


@dataclass(frozen=True)
class Spread:
    """The standard deviation of a run about its cell and seed, in the response's unit, and where it is from."""

    value: float
    source: str


@dataclass(frozen=True)
class Confounding:
    """What the design tells apart, and what it mixes up.

    `d_efficiency` is that of the model of all that is tested, in [0, 1]. `aliases` are sentences, strongest first.
    `terms` names the rows and columns of `correlations`: the largest correlation between any contrasts of two terms
    over the cells, in [0, 1].
    """

    d_efficiency: float
    aliases: tuple[str, ...]
    terms: tuple[str, ...]
    correlations: tuple[tuple[float, ...], ...]


@dataclass(frozen=True)
class Plan:
    """What a study can show. `cells` holds the position of every factor's level.

    `effects` are those of the tests' power, in standard deviations; `not_shown` names the hypotheses that the design
    cannot test, `caveat` says what its effects do not. From `takeover` seeds on, whole seeds are the unit of all tests,
    and with fewer they are not; None where no number of seeds makes that difference. `obstacle` says why the study
    cannot reject anything, None where it can, and `remedies` what would help. `digest` is that of the part that is
    frozen when the study starts.
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
    freedom: Freedom
    tests: tuple[PlannedTest, ...]
    not_shown: tuple[str, ...]
    effects: tuple[float, ...]
    with_seeds: tuple[WithSeeds, ...]
    takeover: int | None
    sd: Spread | None
    confounding: Confounding
    caveat: str
    obstacle: str | None
    remedies: tuple[str, ...]
    digest: str

    @property
    def runs(self) -> int:
        """How many runs there are."""
        return len(self.cells) * len(self.seeds)

    @property
    def first_step(self) -> float:
        """The level of the first step of Holm's procedure."""
        return self.alpha / max(1, len(self.tests))

    @property
    def refused(self) -> bool:
        """Whether `ablate run` will not start the study."""
        return self.obstacle is not None and not self.exploratory

    def to_json(self) -> dict[str, Any]:
        """Return the plan as JSON's plain values."""
        counts = {"runs": self.runs, "family": len(self.tests), "first_step": self.first_step, "refused": self.refused}
        return asdict(self) | counts
