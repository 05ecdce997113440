"""Error and power over all looks of docs/sequential.md: `python -m benchmarks.sequential_looks [STUDIES] [SEED]`.

Every study has 12 seeds and looks from 6 seeds on, all pairs in the family, noise of standard deviation 1. Cells are
3x2x2x2, or one factor at a time of the same factors. 3,000 studies of every scenario take about five minutes on a core.
"""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from itertools import product

import numpy as np
from jaxtyping import Float, Int
from scipy import stats

from ablate.inference.factor_levels import FactorLevels
from ablate.inference.run_table import RunTable
from ablate.inference.settings import InferenceSettings, Looks
from ablate.planning.sequential_simulation import DesignSimulation

LOOKS = Looks(first=6, last=12)
COUNTS = (3, 2, 2, 2)
QUIET, LOUD = 0.1, 3.0  # standard deviation of the noise at the baseline, and of one-sided noise elsewhere
Responses = Float[np.ndarray, "seed cell"]
Cells = Int[np.ndarray, "cell factor"]
Change = Callable[[Responses, Cells, np.random.Generator], Responses]


@dataclass(frozen=True)
class LookScenario:
    """What is true of simulated studies: the size of one factor's effect, and what changes their responses."""

    title: str
    change: Change
    effect: float = 0.0
    factor: int = 0
    one_at_a_time: bool = False


def _steady(responses: Responses, cells: Cells, generator: np.random.Generator) -> Responses:  # noqa: ARG001  # no change
    return responses


def _swings(size: float) -> Change:
    """Return a change that gives the second factor an effect of this standard deviation over the seeds."""

    def change(responses: Responses, cells: Cells, generator: np.random.Generator) -> Responses:
        swung: np.ndarray = responses + size * generator.standard_normal((len(responses), 1)) * (cells[:, 1] - 0.5)
        return swung

    return change


def _noisy(responses: Responses, cells: Cells, generator: np.random.Generator) -> Responses:
    noisy: np.ndarray = responses + np.sqrt(8) * generator.standard_normal(responses.shape) * (cells[:, 0] == 1)
    return noisy


def _quiet(responses: Responses, cells: Cells, generator: np.random.Generator) -> Responses:
    loud = cells[:, 1] == 1 if len(cells) == np.prod(COUNTS) else cells.sum(axis=1) > 0
    one_sided: np.ndarray = QUIET * responses + LOUD * (generator.exponential(size=responses.shape) - 1) * loud
    return one_sided


def _lognormal(responses: Responses, cells: Cells, generator: np.random.Generator) -> Responses:  # noqa: ARG001  # of the noise alone
    skewed: np.ndarray = np.exp(responses)
    return skewed


SCENARIOS = (
    LookScenario("no effect", _steady),
    LookScenario("an effect that differs by seed, SD 0.5", _swings(0.5)),
    LookScenario("an effect that differs by seed, SD 1", _swings(1.0)),
    LookScenario("one level three times as noisy", _noisy),
    LookScenario("quiet baseline, one-sided noise at a level", _quiet),
    LookScenario("one at a time: quiet baseline, one-sided noise elsewhere", _quiet, one_at_a_time=True),
    LookScenario("log-normal noise", _lognormal),
    LookScenario("0.6 SD, factor of two levels", _steady, effect=0.6, factor=3),
    LookScenario("0.6 SD, one of three levels", _steady, effect=0.6),
    LookScenario("0.8 SD, while another factor swings by 1 SD", _swings(1.0), effect=0.8),
    LookScenario("one at a time, 1.5 SD", _steady, effect=1.5, one_at_a_time=True),
)


def simulation(*, one_at_a_time: bool) -> DesignSimulation:
    """Return the simulation of the layout."""
    cells = np.array(list(product(*map(range, COUNTS))))
    if one_at_a_time:
        cells = cells[(cells > 0).sum(axis=1) <= 1]
    factors = tuple(
        FactorLevels(name, name, tuple(map(str, range(count))), "0", ordered=False)
        for name, count in zip("abcd", COUNTS, strict=True)
    )
    seeds = LOOKS.last
    table = RunTable(
        factors,
        tuple(map(str, range(seeds))),
        np.tile(cells, (seeds, 1)),
        np.repeat(np.arange(seeds), len(cells)),
        np.zeros(seeds * len(cells)),
    )
    return DesignSimulation(table, InferenceSettings(interactions="all", looks=LOOKS), LOOKS)


def row(scenario: LookScenario, studies: int, seed: int) -> str:
    """Simulate a scenario, and return its row of the table in docs/sequential.md."""
    design = simulation(one_at_a_time=scenario.one_at_a_time)
    cells = design.table.levels[design.table.block == 0]
    generator = np.random.default_rng([seed, SCENARIOS.index(scenario)])
    hypotheses = [direction.hypothesis for direction in design.family.directions]
    is_true = np.array([bool(scenario.effect) and hypothesis.at == (scenario.factor,) for hypothesis in hypotheses])
    weights = design.contrasts[scenario.factor][1][0]
    false, seeds, estimates = 0, list[int](), list[float]()
    for _ in range(studies):
        responses = generator.standard_normal((LOOKS.last, len(cells)))
        responses += scenario.effect * (cells[:, scenario.factor] == 1)
        responses = scenario.change(responses, cells, generator)
        sequence = design.sequence(responses)
        named_at = LOOKS.first + sequence.naming(0.05).named_at
        is_named = named_at <= LOOKS.last
        false += bool((is_named & ~is_true).any())
        if (is_named & is_true).any():
            seeds.append(int(named_at[is_true][0]))
            estimates.append(float((responses[: seeds[-1]] @ weights).mean()))
    low, high = stats.binomtest(false, studies).proportion_ci(method="exact")
    named, when, over = (
        (
            f"{100 * len(seeds) / studies:.1f}",
            f"{np.mean(seeds):.1f}",
            f"{np.mean(estimates) - scenario.effect:+.2f} SD",
        )
        if seeds
        else ("", "", "")
    )
    rate = f"{100 * false / studies:.1f} ({100 * low:.1f}-{100 * high:.1f})"
    return f"| {scenario.title} | {rate} | {named} | {when} | {over} |"


def main() -> None:
    """Print the table."""
    studies, seed, *_ = [*(int(number) for number in sys.argv[1:]), *(3_000, 1)[len(sys.argv) - 1 :]]
    print("| studies | false over all looks, % | found, % | in seeds | overstated |")  # noqa: T201  # its output
    print("|---|---|---|---|---|")  # noqa: T201  # as above
    for scenario in SCENARIOS:
        print(row(scenario, studies, seed), flush=True)  # noqa: T201  # as above


if __name__ == "__main__":
    main()
