"""A table of runs with known effects of two factors."""

import numpy as np
import pandas as pd

from ablate.inference.factor_levels import FactorLevels

KERNEL = FactorLevels("kernel", "kernel size", ("3", "1", "5"), "3")
NORM = FactorLevels("norm", "normalization", ("layer", "none"), "layer")
SEEDS = 8


def ghosts():
    """Return a factorial: kernel 1 adds 0.3 and kernel 5 takes 0.05; the normalization does nothing."""
    noise = np.random.default_rng(3)
    rows = []
    for seed in range(SEEDS):
        for kernel, added in (("3", 0.0), ("1", 0.3), ("5", -0.05)):
            for norm in NORM.levels:
                response = 0.4 + added + noise.normal(0, 0.01)
                rows.append({"kernel": kernel, "norm": norm, "seed": seed, "response": response, "outcome": "finished"})
    return pd.DataFrame(rows)
