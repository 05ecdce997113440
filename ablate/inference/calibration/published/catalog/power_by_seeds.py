"""Power as seeds are added, 3 to 14, in three layouts; all numbers of seeds share their draws."""

from ablate.inference.calibration.published.planted import AdditiveEffects
from ablate.inference.calibration.published.runs import CrossedRuns, OneAtATimeRuns, RunChoice
from ablate.inference.calibration.published.scenario import POWER_STUDIES, PublishedScenario

GROUP = "Power by number of seeds"
FEWEST, MOST = 3, 14
FEWEST_RISING = 6  # from here on, one more seed must not lower the power

LAYOUTS: dict[str, tuple[str, type[CrossedRuns] | type[OneAtATimeRuns], tuple[int, ...], float]] = {
    "crossed": ("0.6 SD, 3x2x2x2 cells", CrossedRuns, (3, 2, 2, 2), 0.6),
    "small": ("0.8 SD, 2x2x2 cells", CrossedRuns, (2, 2, 2), 0.8),
    "one_at_a_time": ("1.5 SD, one at a time (3, 2, 2, 2)", OneAtATimeRuns, (3, 2, 2, 2), 1.5),
}


def curve_name(layout: str, seeds: int) -> str:
    """Return the name of the scenario of a layout with this many seeds."""
    return f"power_{layout}_{seeds:02}"


def _scenario(layout: str, seeds: int) -> PublishedScenario:
    title, kind, levels, size = LAYOUTS[layout]
    runs: RunChoice = kind(levels, MOST)
    return PublishedScenario(
        name=curve_name(layout, seeds),
        group=GROUP,
        title=f"{title}, {seeds} seeds",
        runs=runs,
        effects=AdditiveEffects(((len(levels) - 1, size),)),
        limits=(),
        studies=POWER_STUDIES,
        draws_of=f"power_{layout}",
        analyzed_seeds=seeds,
    )


SCENARIOS = tuple(_scenario(layout, seeds) for layout in LAYOUTS for seeds in range(FEWEST, MOST + 1))
