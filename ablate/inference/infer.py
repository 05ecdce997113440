"""From a table of runs to verdicts."""

from itertools import chain

import numpy as np

from ablate.inference.block_effects import run_deviation
from ablate.inference.caveats import inference_caveats
from ablate.inference.decision import Evidence, decide
from ablate.inference.effects import effects_of, simple_effects
from ablate.inference.failures import failed_runs, failure_rates, missing_cells
from ablate.inference.hypotheses import Family, Hypothesis, family, holm
from ablate.inference.importance import importance, variance
from ablate.inference.inference import FactorVerdict, Inference, Interaction, Test
from ablate.inference.matched import matched_sets
from ablate.inference.mediation import mediation
from ablate.inference.permutation import Draws, omnibus_p
from ablate.inference.run_table import RunTable
from ablate.inference.seed_interaction import has_seed_interaction
from ablate.inference.settings import FEWEST_BLOCKS, InferenceSettings

Tested = tuple[Hypothesis, Test, float | None]
"""A hypothesis, its test, and its p-value adjusted over the family."""


def infer(table: RunTable, settings: InferenceSettings) -> Inference:
    """Return the verdict on every factor of a table of runs, with its evidence. Equal input gives an equal result."""
    measured = table.with_responses()
    tested = family(measured, settings)
    changes_by_seed = has_seed_interaction(measured, tested, settings)
    if changes_by_seed:
        tested = family(measured, settings, "block")
    tests = [_test(measured, hypothesis, tested, settings) for hypothesis in tested.hypotheses]
    adjusted = holm([test.p for test in tests])
    results = list(zip(tested.hypotheses, tests, adjusted, strict=True))
    interactions = tuple(
        _interaction(measured, result, tested, settings)
        for result in results
        if result[0].is_interaction and result[0].is_tested
    )
    verdicts = _verdicts(measured, results, interactions, tested, settings)
    can_compare = bool(
        measured.factors and measured.defined.any() and all(len(factor.levels) > 1 for factor in measured.factors)
    )
    return Inference(
        settings=settings,
        factors=table.factors,
        blocks=table.blocks,
        verdicts=verdicts,
        interactions=interactions,
        importance=importance(measured, settings) if can_compare else (),
        variance=variance(measured) if can_compare else None,
        mediation=mediation(measured, settings) if can_compare else (),
        failure_rates=failure_rates(table, settings),
        failed=failed_runs(table),
        missing_cells=missing_cells(table),
        warnings=inference_caveats(table, measured, settings, verdicts, tested, has_seed_interaction=changes_by_seed),
    )


def _verdicts(
    table: RunTable,
    results: list[Tested],
    interactions: tuple[Interaction, ...],
    tested: Family,
    settings: InferenceSettings,
) -> tuple[FactorVerdict, ...]:
    deviation = run_deviation(table)
    family_size = max(1, sum(test.p is not None for _, test, _ in results))
    verdicts = []
    for hypothesis, test, p_adjusted in results:
        if hypothesis.is_main_effect:
            factor = table.factors[hypothesis.at[0]]
            effects = effects_of(table, hypothesis, tested.model, settings, p_adjusted, deviation)
            untested = tuple(chain.from_iterable(pair.partners_of(factor.path) for pair in tested.untested_pairs))
            evidence = Evidence(factor, effects, test, p_adjusted, interactions, untested)
            verdicts.append(decide(evidence, settings, family_size))
    return tuple(verdicts)


def _test(table: RunTable, hypothesis: Hypothesis, tested: Family, settings: InferenceSettings) -> Test:
    draws, smallest, unit = Draws(settings.permutations, settings.seed), hypothesis.smallest, hypothesis.unit
    if not hypothesis.is_tested or table.measured_blocks < FEWEST_BLOCKS:
        return Test(None, smallest, unit, "none")
    if hypothesis.how == "linear":
        term = tested.model.term(*hypothesis.at)
        if unit == "block":
            return Test(tested.model.p_of_blocks(term, draws), smallest, unit, "sign_flips")
        return Test(tested.model.p(term, draws), smallest, unit, "freedman_lane")
    sets = matched_sets(table, hypothesis.at)
    p = omnibus_p(sets.by_block() if unit == "block" else sets, draws)
    exact = smallest != 1 / (1 + settings.permutations)
    return Test(p, smallest, unit, "exact" if exact else "monte_carlo")


def _interaction(table: RunTable, result: Tested, tested: Family, settings: InferenceSettings) -> Interaction:
    hypothesis, test, p_adjusted = result
    first, second = (table.factors[position] for position in hypothesis.at)
    significant = p_adjusted is not None and p_adjusted <= settings.alpha
    return Interaction(
        factors=(first.path, second.path),
        titles=(first.title, second.title),
        test=test,
        p_adjusted=p_adjusted,
        partial_eta_sq=_partial_eta_squared(hypothesis, tested),
        means=_means(table, hypothesis.at),
        simple_effects=simple_effects(table, hypothesis, tested.model, settings) if significant else (),
    )


def _partial_eta_squared(hypothesis: Hypothesis, tested: Family) -> float:
    """Return the effect size of an interaction, in [0, 1]; NaN if the linear model cannot estimate it."""
    model = tested.model
    if hypothesis.at not in model.places or model.freedom <= 0:
        return float("nan")
    term = model.term(*hypothesis.at)
    return model.partial_eta_squared(term) if model.estimable(term) else float("nan")


def _means(table: RunTable, at: tuple[int, ...]) -> tuple[tuple[float, ...], ...]:
    """Return the mean response at every level of the first (rows) and the second factor (columns)."""
    shape = tuple(len(table.factors[position].levels) for position in at)
    total, count = np.zeros(shape), np.zeros(shape)
    where = tuple(table.levels[table.defined, position] for position in at)
    np.add.at(total, where, table.response[table.defined])
    np.add.at(count, where, 1)
    means = np.where(count > 0, total / np.maximum(count, 1), np.nan)
    return tuple(tuple(float(mean) for mean in row) for row in means)
