"""Studies that grow seed by seed: planned looks, and looks that nobody planned."""

from dataclasses import replace
from typing import Any

from ablate.inference.calibration.published.limits import Limit, cleared_at_most, found_at_least
from ablate.inference.calibration.published.losses import LostAtRandom
from ablate.inference.calibration.published.noises import NoisyLevel
from ablate.inference.calibration.published.planted import AdditiveEffects, SwingingEffects
from ablate.inference.calibration.published.runs import CrossedRuns, OneAtATimeRuns
from ablate.inference.calibration.published.scenario import POWER_STUDIES, GrowingStudy, PublishedScenario

GROUP = "Studies that stop when they know"
UNPLANNED = "GrowingStudy that nobody planned: the verdict is exploratory, and its error rate is not 5 %."
PLANNED = GrowingStudy(6, 12)
LARGE = CrossedRuns((3, 2, 2, 2), 12)
STEPWISE = OneAtATimeRuns((3, 2, 2, 2), 12)
MARGIN = 0.75
HELD = (Limit("false_alarms", most=0.05),)


BASE = PublishedScenario(name="", group=GROUP, title="", runs=LARGE, limits=HELD, growth=PLANNED, margin=MARGIN)


def _planned(name: str, title: str, **parts: Any) -> PublishedScenario:
    return replace(BASE, name=f"looks_{name}", title=title, **parts)


SCENARIOS = (
    _planned("null", "no effect, 3x2x2x2 cells, 6 to 12 seeds"),
    _planned("one_at_a_time", "no effect, one at a time", runs=STEPWISE),
    _planned("missing", "no effect, 10 % missing", losses=LostAtRandom(0.1)),
    _planned("noisy_level", "no effect, one level three times as noisy", noise=NoisyLevel(3.0)),
    _planned(
        "swings",
        "every effect differs between seeds (SD 1), 0 on average",
        effects=SwingingEffects(tuple((factor, 1.0) for factor in range(4))),
    ),
    _planned(
        "at_margin",
        "an effect of exactly the margin",
        effects=AdditiveEffects(((3, MARGIN),), margin=MARGIN),
        limits=(*HELD, cleared_at_most(5)),
    ),
    _planned(
        "found",
        "a cause of 0.6 SD",
        effects=AdditiveEffects(((3, 0.6),)),
        margin=None,
        studies=POWER_STUDIES,
        limits=(*HELD, found_at_least(94.9)),
    ),
    _planned(
        "found_beside_swing",
        "a cause of 0.8 SD beside a factor that swings (SD 1)",
        effects=SwingingEffects(((0, 1.0),), additive=AdditiveEffects(((3, 0.8),))),
        margin=None,
        studies=POWER_STUDIES,
        limits=(*HELD, found_at_least(98.9)),
    ),
    _planned(
        "found_one_at_a_time",
        "a cause of 1.5 SD, one at a time",
        runs=STEPWISE,
        effects=AdditiveEffects(((3, 1.5),)),
        margin=None,
        studies=POWER_STUDIES,
        limits=(*HELD, found_at_least(72.7)),
    ),
    PublishedScenario(
        name="until_named",
        group=GROUP,
        title="no effect, 2x2x2 cells: seeds added from 4 to 12 until something is named",
        runs=CrossedRuns((2, 2, 2), 12),
        limits=(),
        growth=GrowingStudy(4, 12, is_planned=False),
        weak_spot=UNPLANNED,
    ),
)
