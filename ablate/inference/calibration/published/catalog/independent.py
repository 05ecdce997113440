"""Runs that share no seed: `--block none`."""

from dataclasses import replace
from typing import Any

from ablate.inference.calibration.published.limits import COVERED, false_at_most, found_at_least
from ablate.inference.calibration.published.losses import LostAtRandom
from ablate.inference.calibration.published.noises import DriftNoise, LogNormalNoise, NoisyLevel
from ablate.inference.calibration.published.planted import AdditiveEffects
from ablate.inference.calibration.published.runs import RandomSearchRuns
from ablate.inference.calibration.published.scenario import POWER_STUDIES, PublishedScenario

GROUP = "Runs that share no seed"
HELD = (*false_at_most(5, 7), COVERED)
SEARCH = RandomSearchRuns((2,) * 6, 60, None)
FIFTHS = RandomSearchRuns((5, 2, 2, 2), 60, None)


BASE = PublishedScenario(name="", group=GROUP, title="", runs=SEARCH, limits=HELD)


def _independent(name: str, title: str, **parts: Any) -> PublishedScenario:
    return replace(BASE, name=name, title=title, **parts)


def _power(rows: int, size: float, floor: float) -> PublishedScenario:
    return _independent(
        f"independent_found_{int(10 * size)}_in_{rows}",
        f"a cause of {size:g} SD in {rows} rows, main effects only",
        runs=RandomSearchRuns((2,) * 6, rows, None),
        effects=AdditiveEffects(((0, size),)),
        pairs=False,
        studies=POWER_STUDIES,
        limits=(*false_at_most(7), COVERED, found_at_least(floor)),
    )


SCENARIOS = (
    _independent("independent", "60 rows, six factors of 2 levels"),
    _independent("independent_mains", "the same, main effects only", pairs=False),
    _independent("independent_levels", "100 rows, 4x4x3x3 levels", runs=RandomSearchRuns((4, 4, 3, 3), 100, None)),
    _independent("independent_small", "24 rows, 2x2x2 levels", runs=RandomSearchRuns((2, 2, 2), 24, None)),
    _independent("independent_log_normal", "log-normal noise", noise=LogNormalNoise()),
    _independent("independent_drift", "noise that drifts over the runs (AR(1), 0.8)", noise=DriftNoise()),
    _independent("independent_missing", "20 % of the runs missing", losses=LostAtRandom(0.2)),
    _independent(
        "independent_noisy_level",
        "a level in a fifth of the rows is five times as noisy, main effects only",
        runs=FIFTHS,
        noise=NoisyLevel(5.0, level=4),
        pairs=False,
        limits=(*false_at_most(7), COVERED),
    ),
    _independent(
        "independent_noisy_level_pairs",
        "the same, with all pairs",
        runs=FIFTHS,
        noise=NoisyLevel(5.0, level=4),
        limits=(*false_at_most(7, 7), COVERED),
    ),
    _power(60, 1.0, 45),
    _power(60, 1.5, 86),
    _power(40, 3.0, 90),
)
