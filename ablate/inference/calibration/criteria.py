"""The criteria that a calibration must meet, and the JSON of its results."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from ablate.core.plain import plain
from ablate.inference.calibration.campaign import Campaign
from ablate.inference.calibration.rates import Rate, Rates, rate_words

COVERAGE_SLACK = 0.02
COVERED = ("no_effect", "one_cause", "pure_interaction")  # they meet every assumption of the confidence intervals
POWER = 0.9
POWERFUL_RUNS, POWERFUL_SIZE = 144, 2.0  # runs; SD of the interaction: then a pair must be found
FEWEST_SEEDS = 6  # no interaction gets a verdict with fewer


@dataclass(frozen=True)
class Criterion:
    """A limit on the rate of one scenario; it is violated only if the rate's whole confidence interval violates it."""

    scenario: str
    demand: str
    rate: Rate
    holds: bool

    def sentence(self, title: str) -> str:
        """Return whether the criterion holds, what it demands, and what was found; `title` is its scenario's."""
        share, interval = rate_words(self.rate)
        return f"{'holds' if self.holds else 'VIOLATED'}: {title}: {self.demand}; found {share} ({interval})"


def criteria(results: Mapping[str, Rates], campaign: Campaign) -> tuple[Criterion, ...]:
    """Return the criteria that apply to the simulated scenarios, this design and these sizes."""
    return (*_familywise(results, campaign), *_power(results, campaign), *_coverage(results, campaign))


def results_json(campaign: Campaign, results: Mapping[str, Rates], checked: Sequence[Criterion]) -> dict[str, Any]:
    """Return the simulated design, the settings, all rates and criteria as plain values; None is not counted."""
    layout = campaign.layout
    return {
        "design": {
            "factors": {factor.path: list(factor.levels) for factor in layout.factors},
            "cells": len(layout.cells),
            "seeds": layout.blocks,
        },
        "sizes": asdict(campaign.sizes),
        "settings": plain(campaign.settings.model_dump()),
        "seed": campaign.seed,
        "scenarios": {name: asdict(rates) for name, rates in results.items()},
        "criteria": [asdict(criterion) for criterion in checked],
    }


def _familywise(results: Mapping[str, Rates], campaign: Campaign) -> Iterator[Criterion]:
    rate, alpha = _rate(results, "no_effect", "false_alarms"), campaign.settings.alpha
    if rate is not None:
        demand = f"false alarms in at most {_percent(alpha)} of the studies"
        yield Criterion("no_effect", demand, rate, rate.low <= alpha)


def _power(results: Mapping[str, Rates], campaign: Campaign) -> Iterator[Criterion]:
    runs = len(campaign.layout.cells) * campaign.layout.blocks
    powerful = runs >= POWERFUL_RUNS and campaign.sizes.interaction >= POWERFUL_SIZE
    powerful = powerful and campaign.layout.blocks >= FEWEST_SEEDS
    rate = _rate(results, "pure_interaction", "detected")
    if powerful and rate is not None:
        demand = f"the pair is found in at least {_percent(POWER)} of the studies"
        yield Criterion("pure_interaction", demand, rate, rate.high >= POWER)


def _coverage(results: Mapping[str, Rates], campaign: Campaign) -> Iterator[Criterion]:
    nominal = 1 - campaign.settings.alpha
    least, most = nominal - COVERAGE_SLACK, nominal + COVERAGE_SLACK
    for name in COVERED:
        if (rate := _rate(results, name, "coverage")) is not None:
            demand = f"{_percent(least)} to {_percent(most)} of the intervals contain the true effect"
            yield Criterion(name, demand, rate, rate.low <= most and rate.high >= least)


def _rate(results: Mapping[str, Rates], scenario: str, name: str) -> Rate | None:
    rate: Rate | None = getattr(results[scenario], name) if scenario in results else None
    return rate


def _percent(share: float) -> str:
    return f"{100 * share:.3g} %"
