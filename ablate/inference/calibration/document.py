"""The JSON of `ablate calibrate`."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from ablate.core.plain_json import plain
from ablate.inference.calibration.bars import Bar
from ablate.inference.calibration.campaign import Campaign
from ablate.inference.calibration.rates import Rates


def document(campaign: Campaign, found: Mapping[str, Rates], held: Sequence[Bar]) -> dict[str, Any]:
    """Return what was simulated and what came of it, as plain values; what could not be counted is None."""
    layout, settings = campaign.layout, campaign.settings
    return {
        "design": {
            "factors": {factor.path: list(factor.levels) for factor in layout.factors},
            "cells": len(layout.cells),
            "seeds": layout.blocks,
        },
        "sizes": asdict(campaign.sizes),
        "settings": plain(settings.model_dump()),
        "seed": campaign.seed,
        "scenarios": {name: asdict(rates) for name, rates in found.items()},
        "bars": [asdict(bar) for bar in held],
    }
