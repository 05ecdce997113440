"""Whatever the table, an inference is made, its JSON is strict, and its page is drawn."""

import json
import warnings
from itertools import product

import numpy as np
import pytest

from ablate.inference.factor_levels import FactorLevels
from ablate.inference.infer import infer
from ablate.inference.run_table import RunTable
from ablate.inference.settings import InferenceSettings
from ablate.report.study_page import evidence_page

pytestmark = pytest.mark.filterwarnings("error")


def table(draw):
    """Return runs of one to four factors of one to four levels: whole or with holes, smooth, equal, tied or huge."""
    generator = np.random.default_rng(draw)
    counts = generator.integers(1, 5, generator.integers(1, 5))
    blocks = int(generator.integers(1, 10))
    shares_seeds = draw % 6 != 0
    runs = np.array([(*cell, s) for cell in product(*map(range, counts)) for s in range(blocks)])
    runs = runs[generator.random(len(runs)) < generator.choice([1.0, 0.9, 0.4])]
    noise = generator.normal(size=len(runs))
    levels, block = runs[:, :-1], runs[:, -1] if shares_seeds else np.arange(len(runs))
    responses = [noise, 0 * noise, (noise > 0) * 1.0, levels.sum(axis=1) / 3, 1e8 + noise, 1e-40 * noise]
    responses += [1e40 * noise, 1e300 * noise, 1e-300 * noise, np.round(noise)]
    response = responses[generator.integers(len(responses))]
    response = np.where(generator.random(len(runs)) < generator.choice([0.0, 0.1, 0.5, 1.0]), np.nan, response)
    factors = tuple(
        FactorLevels(
            f"f{i}",
            f"f{i}",
            tuple(map(str, range(n))),
            str(generator.integers(n)),
            ordered=i % 3 == 1,
            numeric=i % 3 == 2,
        )
        for i, n in enumerate(counts)
    )
    names = tuple(map(str, range(blocks if shares_seeds else len(runs))))
    outcomes = np.array(["finished", "diverged", "crashed"])[generator.integers(0, 3, len(runs))]
    mediators = {"mse": generator.normal(size=len(runs))}
    return RunTable(factors, names, levels, block, response, tuple(outcomes.tolist()), mediators)


@pytest.mark.parametrize("draw", range(60))
def test_any_table_has_an_inference_that_json_and_a_page_can_hold(draw):
    settings = InferenceSettings(
        margin=[None, 0.3][draw % 2],
        interactions=["all", "none"][draw % 5 == 0],
        draws=499,
    )
    inference = infer(table(draw), settings)
    json.dumps(inference.to_json(), allow_nan=False)
    assert len(inference.verdicts) == len(inference.factors)
    for verdict in inference.verdicts:
        if verdict.p_adjusted is not None:
            assert verdict.test.p is not None
            assert 0 < verdict.test.p <= verdict.p_adjusted <= 1
        bounds = [(effect.low, effect.high) for effect in verdict.effects]
        assert all(low is None or (high is not None and low <= high) for low, high in bounds)
    if draw % 10 == 0:
        with warnings.catch_warnings():
            warnings.simplefilter("default")  # matplotlib's own
            assert "</html>" in evidence_page(inference, "ghost", "runs.csv")
