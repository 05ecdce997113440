"""Designed tables with six seeds or more, lost runs included."""

from dataclasses import replace
from typing import Any

from ablate.inference.calibration.published.limits import EXACT, Limit, false_at_most, found_at_least
from ablate.inference.calibration.published.losses import LostAtRandom, LowestDiverge, SeedWithoutLevel
from ablate.inference.calibration.published.noises import (
    DriftNoise,
    LogNormalNoise,
    NoisyLevel,
    OutlierNoise,
    QuietBaseline,
    RepeatedSeeds,
    StudentNoise,
)
from ablate.inference.calibration.published.planted import AdditiveEffects, MultipliedEffects, SwingingEffects
from ablate.inference.calibration.published.runs import (
    ConditionalRuns,
    CrossedRuns,
    DOptimalRuns,
    HalfFractionRuns,
    OneAtATimeRuns,
)
from ablate.inference.calibration.published.scenario import POWER_STUDIES, PublishedScenario

ERRORS = "Designed tables: errors"
POWER = "Designed tables: power"
QUIET = (
    "The baseline hardly varies and the noise of the other cells is one-sided: errors occur in up to 9 % of tables, "
    "with or without missing runs."
)

SMALL = CrossedRuns((2, 2, 2), 8)
LARGE = CrossedRuns((3, 2, 2, 2), 8)
STEPWISE = OneAtATimeRuns((3, 2, 2, 2), 10)
STRONG = AdditiveEffects(((0, 3.0), (3, 3.0)))
CAUSE = AdditiveEffects(((3, 0.6),))
STEPWISE_CAUSE = AdditiveEffects(((3, 1.5),))


NULL = PublishedScenario(name="", group=ERRORS, title="", runs=LARGE, limits=EXACT)
CAUSED = PublishedScenario(
    name="", group=POWER, title="", runs=LARGE, limits=EXACT, effects=CAUSE, studies=POWER_STUDIES
)


def _null(name: str, title: str, **parts: Any) -> PublishedScenario:
    return replace(NULL, name=name, title=title, **parts)


def _power(name: str, title: str, **parts: Any) -> PublishedScenario:
    return replace(CAUSED, name=name, title=title, **parts)


