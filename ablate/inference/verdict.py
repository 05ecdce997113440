"""The one word that is said of a factor."""

from collections.abc import Sequence

import numpy as np

from ablate.inference.factor_levels import FactorLevels
from ablate.inference.inference import Effect, Interaction, Test, Verdict, VerdictKind
from ablate.inference.more_seeds import more_seeds
from ablate.inference.multiplicity import holm
from ablate.inference.settings import FEWEST_BLOCKS, Settings


def verdict(  # a factor, its effects, its test, its pairs and the rules
    factor: FactorLevels,
    effects: tuple[Effect, ...],
    tested: tuple[Test, float | None],
    interactions: Sequence[Interaction],
    settings: Settings,
    family: int,
) -> Verdict:
    """Return the verdict on a factor.

    It acts with another where their interaction is significant and no effect of it holds at every level of the other,
    in one direction; it is a cause where its own test is significant; it is no cause where every effect lies within the
    margin and no interaction is significant even among its own; else it is undecided.
    """
    test, p = tested
    own = [pair for pair in interactions if factor.path in pair.factors]
    found = [pair for pair in own if pair.p_adjusted is not None and pair.p_adjusted <= settings.alpha]
    partners = [_other(pair, factor) for pair in found if not _holds_everywhere(pair, factor, settings)]
    kind: VerdictKind = "undecided"
    if partners:
        kind = "acts_with"
    elif p is not None and p <= settings.alpha:
        kind = "cause"
    elif not found and _cleared(effects) and not _suspected(own, settings):
        kind = "not_a_cause"
    needed = more_seeds(effects, test.unit, settings, family) if kind == "undecided" else None
    reason = _reason(kind, [title for _, title in partners], test, settings, needed)
    names = tuple(path for path, _ in partners)
    return Verdict(factor.path, factor.title, kind, names, effects, test, p, needed, reason)


def _holds_everywhere(pair: Interaction, factor: FactorLevels, settings: Settings) -> bool:
    own = [effect for effect in pair.simple_effects if effect.factor == factor.path]
    for name in dict.fromkeys(effect.contrast for effect in own):
        at = [effect for effect in own if effect.contrast == name]
        certain = all(effect.p is not None and effect.p <= settings.alpha for effect in at)
        if certain and len({np.sign(effect.estimate) for effect in at}) == 1:
            return True
    return False


def _cleared(effects: Sequence[Effect]) -> bool:
    differences = [effect for effect in effects if effect.trend is None]
    return bool(differences) and all(
        effect.equivalent is True and effect.n_blocks >= FEWEST_BLOCKS for effect in differences
    )


def _suspected(own: Sequence[Interaction], settings: Settings) -> bool:
    """Whether an interaction of the factor is significant when only its own are counted."""
    return any(p is not None and p <= settings.alpha for p in holm([pair.test.p for pair in own]))


def _reason(kind: VerdictKind, partners: Sequence[str], test: Test, settings: Settings, needed: int | None) -> str:
    match kind:
        case "cause":
            return "Its levels differ, averaged over the other factors, by more than chance explains."
        case "acts_with":
            return f"What it changes depends on {' and '.join(partners)}."
        case "not_a_cause":
            return "All its effects lie within the margin."
        case "undecided":
            return _open(test, settings, needed)


def _open(test: Test, settings: Settings, needed: int | None) -> str:
    """Say why nothing is decided."""
    if test.p is None:
        return "These runs allow no test of it."
    small = (
        "nor within the margin" if settings.margin is not None else "and no margin says which are too small to matter"
    )
    more = f"; about {needed} more seeds may decide it" if needed else ""
    return f"Its effects are not certain, {small}{more}."


def _other(pair: Interaction, factor: FactorLevels) -> tuple[str, str]:
    """Return the path and the title of the other factor of a pair."""
    other = 1 if pair.factors[0] == factor.path else 0
    return pair.factors[other], pair.titles[other]
