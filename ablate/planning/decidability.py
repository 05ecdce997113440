"""Whether a study can reach any verdict, and which changes would make it able to."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from ablate.core.errors import DesignError, SpecError
from ablate.design import Augment, Design, DOptimal, Foldover, FullFactorial
from ablate.inference.family_tests import NO_ERROR_TERM, TWO_SEEDS, min_attainable_p
from ablate.inference.hypotheses import TOO_FEW_SEEDS, Hypothesis
from ablate.inference.kind_of_test import FEWEST_FLIPPED, KindOfTest
from ablate.planning.few_seed_power import has_error_terms
from ablate.planning.planned_effects import PlannedEffect, aliased, planned_effects
from ablate.study import StudySpec, level_name

FEWEST_TESTED = 3  # seeds; two give no verdict, as the analysis says
MAX_SEEDS = 40  # 2^-39 passes any alpha, if flips are not drawn
MAX_OFFERED_CELLS = 256  # a larger full factorial is no practical advice
ONE_SEED = "one seed"


@dataclass(frozen=True)
class Decidability:
    """Why a study cannot reach any verdict, and changes that would help. `obstacle` is None if it can."""

    obstacle: str | None
    remedies: tuple[str, ...] = ()


def decidability(study: StudySpec) -> Decidability:
    """Return whether the study can find any main effect.

    It cannot without factors, with fewer than three seeds, if the design aliases every main effect with another effect,
    if no main effect has an error term (with three to five seeds), and if the seeds allow no p-value up to alpha (with
    six or more).
    """
    obstacle = _obstacle(study, len(study.seeds))
    return Decidability(obstacle, tuple(_remedies(study)) if obstacle else ())


def refuse_undecidable(study: StudySpec) -> None:
    """Raise SpecError for a study that cannot reach any verdict, unless it declares itself exploratory."""
    if study.exploratory or (result := decidability(study)).obstacle is None:
        return
    remedies = "; or ".join((*result.remedies, "exploratory: true, which the report then states"))
    raise SpecError(
        f"{study.name}: this study cannot reach any verdict: {result.obstacle}. Possible changes: {remedies}. "
        "`ablate plan` shows more"
    )


def planned_kind(n_seeds: int) -> KindOfTest | None:
    """Return how a complete study of so many seeds tests its hypotheses; None if they allow no verdict."""
    if n_seeds < FEWEST_TESTED:
        return None
    return KindOfTest.F_TEST if n_seeds < FEWEST_FLIPPED else KindOfTest.SEED_FLIPS


def why_untested(study: StudySpec, effect: PlannedEffect, n_seeds: int) -> str:
    """Return why an effect that the cells can estimate is not tested with so many seeds; empty if it is tested."""
    if n_seeds < FEWEST_TESTED:
        return ONE_SEED if n_seeds == 1 else TWO_SEEDS
    if n_seeds >= FEWEST_FLIPPED:
        return ""
    if effect.hypothesis.is_interaction:
        return TOO_FEW_SEEDS
    return "" if has_error_terms(planned_effects(study), effect, n_seeds) else NO_ERROR_TERM


def attainable_p(study: StudySpec, n_seeds: int) -> float:
    """Return the smallest p-value that a tested hypothesis can have with so many seeds; 0 for an F test."""
    kind = planned_kind(n_seeds)
    return 1.0 if kind is None else min_attainable_p(kind, n_seeds, study.settings.draws)


def _obstacle(study: StudySpec, n_seeds: int) -> str | None:
    if not study.factors:
        return "no factor varies"
    if n_seeds == 1:
        return "with one seed, the variation between trainings cannot be estimated"
    mains = [effect for effect in planned_effects(study).effects if effect.hypothesis.is_main_effect]
    if not mains:
        return "the design aliases every main effect with other effects, so the runs cannot show which of them acts"
    if n_seeds < FEWEST_TESTED:
        return "two seeds give no verdict, because tests with two seeds err too often"
    return _without_significance(study, mains, n_seeds)


def _without_significance(study: StudySpec, mains: Sequence[PlannedEffect], n_seeds: int) -> str | None:
    """Return why no test of a main effect can be significant; None if one can."""
    if all(why_untested(study, effect, n_seeds) for effect in mains):
        return f"with {n_seeds} seeds there are {NO_ERROR_TERM}"
    smallest, alpha = attainable_p(study, n_seeds), study.analysis.alpha
    if smallest > alpha:
        return f"the minimum attainable p-value with {n_seeds} seeds is {smallest:.2g}, and alpha is {alpha:g}"
    return None


def aliased_mains(study: StudySpec) -> tuple[Hypothesis, ...]:
    """Return the main effects that the design aliases with other effects."""
    return tuple(hypothesis for hypothesis in aliased(study) if hypothesis.is_main_effect)


def _remedies(study: StudySpec) -> list[str]:
    if not study.factors:
        return ["factors with levels to compare"]
    remedies = []
    if (seeds := _seeds_needed(study)) is not None and seeds > len(study.seeds):
        remedies.append(f"seeds: {seeds} ({len(study.cells) * seeds} runs)")
    for design in _other_designs(study):
        changed = _with_design(study, design)
        if changed is not None and _is_clear(changed) and (seeds := _seeds_needed(changed)) is not None:
            words = f"design: {_written(design)} with seeds: {seeds} ({len(changed.cells) * seeds} runs)"
            remedies.append(words)
    return remedies


def _other_designs(study: StudySpec) -> Iterator[Design]:
    """Yield designs of more cells, the smallest first: those that free main effects from interactions, and crossing."""
    base = study.design.of if isinstance(study.design, Foldover | Augment) else study.design
    restrictions = base.model_dump(include={"forbid", "only_when"})
    if len(aliased_mains(study)) == len(study.factors):
        if not isinstance(study.design, Foldover | Augment):
            yield Foldover(of=study.design)
        yield DOptimal(interactions="all", **restrictions)
    yield FullFactorial(**restrictions)


def _with_design(study: StudySpec, design: Design) -> StudySpec | None:
    """Return the study with another design; None if it has no more cells, too many, or some that make no run."""
    changed = _changed(study, design=design)
    try:
        cells = len(changed.design.cells(changed.design_factors))
        return changed if len(study.cells) < cells <= MAX_OFFERED_CELLS and changed.cells else None
    except (SpecError, DesignError):
        return None


def _is_clear(study: StudySpec) -> bool:
    """Return whether no main effect is aliased; crossing is as clear as the restrictions of the cells allow."""
    return isinstance(study.design, FullFactorial) or not aliased_mains(study)


def _written(value: Any) -> str:
    """Return a setting as a study file has it, on one line."""
    match value:
        case Design():
            return _written({"kind": value.model_dump()["kind"]} | value.non_defaults())
        case dict():
            return "{" + ", ".join(f"{key}: {_written(entry)}" for key, entry in value.items()) + "}"
        case list() | tuple():
            return "[" + ", ".join(map(_written, value)) + "]"
        case _:
            return level_name(value)


def _seeds_needed(study: StudySpec) -> int | None:
    """Return the smallest number of seeds, six or more, with which the study can find causes."""
    return next((n for n in range(FEWEST_FLIPPED, MAX_SEEDS + 1) if _obstacle(study, n) is None), None)


def _changed(study: StudySpec, **changes: Any) -> StudySpec:
    """Return the study with other values. A model_copy would keep the cached cells of the first one."""
    return StudySpec(**{name: getattr(study, name) for name in StudySpec.model_fields} | changes)