SCENARIOS = (
    _null("designed", "3x2x2x2 cells, 8 seeds"),
    _null("designed_small", "2x2x2 cells, 8 seeds", runs=SMALL),
    _null("designed_six_seeds", "2x2x2 cells, 6 seeds", runs=CrossedRuns((2, 2, 2), 6)),
    _null("two_by_two", "2x2 cells, 30 seeds", runs=CrossedRuns((2, 2), 30)),
    _null("one_at_a_time", "one factor at a time, 3, 2, 2, 2 levels, 10 seeds", runs=STEPWISE),
    _null("missing_10", "10 % of the runs missing", losses=LostAtRandom(0.1)),
    _null("missing_30", "30 % of the runs missing", losses=LostAtRandom(0.3)),
    _null("one_at_a_time_missing", "one at a time, 10 % missing", runs=STEPWISE, losses=LostAtRandom(0.1)),
    _null("seed_without_level", "one seed has no run of a level", losses=SeedWithoutLevel()),
    _null(
        "d_optimal",
        "40 of 72 D-optimal cells for all pairs, 8 seeds",
        runs=DOptimalRuns((3, 3, 2, 2, 2), 40, 8, "all"),
    ),
    _null(
        "d_optimal_mains",
        "16 of 72 D-optimal cells for main effects, 8 seeds",
        runs=DOptimalRuns((3, 3, 2, 2, 2), 16, 8),
    ),
    _null("half_fraction", "16 of 32 cells (resolution V), 8 seeds", runs=HalfFractionRuns((2,) * 5, 8)),
    _null("ordered", "ordered factors, 4x3x2 cells, 8 seeds", runs=CrossedRuns((4, 3, 2), 8, ordered=True)),
    _null("conditional", "a conditional factor, 6 cells, 10 seeds", runs=ConditionalRuns(10)),
    _null("drift", "noise that drifts over the runs (AR(1), 0.8)", noise=DriftNoise()),
    _null("log_normal", "log-normal noise", noise=LogNormalNoise()),
    _null("heavy_tails", "noise of Student's t, 3 degrees of freedom", noise=StudentNoise()),
    _null("outliers", "5 % outliers, ten times as large", noise=OutlierNoise()),
    _null("zeros", "half of the responses are exactly 0", scale="zeros"),
    _null("beta", "responses in (0, 1), beta with mode 0", scale="beta"),
    _null("far_from_zero", "responses near 1e9, which differ by 1", runs=SMALL, scale="far_from_zero"),
    _null("beside_causes", "two causes of 3 SD beside idle factors", effects=STRONG),
    _null(
        "multiplicative",
        "two causes that multiply",
        effects=MultipliedEffects(((0, 1.0), (3, 1.0))),
        scale="exponential",
        limits=false_at_most(5, 5),
    ),
    _null(
        "swings",
        "every effect differs between seeds (SD 1), 0 on average",
        effects=SwingingEffects(tuple((factor, 1.0) for factor in range(4))),
    ),
    _null(
        "noisy_level",
        "one level three times as noisy, 3x2x2x2 cells",
        noise=NoisyLevel(3.0),
        limits=(*false_at_most(7, 7), EXACT[-1]),
    ),
    _null(
        "noisy_level_missing",
        "the same, 10 % missing",
        noise=NoisyLevel(3.0),
        losses=LostAtRandom(0.1),
        limits=(*false_at_most(9, 9), EXACT[-1]),
    ),
    _null(
        "quiet_baseline",
        "quiet baseline, one-sided noise elsewhere, one at a time",
        runs=STEPWISE,
        noise=QuietBaseline(),
        limits=(*false_at_most(7, 7), EXACT[-1]),
        weak_spot=QUIET,
    ),
    _null(
        "quiet_baseline_missing",
        "the same, 10 % missing",
        runs=STEPWISE,
        noise=QuietBaseline(),
        losses=LostAtRandom(0.1),
        limits=(*false_at_most(9, 9), EXACT[-1]),
        weak_spot=QUIET,
    ),
    _null(
        "equal_copies",
        "training ignores its seed: ten equal copies of each run",
        runs=CrossedRuns((2, 2, 2), 10),
        noise=RepeatedSeeds(1),
        limits=false_at_most(5, 5),
        may_refuse=True,
    ),
    _null(
        "seeds_twice",
        "five seeds given twice under new names",
        runs=CrossedRuns((2, 2, 2), 10),
        noise=RepeatedSeeds(5),
        limits=(Limit("false_causes", most=0.05),),
        may_refuse=True,
    ),
    *(
        _null(
            f"lost_by_response_{share}",
            f"the lowest {share} % of a level diverge",
            runs=CrossedRuns((2, 2, 2), 10),
            losses=LowestDiverge(share / 100),
            limits=false_at_most(5),
        )
        for share in (20, 40)
    ),
    _power("found", "0.6 SD, 3x2x2x2 cells, 8 seeds", limits=(*EXACT, found_at_least(84))),
    _power(
        "found_missing",
        "the same, 10 % missing",
        losses=LostAtRandom(0.1),
        limits=(*EXACT, found_at_least(79)),
    ),
    _power(
        "found_nine",
        "0.6 SD, 9 seeds",
        runs=CrossedRuns((3, 2, 2, 2), 9),
    ),
    _power(
        "found_twelve",
        "0.6 SD, 12 seeds",
        runs=CrossedRuns((3, 2, 2, 2), 12),
        limits=(*EXACT, found_at_least(97.8)),
    ),
    _power(
        "found_one_at_a_time",
        "one at a time, 1.5 SD, 12 seeds",
        runs=OneAtATimeRuns((3, 2, 2, 2), 12),
        effects=STEPWISE_CAUSE,
        limits=(*EXACT, found_at_least(81.1)),
    ),
    _power(
        "found_one_at_a_time_seven",
        "one at a time, 2 SD, 7 seeds",
        runs=OneAtATimeRuns((3, 2, 2, 2), 7),
        effects=AdditiveEffects(((3, 2.0),)),
    ),
    *(
        _power(
            f"found_beside_swing_{int(10 * swing):02}",
            f"0.6 SD, 12 seeds, beside a factor that swings with SD {swing:g}",
            runs=CrossedRuns((3, 2, 2, 2), 12),
            effects=SwingingEffects(((0, swing),), additive=CAUSE),
            limits=(*EXACT, found_at_least(floor)),
            draws_of="found_beside_swing",
        )
        for swing, floor in ((0.0, 98), (0.5, 96), (1.0, 90), (2.0, 83))
    ),
)
