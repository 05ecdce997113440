"""Factors that must not be called "not a cause"."""

from ablate.inference.calibration.published.limits import Limit, cleared_at_most
from ablate.inference.calibration.published.planted import (
    AdditiveEffects,
    CrossedPair,
    Effects,
    NoEffects,
    OneContext,
    ThreeFactorXOR,
)
from ablate.inference.calibration.published.runs import CrossedRuns, OneAtATimeRuns, RandomSearchRuns, RunChoice
from ablate.inference.calibration.published.scenario import POWER_STUDIES, PublishedScenario

GROUP = 'Wrongly "not a cause"'
WEAK = "An effect in a single context among many can be missed below 12 seeds, most of all with a wide margin."
SHIFT = 2.0
CONTEXTS = {6: (2, 3, 2), 8: (2, 2, 2, 2)}


def _clearing(  # the table, its truth, and its limits
    name: str, title: str, runs: RunChoice, effects: Effects, margin: float, *limits: Limit, weak_spot: str = ""
) -> PublishedScenario:
    return PublishedScenario(
        name=name,
        group=GROUP,
        title=title,
        runs=runs,
        effects=effects,
        margin=margin,
        limits=limits,
        weak_spot=weak_spot,
    )


def _one_context(contexts: int, seeds: int, margin: float, most: float) -> PublishedScenario:
    return _clearing(
        f"context_{contexts}_seeds_{seeds}_margin_{round(100 * margin)}",
        f"2 SD in one of {contexts} contexts, margin {margin:g} SD, {seeds} seeds",
        CrossedRuns(CONTEXTS[contexts], seeds),
        OneContext(SHIFT),
        margin,
        cleared_at_most(most),
        weak_spot=WEAK,
    )


SCENARIOS = (
    *(
        _clearing(
            f"xor_{seeds}",
            f"XOR of three factors (swing 4 SD), margin 0.5 SD, 2x2x2 cells, {seeds} seeds",
            CrossedRuns((2, 2, 2), seeds),
            ThreeFactorXOR(4.0),
            0.5,
            cleared_at_most(5),
        )
        for seeds in (6, 12)
    ),
    _clearing(
        "xor_beside_others",
        "the same beside a factor of 3 levels, 12 seeds",
        CrossedRuns((2, 2, 2, 3), 12),
        ThreeFactorXOR(4.0),
        0.5,
        cleared_at_most(5),
    ),
    _clearing(
        "xor_three_seeds",
        "the same without it, 3 seeds: nothing is cleared below six seeds",
        CrossedRuns((2, 2, 2), 3),
        ThreeFactorXOR(4.0),
        0.5,
        cleared_at_most(0),
    ),
    _clearing(
        "xor_search",
        "XOR of three of six factors, random search of 120 rows, 20 seeds",
        RandomSearchRuns((2,) * 6, 120, 20),
        ThreeFactorXOR(4.0),
        1.0,
        cleared_at_most(5),
    ),
    *(_one_context(6, seeds, 0.5, most) for seeds, most in ((6, 5.0), (8, 5.0), (12, 5.0))),
    *(_one_context(6, seeds, 0.75, most) for seeds, most in ((6, 17.7), (8, 7.6), (12, 5.0))),
    *(_one_context(8, seeds, 0.75, most) for seeds, most in ((6, 27.0), (8, 10.0), (12, 5.0))),
    *(
        _clearing(
            f"at_margin_{name}",
            f"an effect of exactly the margin (0.5 SD), {title}",
            runs,
            AdditiveEffects(((len(runs.levels) - 1, 0.5),), margin=0.5),
            0.5,
            cleared_at_most(5),
        )
        for name, title, runs in (
            ("crossed", "3x2x2x2 cells, 8 seeds", CrossedRuns((3, 2, 2, 2), 8)),
            ("one_at_a_time", "one at a time, 12 seeds", OneAtATimeRuns((3, 2, 2, 2), 12)),
            ("search", "120 rows, six factors, 20 seeds", RandomSearchRuns((2,) * 6, 120, 20)),
            ("independent", "200 rows that share no seed", RandomSearchRuns((2,) * 4, 200, None)),
        )
    ),
    _clearing(
        "pair_crossed",
        "two factors that act only together (1 SD), 2x2x2 cells, 8 seeds",
        CrossedRuns((2, 2, 2), 8),
        CrossedPair(1.0),
        0.5,
        cleared_at_most(5),
    ),
    PublishedScenario(
        name="cleared_idle",
        group=GROUP,
        title="idle factors, margin 0.5 SD, 3x2x2x2 cells, 12 seeds (how many stay undecided)",
        runs=CrossedRuns((3, 2, 2, 2), 12),
        effects=NoEffects(),
        margin=0.5,
        limits=(Limit("false_alarms", most=0.05),),
        studies=POWER_STUDIES,
    ),
)
