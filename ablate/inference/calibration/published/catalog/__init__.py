"""All scenarios of the published calibration, in the order of the groups in docs/calibration.md."""

from itertools import chain

from ablate.inference.calibration.published.catalog import (
    clearing,
    designed,
    few_seeds,
    growing,
    independent,
    power_by_seeds,
    unplanned,
)
from ablate.inference.calibration.published.scenario import PublishedScenario

PUBLISHED: dict[str, PublishedScenario] = {
    scenario.name: scenario
    for scenario in chain(
        designed.SCENARIOS,
        unplanned.SCENARIOS,
        independent.SCENARIOS,
        few_seeds.SCENARIOS,
        clearing.SCENARIOS,
        growing.SCENARIOS,
        power_by_seeds.SCENARIOS,
    )
}
