"""Which factors make a run unmeasurable: a response of 0 or 1 per run."""

from itertools import product

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binomtest

from ablate.analysis.measurability import measurability
from ablate.inference.factor_levels import FactorLevels
from ablate.inference.settings import InferenceSettings

LOSS = FactorLevels("loss", "loss", ("bce", "mse"), "bce")
KERNEL = FactorLevels("kernel", "kernel", ("3", "1"), "3")


def runs_of(outcome_of, seeds=range(8)):
    rows = [
        {"loss": loss, "kernel": kernel, "seed": seed, "outcome": outcome_of(loss, kernel, seed)}
        for loss, kernel, seed in product(LOSS.levels, KERNEL.levels, seeds)
    ]
    runs = pd.DataFrame(rows)
    return runs.assign(response=np.where(runs["outcome"] == "finished", 0.1, np.nan))


def fading(loss, kernel, seed):
    """Return how a run ends: with "mse", three of four are lost, some by divergence; kernels do nothing."""
    if loss == "bce" or seed % 4 == 3:
        return "finished"
    return "diverged" if seed % 4 == 1 and kernel == "1" else "unmeasurable"


def result_of(outcome_of=fading, seeds=range(8), *, judged=True):
    result = measurability(runs_of(outcome_of, seeds), (LOSS, KERNEL), InferenceSettings(), judged=judged)
    assert result is not None
    return result


def test_diverged_and_unmeasurable_runs_count_alike():
    result = result_of()
    assert (result.runs, result.diverged, result.unmeasurable) == (32, 2, 10)
    loss, _ = result.factors
    assert [(level.level, level.lost, level.runs, level.share) for level in loss.levels] == [
        ("bce", 0, 16, 0),
        ("mse", 12, 16, 0.75),
    ]


def test_the_p_is_that_of_mcnemars_test_and_holm():
    """Twelve of sixteen pairs of runs differ, all in one direction; no pair of kernels does."""
    loss, kernel = result_of().factors
    expected = binomtest(12, 12).pvalue
    assert loss.p == pytest.approx(expected, abs=0.001)  # 9,999 random permutations
    assert loss.p is not None
    assert (loss.p_adjusted, kernel.p_adjusted) == (pytest.approx(2 * loss.p), 1)


def test_a_study_that_decides_names_the_factor():
    first, second = result_of().sentences
    assert first == (
        'loss changes how many runs can be measured: 75 % with "mse" (12 of 16) and 0 % with "bce" (0 of 16) cannot be '
        "measured (p (Holm) < 0.001)."
    )
    assert second == "No effect on how many runs can be measured was shown for kernel."


@pytest.mark.parametrize(("seeds", "judged"), [(range(8), False), (range(5), True)])
def test_an_exploratory_study_or_one_with_few_seeds_only_describes(seeds, judged):
    sentences = " ".join(result_of(seeds=seeds, judged=judged).sentences)
    assert "described, not judged" in sentences
    assert "changes" not in sentences


def test_losses_by_the_machine_take_no_part():
    result = result_of(lambda loss, kernel, seed: "failed" if seed == 0 else fading(loss, kernel, seed))
    assert (result.runs, result.diverged, result.unmeasurable) == (28, 2, 8)


def test_a_study_without_such_runs_has_no_such_response():
    runs = runs_of(lambda *_: "finished")
    assert measurability(runs, (LOSS, KERNEL), InferenceSettings(), judged=True) is None
    machine = runs_of(lambda _, __, seed: "failed" if seed == 0 else "finished")
    assert measurability(machine, (LOSS, KERNEL), InferenceSettings(), judged=True) is None


def test_a_study_without_factors_counts_its_runs():
    result = measurability(runs_of(fading).query("loss == 'mse'").head(8), (), InferenceSettings(), judged=True)
    assert result is not None
    assert (result.runs, result.factors, result.sentences) == (8, (), ())
