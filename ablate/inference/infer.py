"""From a table of runs to verdicts."""

from collections.abc import Sequence
from itertools import chain

import numpy as np

from ablate.inference.decision import Evidence, decide
from ablate.inference.effects import effects_of, simple_effects
from ablate.inference.failures import failed_runs, failure_rates, missing_cells
from ablate.inference.hypotheses import Family, Hypothesis, family
from ablate.inference.importance import importance
from ablate.inference.inference import FactorVerdict, Inference, Interaction, Test
from ablate.inference.matched import matched_sets
from ablate.inference.mediation import mediation
from ablate.inference.monte_carlo import Draws
from ablate.inference.multiplicity import holm
from ablate.inference.noise import run_deviation
from ablate.inference.permutation import omnibus_p
from ablate.inference.run_table import RunTable
from ablate.inference.seed_interaction import steadiness
from ablate.inference.settings import FEWEST_BLOCKS, InferenceSettings
from ablate.inference.variance import variance
from ablate.inference.weaknesses import weaknesses


def infer(table: RunTable, settings: InferenceSettings) -> Inference:
    """Return what the runs allow one to say of every factor. Equal input gives an equal result."""
    own = table.measured
    told = family(own, settings)
    if unsteady := _unsteady(own, told, settings):
        told = family(own, settings, "block")
    tests = [_test(own, hypothesis, told, settings) for hypothesis in told.hypotheses]
    adjusted = holm([test.p for test in tests])
    deviation = run_deviation(own)
    interactions = tuple(
        _interaction(own, hypothesis, test, p, told, settings)
        for hypothesis, test, p in zip(told.hypotheses, tests, adjusted, strict=True)
        if len(hypothesis.at) == 2 and hypothesis.how != "none"  # noqa: PLR2004  # a pair
    )
    size = max(1, sum(test.p is not None for test in tests))
    verdicts = []
    for hypothesis, test, p in zip(told.hypotheses, tests, adjusted, strict=True):
        if len(hypothesis.at) == 1:
            effects = effects_of(own, hypothesis, told.model, settings, (test, p), deviation)
            factor = own.factors[hypothesis.at[0]]
            untested = tuple(chain.from_iterable(pair.partners_of(factor.path) for pair in told.untested_pairs))
            verdicts.append(decide(Evidence(factor, effects, test, p, interactions, untested), settings, size))
    return _with_the_rest(table, own, settings, tuple(verdicts), interactions, told.hypotheses, unsteady=unsteady)


def _with_the_rest(  # noqa: PLR0913  # what was found so far
    table: RunTable,
    own: RunTable,
    settings: InferenceSettings,
    verdicts: tuple[FactorVerdict, ...],
    interactions: tuple[Interaction, ...],
    hypotheses: Sequence[Hypothesis],
    *,
    unsteady: bool,
) -> Inference:
    measured = bool(own.factors) and bool(own.defined.any()) and all(len(f.levels) > 1 for f in own.factors)
    return Inference(
        settings=settings,
        factors=table.factors,
        blocks=table.blocks,
        verdicts=verdicts,
        interactions=interactions,
        importance=importance(own, settings) if measured else (),
        variance=variance(own) if measured else None,
        mediation=mediation(own, settings) if measured else (),
        failure_rates=failure_rates(table, settings),
        failed=failed_runs(table),
        missing_cells=missing_cells(table),
        warnings=weaknesses(table, own, settings, verdicts, hypotheses, unsteady=unsteady),
    )


def _unsteady(table: RunTable, told: Family, settings: InferenceSettings) -> bool:
    """Whether any main effect changes from block to block by more than runs do, so that runs are no witnesses."""
    mains = [own for own in told.hypotheses if len(own.at) == 1 and own.how != "none" and own.unit == "run"]
    found = [
        told.model.steadiness(*own.at) if own.how == "linear" else steadiness(matched_sets(table, own.at))
        for own in mains
    ]
    return any(p is not None and p < settings.alpha / len(mains) for p in found)


def _test(table: RunTable, own: Hypothesis, told: Family, settings: InferenceSettings) -> Test:
    draws = Draws(settings.permutations, settings.seed)
    blocks = len(np.unique(table.block[table.defined]))
    if own.how == "none" or blocks < FEWEST_BLOCKS:
        return Test(None, own.smallest, own.unit, "none")
    if own.how == "linear":
        term = told.model.term(*own.at)
        if own.unit == "block":
            return Test(told.model.p_of_blocks(term, draws), own.smallest, "block", "sign_flips")
        return Test(told.model.p(term, draws), own.smallest, "run", "freedman_lane")
    sets = matched_sets(table, own.at)
    p = omnibus_p(sets.by_block() if own.unit == "block" else sets, draws)
    exact = own.smallest != 1 / (1 + settings.permutations)
    return Test(p, own.smallest, own.unit, "exact" if exact else "monte_carlo")


def _interaction(  # a hypothesis, its test, and what both rest on
    table: RunTable, own: Hypothesis, test: Test, p: float | None, told: Family, settings: InferenceSettings
) -> Interaction:
    first, second = (table.factors[position] for position in own.at)
    contrasts_ = told.model.term(*own.at) if own.at in told.model.places else None
    share = float("nan")
    if contrasts_ is not None and told.model.freedom > 0 and told.model.estimable(contrasts_):
        share = told.model.partial_eta_squared(contrasts_)
    found = p is not None and p <= settings.alpha
    return Interaction(
        factors=(first.path, second.path),
        titles=(first.title, second.title),
        test=test,
        p_adjusted=p,
        partial_eta_sq=share,
        means=_means(table, own.at),
        simple_effects=simple_effects(table, own, told.model, settings) if found else (),
    )


def _means(table: RunTable, at: tuple[int, ...]) -> tuple[tuple[float, ...], ...]:
    shape = tuple(len(table.factors[position].levels) for position in at)
    total, count = np.zeros(shape), np.zeros(shape)
    where = tuple(table.levels[table.defined, position] for position in at)
    np.add.at(total, where, table.response[table.defined])
    np.add.at(count, where, 1)
    means = np.where(count > 0, total / np.maximum(count, 1), np.nan)
    return tuple(tuple(float(mean) for mean in row) for row in means)
