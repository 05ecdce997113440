"""From a table of runs to verdicts."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain

import numpy as np

from ablate.inference.caveats import copies_caveats, inference_caveats, noise_caveats
from ablate.inference.cell_noise import CellNoise, lack_of_fit
from ablate.inference.contexts import ContextCheck, context_check, with_power
from ablate.inference.decision import Evidence, decide, is_significant
from ablate.inference.effects import EffectEstimates, without_misled_intervals
from ablate.inference.equal_blocks import Copies, without_copies
from ablate.inference.extreme_numbers import Moderation, moderated
from ablate.inference.factor_levels import differences
from ablate.inference.failures import failed_runs, failure_rates, missing_cells
from ablate.inference.family_tests import (
    FlippedStatistics,
    TestedHypothesis,
    flipped_statistics,
    holm,
    tested_family,
)
from ablate.inference.hypotheses import Family, family
from ablate.inference.importance import importance, variance
from ablate.inference.inference import FactorVerdict, Inference, Interaction, Test
from ablate.inference.kind_of_test import KindOfTest, is_designed
from ablate.inference.lost_runs import Bounds, trimming_bounds
from ablate.inference.mediation import mediation
from ablate.inference.qualifiers import with_qualifiers
from ablate.inference.run_table import RunTable
from ablate.inference.sequential_verdicts import with_earlier_clearings
from ablate.inference.settings import InferenceSettings
from ablate.inference.verdict import Verdict


def infer(table: RunTable, settings: InferenceSettings, *, described: bool = True) -> Inference:
    """Return the verdict on every factor of a table of runs, with its evidence. Equal input gives an equal result.

    Without `described`, the verdicts, effects, tests and interactions are the same, and what only describes the table
    (importance, variance, mediation, the dependence of failures on levels, the power of context checks) is left out.
    A sequential study has the verdicts of all its looks so far.
    """

    def infer_moderate(moderate: RunTable, settings: InferenceSettings) -> Inference:
        inference = with_earlier_clearings(_verdicts_of(moderate, settings), moderate, _verdicts_of)
        measured = without_copies(moderate)[0].with_responses()
        return _described(inference, moderate, measured) if described else inference

    return moderated(table, settings, infer_moderate)


def infer_jointly(tables: Mapping[str, RunTable], settings: Mapping[str, InferenceSettings]) -> Mapping[str, Inference]:
    """Return the inference of every response, by its name, with p-values adjusted over all responses as one family.

    The tables hold the same runs with different responses; they have the names of their settings. Where the same units
    change signs in all of them, one flip changes them in all, so that correlated responses cost little power. F tests
    are adjusted by Holm's procedure over all of them. Else the adjusted p-values are multiplied by the number of
    responses (Bonferroni). Planned looks are not made: the family of
    a sequential study is its one response.
    """
    settings = {name: settings[name].model_copy(update={"looks": None}) for name in tables}
    moderations = {name: Moderation.of(table) for name, table in tables.items()}
    moderate = {name: moderations[name].table(table) for name, table in tables.items()}
    prepared = {name: _Prepared.of(moderate[name], moderations[name].settings(settings[name])) for name in tables}
    adjusted = _joint_p(list(prepared.values()))
    inferences = {
        name: _described(_conclude(part, moderate[name], results), moderate[name], part.measured)
        for (name, part), results in zip(prepared.items(), adjusted, strict=True)
    }
    return {name: moderations[name].restore(inferences[name], settings[name]) for name in tables}


@dataclass(frozen=True, eq=False)
class _Prepared:
    """A table without copies, then without lost levels, with its family and what its tests rest on."""

    settings: InferenceSettings
    distinct: RunTable
    copies: Copies
    measured: RunTable
    tested: Family
    noise: CellNoise

    @classmethod
    def of(cls, table: RunTable, settings: InferenceSettings) -> "_Prepared":
        distinct, copies = without_copies(table)
        measured = distinct.with_responses()
        tested = family(measured, settings)
        return cls(settings, distinct, copies, measured, tested, CellNoise(measured, tested))

    def results(self) -> tuple[TestedHypothesis, ...]:
        """Return the tests of the table's family alone."""
        return tested_family(self.measured, self.tested, self.settings, self.noise)


