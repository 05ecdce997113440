"""What qualifies a verdict: tables for which the error rate was not measured, and known weak spots of the method."""

from collections.abc import Sequence
from dataclasses import replace

from ablate.inference.hypotheses import Family
from ablate.inference.inference import FactorVerdict
from ablate.inference.kind_of_test import KindOfTest
from ablate.inference.noise_shape import noise_shape
from ablate.inference.run_table import RunTable
from ablate.inference.verdict import Verdict

IN_THIS_SEED = "all runs have one seed: the verdict holds in this seed, and its error rate was not measured"
LOSSES = "runs were lost because of their response, and the bounds on its mean effect that allow for it include 0"
ORDERED_UNPLANNED = "the error rate of ordered factors was not measured in tables that nobody planned"


def with_qualifiers(verdicts: Sequence[FactorVerdict], table: RunTable, tested: Family) -> tuple[FactorVerdict, ...]:
    """Return verdicts with what qualifies them; an undecided one claims nothing that needs it."""
    return tuple(
        verdict
        if verdict.verdict is Verdict.UNDECIDED
        else replace(
            verdict,
            exploratory=_exploratory(verdict, table, tested),
            weak_spot=_weak_spot(verdict, table, tested),
        )
        for verdict in verdicts
    )


def _exploratory(verdict: FactorVerdict, table: RunTable, tested: Family) -> str | None:
    if table.measured_blocks == 1:
        return IN_THIS_SEED
    factor = next(factor for factor in table.factors if factor.path == verdict.factor)
    if tested.kind is KindOfTest.WILD_FLIPS and (factor.ordered or factor.numeric):
        return ORDERED_UNPLANNED
    hidden = any(bounds.include_zero for bounds in verdict.bounds)
    return LOSSES if hidden and verdict.verdict is Verdict.ACTS_ONLY_WITH else None


def _weak_spot(verdict: FactorVerdict, table: RunTable, tested: Family) -> str | None:
    if (
        verdict.verdict.claims_effect
        and tested.kind is KindOfTest.SEED_FLIPS
        and verdict.factor in noise_shape(table).quiet_baselines
    ):
        return (
            "runs at the baseline vary far less than at another level; with one-sided noise there, false causes were "
            "measured in 7 to 9 % of tables"
        )
    has_pairs = any(hypothesis.is_interaction for hypothesis in tested.tested)
    if verdict.verdict.claims_effect and tested.kind is KindOfTest.WILD_FLIPS and has_pairs:
        return "with interactions in a table that nobody planned, false claims were measured in 6.5 % of tables"
    return None
