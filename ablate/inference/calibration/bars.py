"""What the verdicts must hold in simulation, and whether they did."""

from collections.abc import Mapping
from dataclasses import dataclass

from ablate.inference.calibration.layout import Layout
from ablate.inference.calibration.rates import Rate, Rates
from ablate.inference.calibration.scenario import Sizes
from ablate.inference.settings import InferenceSettings

COVERAGE_SLACK = 0.02
COVERED = ("no_effect", "one_cause", "pure_interaction")
"""Scenarios that hold to every assumption of the intervals."""
FOUND = 0.9
FOUND_RUNS, FOUND_SIZE = 144, 2.0
"""The runs (72 cells with 2 seeds) and the interaction, in standard deviations, from which on a pair must be found."""


@dataclass(frozen=True)
class Bar:
    """One thing that must hold: it is broken only where the rate's whole interval breaks it."""

    scenario: str
    wanted: str
    rate: Rate
    holds: bool


def bars(found: Mapping[str, Rates], layout: Layout, sizes: Sizes, settings: InferenceSettings) -> tuple[Bar, ...]:
    """Return the bars of the scenarios that were simulated, as far as they apply to this design and these sizes."""
    made: list[Bar] = []
    if (alarms := _of(found, "no_effect", "false_alarms")) is not None:
        wanted = f"false alarms in at most {_percent(settings.alpha)} of the studies"
        made.append(Bar("no_effect", wanted, alarms, alarms.low <= settings.alpha))
    enough = len(layout.cells) * layout.blocks >= FOUND_RUNS and sizes.interaction >= FOUND_SIZE
    if enough and (pairs := _of(found, "pure_interaction", "found")) is not None:
        wanted = f"the pair named as acting with each other in at least {_percent(FOUND)} of the studies"
        made.append(Bar("pure_interaction", wanted, pairs, pairs.high >= FOUND))
    least, most = 1 - settings.alpha - COVERAGE_SLACK, 1 - settings.alpha + COVERAGE_SLACK
    for name in COVERED:
        if (covered := _of(found, name, "coverage")) is not None:
            wanted = f"{_percent(least)} to {_percent(most)} of the intervals hold the true effect"
            made.append(Bar(name, wanted, covered, covered.low <= most and covered.high >= least))
    return tuple(made)


def _of(found: Mapping[str, Rates], scenario: str, name: str) -> Rate | None:
    rate: Rate | None = getattr(found[scenario], name) if scenario in found else None
    return rate


def _percent(share: float) -> str:
    return f"{100 * share:.3g} %"