def _joint_p(parts: Sequence[_Prepared]) -> list[tuple[TestedHypothesis, ...]]:
    """Return the tests of every part, adjusted over all of them."""
    alone = [part.results() for part in parts]
    units = {(part.tested.kind, np.unique(part.measured.block[part.measured.defined]).tobytes()) for part in parts}
    can_flip = len(units) == 1 and all(part.tested.directions for part in parts)
    if all(part.tested.kind is KindOfTest.F_TEST for part in parts):
        adjusted = iter(holm([result.p for results in alone for result in results]))
        return [tuple(replace(result, p_adjusted=next(adjusted)) for result in results) for results in alone]
    if not can_flip:
        return [
            tuple(
                result
                if result.p_adjusted is None
                else replace(result, p_adjusted=min(1.0, len(parts) * result.p_adjusted))
                for result in results
            )
            for results in alone
        ]
    flipped = [flipped_statistics(part.tested, part.settings) for part in parts]
    joint = FlippedStatistics(
        np.concatenate([part.statistics for part in flipped]),
        np.concatenate([part.observed for part in flipped]),
        includes=flipped[0].includes,
    )
    p_values = iter(joint.adjusted_p.tolist())
    return [
        tuple(result if result.p is None else replace(result, p_adjusted=next(p_values)) for result in results)
        for results in alone
    ]


def _verdicts_of(table: RunTable, settings: InferenceSettings) -> Inference:
    """Return the inference without what only describes the table; of a sequential study, at its latest look alone."""
    prepared = _Prepared.of(table, settings)
    return _conclude(prepared, table, prepared.results())


def _conclude(prepared: _Prepared, table: RunTable, results: tuple[TestedHypothesis, ...]) -> Inference:
    """Return the inference from the tests of a table's family."""
    settings, measured, tested = prepared.settings, prepared.measured, prepared.tested
    estimates = EffectEstimates(measured, tested, settings)
    interactions = tuple(
        _interaction(prepared.distinct, result, tested, estimates, settings)
        for result in results
        if result.hypothesis.is_interaction and result.p is not None
    )
    verdicts = _verdicts(measured, results, interactions, tested, estimates, settings)
    verdicts = with_qualifiers(verdicts, measured, tested)
    return Inference(
        settings=settings,
        kind=tested.kind,
        factors=table.factors,
        blocks=table.blocks,
        verdicts=verdicts,
        interactions=interactions,
        importance=(),
        variance=None,
        mediation=(),
        failure_rates=(),
        failed=failed_runs(table),
        missing_cells=missing_cells(table) if tested.observations.has_blocks and is_designed(table) else (),
        warnings=(
            *copies_caveats(prepared.copies),
            *noise_caveats(tested, prepared.noise),
            *inference_caveats(table, measured, settings, verdicts, tested),
        ),
        copies=prepared.copies,
        lack_of_fit=lack_of_fit(measured, tested, prepared.noise),
        paths=tuple(result.path for result in results if result.path is not None),
    )


def _described(inference: Inference, table: RunTable, measured: RunTable) -> Inference:
    """Return an inference with what only describes the table."""
    settings = inference.settings
    can_compare = bool(
        measured.factors and measured.defined.any() and all(len(factor.levels) > 1 for factor in measured.factors)
    )
    # a numeric factor has about as many cells as runs: they share no variance between cells
    has_cells = can_compare and not any(factor.numeric for factor in measured.factors)
    return replace(
        inference,
        verdicts=tuple(_with_context_power(verdict, measured, settings) for verdict in inference.verdicts),
        importance=importance(measured, settings) if has_cells else (),
        variance=variance(measured) if has_cells else None,
        mediation=mediation(measured, settings) if can_compare else (),
        failure_rates=failure_rates(table, settings),
    )


