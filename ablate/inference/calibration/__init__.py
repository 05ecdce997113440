"""How far the verdicts may be believed: studies whose truth is known are simulated, inferred from, and judged.

SCENARIOS are what can be planted. A new one is one file and one line here.
"""

from ablate.inference.calibration.diverging_level import DivergingLevel
from ablate.inference.calibration.effect_at_margin import EffectAtMargin
from ablate.inference.calibration.few_seeds import FewSeeds
from ablate.inference.calibration.heavy_tails import HeavyTails
from ablate.inference.calibration.missing_runs import MissingRuns
from ablate.inference.calibration.no_effect import NoEffect
from ablate.inference.calibration.one_cause import OneCause
from ablate.inference.calibration.pure_interaction import PureInteraction
from ablate.inference.calibration.scenario import Scenario
from ablate.inference.calibration.seed_dependent import SeedDependent
from ablate.inference.calibration.skewed import Skewed
from ablate.inference.calibration.unequal_variances import UnequalVariances

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
