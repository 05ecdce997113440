"""Tables whose cells nobody planned: random searches with shared seeds."""

from dataclasses import replace
from typing import Any

from ablate.inference.calibration.published.limits import EXACT_MAINS, Limit, false_at_most, found_at_least
from ablate.inference.calibration.published.losses import LostAtRandom
from ablate.inference.calibration.published.noises import DriftNoise, LogNormalNoise, NoisyLevel
from ablate.inference.calibration.published.planted import AdditiveEffects, SwingingEffects
from ablate.inference.calibration.published.runs import RandomSearchRuns
from ablate.inference.calibration.published.scenario import POWER_STUDIES, PublishedScenario

GROUP = "Random searches with shared seeds"
PAIRS = "With all pairs in a table of few runs, errors occur in up to 7 % of tables."

SIX = (2,) * 6
SEARCH = RandomSearchRuns(SIX, 60, 20)
COVERED = EXACT_MAINS[-1]


WITH_PAIRS = PublishedScenario(name="", group=GROUP, title="", runs=SEARCH, limits=EXACT_MAINS, weak_spot=PAIRS)
MAINS = replace(WITH_PAIRS, limits=(*false_at_most(5), COVERED), pairs=False, weak_spot="")


def _search(name: str, title: str, *, pairs: bool = True, **parts: Any) -> PublishedScenario:
    return replace(WITH_PAIRS if pairs else MAINS, name=name, title=title, **parts)


def _power(size: float, floor: float) -> PublishedScenario:
    return _search(
        f"search_found_{int(10 * size)}",
        f"a cause of {size:g} SD, main effects only",
        effects=AdditiveEffects(((0, size),)),
        pairs=False,
        studies=POWER_STUDIES,
        limits=(*false_at_most(5), COVERED, found_at_least(floor)),
    )


SCENARIOS = (
    _search("search", "60 rows, six factors of 2 levels, 20 seeds"),
    _search("search_mains", "the same, main effects only", pairs=False),
    _search("search_30_seeds", "the same rows, 30 seeds", runs=RandomSearchRuns(SIX, 60, 30)),
    _search("search_levels", "100 rows, 4x4x3x3 levels, 10 seeds", runs=RandomSearchRuns((4, 4, 3, 3), 100, 10)),
    _search("search_25_seeds", "60 rows, 3x2x2x2 levels, 25 seeds", runs=RandomSearchRuns((3, 2, 2, 2), 60, 25)),
    _search("search_two_factors", "120 rows, 6x2 levels, 12 seeds", runs=RandomSearchRuns((6, 2), 120, 12)),
    _search("search_120_rows", "120 rows, six factors of 2 levels, 20 seeds", runs=RandomSearchRuns(SIX, 120, 20)),
    _search("search_drift", "noise that drifts over the runs (AR(1), 0.8)", noise=DriftNoise(), pairs=False),
    _search("search_noisy_level", "one level three times as noisy", noise=NoisyLevel(3.0), pairs=False),
    _search("search_log_normal", "log-normal noise", noise=LogNormalNoise(), pairs=False),
    _search("search_missing", "10 % of the runs missing", losses=LostAtRandom(0.1), pairs=False),
    _search(
        "search_ordered",
        "100 rows, ordered factors of 4, 4, 3, 3 levels, 10 seeds",
        runs=RandomSearchRuns((4, 4, 3, 3), 100, 10, ordered=True),
    ),
    _search(
        "search_swings",
        "every effect differs between seeds (SD 1), 0 on average",
        effects=SwingingEffects(tuple((factor, 1.0) for factor in range(6))),
        pairs=False,
    ),
    _search("search_beside_causes", "two causes of 3 SD", effects=AdditiveEffects(((0, 3.0), (1, 3.0)))),
    _power(1.0, 51),
    _power(1.5, 88),
    _search(
        "search_found_with_pairs",
        "a cause of 1.5 SD, with all pairs",
        effects=AdditiveEffects(((0, 1.5),)),
        studies=POWER_STUDIES,
    ),
    _search(
        "search_too_small_for_pairs",
        "36 rows, six factors of 2 levels, 12 seeds: pairs are not asked",
        runs=RandomSearchRuns(SIX, 36, 12),
        limits=(*false_at_most(5), Limit("false_pairs", most=0.0), COVERED),
        weak_spot="",
    ),
)