def _with_context_power(verdict: FactorVerdict, table: RunTable, settings: InferenceSettings) -> FactorVerdict:
    """Return a verdict of equivalence with the power of the check of its contexts."""
    if verdict.context_check is None or verdict.verdict is not Verdict.NOT_A_CAUSE:
        return verdict
    position = [factor.path for factor in table.factors].index(verdict.factor)
    return replace(verdict, context_check=with_power(verdict.context_check, table, position, settings))


def _verdicts(  # the table, what was tested, and what was estimated
    table: RunTable,
    results: tuple[TestedHypothesis, ...],
    interactions: tuple[Interaction, ...],
    tested: Family,
    estimates: EffectEstimates,
    settings: InferenceSettings,
) -> tuple[FactorVerdict, ...]:
    family_size = sum(result.p is not None for result in results)
    trends = {result.hypothesis.at: result for result in results if result.hypothesis.is_trend}
    pairs = [result.hypothesis for result in results if result.hypothesis.is_interaction and result.p is None]
    verdicts = []
    for result in (result for result in results if result.hypothesis.is_main_effect):
        (position,) = result.hypothesis.at
        factor, trend = table.factors[position], trends.get(result.hypothesis.at)
        bounds = _bounds(table, position, settings)
        effects = without_misled_intervals(estimates.of_factor(result, trend), bounds)
        is_misled = any(effect.equivalent is None for effect in effects if effect.trend is None)
        evidence = Evidence(
            factor=factor,
            effects=effects,
            within_margin=None if is_misled else estimates.within_margin(result),
            main=result,
            trend=trend,
            interactions=interactions,
            untested_pairs=tuple(chain.from_iterable(pair.partners_of(factor.path) for pair in pairs)),
            check_contexts=_context_checks(table, position, settings),
            bounds=bounds,
            kind=tested.kind,
            seeds=table.measured_blocks,
            family_size=family_size,
        )
        verdicts.append(decide(evidence, settings))
    return tuple(verdicts)


def _bounds(table: RunTable, position: int, settings: InferenceSettings) -> tuple[Bounds, ...]:
    """Return the trimming bounds of a factor's differences that runs lost by their response may have made."""
    if table.defined.all():
        return ()
    bounds = (
        trimming_bounds(table, position, contrast, settings.alpha) for contrast in differences(table.factors[position])
    )
    return tuple(bound for bound in bounds if bound is not None)


def _context_checks(
    table: RunTable, position: int, settings: InferenceSettings
) -> Callable[[bool], ContextCheck | None]:
    """Return the check of a factor's contexts as a function of whether its mean effect is removed."""
    check = partial(context_check, table, position, settings)
    return lambda less_mean: check(less_mean=less_mean)


def _interaction(
    table: RunTable,
    result: TestedHypothesis,
    tested: Family,
    estimates: EffectEstimates,
    settings: InferenceSettings,
) -> Interaction:
    hypothesis, direction = result.hypothesis, tested.direction_of(result.hypothesis.at)
    first, second = (table.factors[position] for position in hypothesis.at)
    shows_effects = direction is not None and is_significant(result.p_adjusted, settings)
    return Interaction(
        factors=(first.path, second.path),
        titles=(first.title, second.title),
        test=Test(result.p, result.min_attainable_p, result.untested),
        p_adjusted=result.p_adjusted,
        partial_eta_sq=direction.model.partial_eta_squared(direction.axes) if direction else np.nan,
        means=_means(table, hypothesis.at),
        simple_effects=tuple(estimates.simple(direction)) if direction and shows_effects else (),
    )


def _means(table: RunTable, at: tuple[int, ...]) -> tuple[tuple[float, ...], ...]:
    """Return the mean response at every level of the first (rows) and the second factor (columns).

    NaN at a level without a response; nothing if a factor is numeric, since most of its levels occur once.
    """
    if any(table.factors[position].numeric for position in at):
        return ()
    shape = tuple(len(table.factors[position].levels) for position in at)
    total, count = np.zeros(shape), np.zeros(shape)
    where = tuple(table.levels[table.defined, position] for position in at)
    np.add.at(total, where, table.response[table.defined])
    np.add.at(count, where, 1)
    means = np.where(count > 0, total / np.maximum(count, 1), np.nan)
    return tuple(tuple(float(mean) for mean in row) for row in means)
