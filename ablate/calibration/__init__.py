"""How far the verdicts may be believed: studies whose truth is known are simulated, inferred from, and judged.

SCENARIOS are what can be planted. A new one is one file and one line here.
"""

from ablate.calibration.diverging_level import DivergingLevel
from ablate.calibration.effect_at_margin import EffectAtMargin
from ablate.calibration.few_seeds import FewSeeds
from ablate.calibration.heavy_tails import HeavyTails
from ablate.calibration.missing_runs import MissingRuns
from ablate.calibration.no_effect import NoEffect
from ablate.calibration.one_cause import OneCause
from ablate.calibration.pure_interaction import PureInteraction
from ablate.calibration.scenario import Scenario
from ablate.calibration.seed_dependent import SeedDependent
from ablate.calibration.skewed import Skewed
from ablate.calibration.unequal_variances import UnequalVariances

SCENARIOS: dict[str, Scenario] = {
    scenario.name: scenario
    for scenario in (
        NoEffect(),
        OneCause(),
        PureInteraction(),
        EffectAtMargin(),
        HeavyTails(),
        Skewed(),
        UnequalVariances(),
        MissingRuns(),
        DivergingLevel(),
        FewSeeds(),
        SeedDependent(),
    )
}

__all__ = ["SCENARIOS", "Scenario"]
