"""The rates of all published scenarios, whether each holds its limits, and their JSON."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any

from ablate.inference.calibration.judge import Judgment
from ablate.inference.calibration.published.catalog import power_by_seeds
from ablate.inference.calibration.published.limits import Limit
from ablate.inference.calibration.published.scenario import PublishedScenario
from ablate.inference.calibration.rates import Rate, Rates, rates

RERUN_SEED = 1_000_000  # added to the base seed, so that a second run shares no draw with any first one
RERUN_TIMES = 4  # studies of a second run over those of the first
FORMAT = "published calibration"


@dataclass(frozen=True)
class ScenarioResult:
    """The rates of one scenario, and those of a second run with new draws if the first violated a limit."""

    scenario: PublishedScenario
    first: Rates
    rerun: Rates | None = None

    @property
    def rates(self) -> Rates:
        """The rates that count."""
        return self.rerun or self.first

    @property
    def violated(self) -> tuple[Limit, ...]:
        """The limits that the rates violate."""
        return violated_limits(self.scenario, self.rates)


def violated_limits(scenario: PublishedScenario, simulated: Rates) -> tuple[Limit, ...]:
    """Return the limits of a scenario that its rates violate; a rate that counts nothing violates none."""
    with_rates = ((limit, rate_of(simulated, limit)) for limit in scenario.limits)
    return tuple(limit for limit, rate in with_rates if rate is not None and not limit.is_held(rate))


def rate_of(simulated: Rates, limit: Limit) -> Rate | None:
    """Return the rate that a limit is about."""
    rate: Rate | None = getattr(simulated, limit.rate)
    return rate


def scenario_rates(scenario: PublishedScenario, judged: Mapping[int, Judgment], studies: int) -> Rates | None:
    """Return the rates over the judged studies up to a number of them, in their order; None if there are none."""
    outcomes = [judged[number] for number in sorted(judged) if number < studies]
    return rates(scenario.name, outcomes) if outcomes else None


def falling_power(results: Mapping[str, ScenarioResult]) -> list[str]:
    """Return a sentence for each layout whose power falls, beyond chance, as a seed is added from six on."""
    sentences = []
    for layout, (title, *_) in power_by_seeds.LAYOUTS.items():
        powers = [
            (seeds, result.rates.detected)
            for seeds in range(power_by_seeds.FEWEST_RISING, power_by_seeds.MOST + 1)
            if (result := results.get(power_by_seeds.curve_name(layout, seeds))) and result.rates.detected
        ]
        sentences += [
            f"VIOLATED: {title}: power falls from {100 * less.share:.1f} to {100 * more.share:.1f} % with {seeds} seeds"
            for (_, less), (seeds, more) in pairwise(powers)
            if more.high < less.low
        ]
    return sentences


def published_json(results: Sequence[ScenarioResult], seed: int, draws: int) -> dict[str, Any]:
    """Return all rates and limits as plain values."""
    return {
        "format": FORMAT,
        "seed": seed,
        "draws": draws,
        "scenarios": [
            {
                "name": result.scenario.name,
                "group": result.scenario.group,
                "title": result.scenario.title,
                "weak_spot": result.scenario.weak_spot,
                "limits": [asdict(limit) for limit in result.scenario.limits],
                "rates": asdict(result.first),
                "rerun": asdict(result.rerun) if result.rerun else None,
                "holds": not result.violated,
            }
            for result in results
        ],
        "falling_power": falling_power({result.scenario.name: result for result in results}),
    }
