"""Whether a study can reject any hypothesis, and which changes would make it able to."""

from dataclasses import dataclass
from math import ceil
from typing import Any

from ablate.core.errors import DesignError, SpecError
from ablate.design import Augment, Foldover, FullFactorial
from ablate.inference.settings import FEWEST_BLOCKS
from ablate.planning.planned_table import planned_family
from ablate.study import StudySpec

MAX_SEEDS = 40  # 2^-39 passes the first step of any family
MAX_PERMUTATIONS = 1_000_000
MAX_OFFERED_CELLS = 256  # a larger full factorial is no practical advice


@dataclass(frozen=True)
class Decidability:
    """Why a study cannot reject any hypothesis, and changes that would help. `obstacle` is None if it can."""

    obstacle: str | None
    remedies: tuple[str, ...] = ()


def decidability(study: StudySpec) -> Decidability:
    """Return whether the study can reject the hypothesis of any main effect.

    It cannot if no main effect's minimum attainable p-value passes the first step of Holm's procedure, which is alpha
    divided by the number of hypotheses. It also cannot with fewer than two seeds, without residual degrees of freedom,
    or without factors.
    """
    obstacle = _obstacle(study, len(study.seeds))
    return Decidability(obstacle, tuple(_remedies(study)) if obstacle else ())


def refuse_undecidable(study: StudySpec) -> None:
    """Raise SpecError for a study that cannot reject any hypothesis, unless it declares itself exploratory."""
    if study.exploratory or (result := decidability(study)).obstacle is None:
        return
    remedies = "; or ".join((*result.remedies, "exploratory: true, which the report then states"))
    raise SpecError(
        f"{study.name}: this study cannot reject any hypothesis: {result.obstacle}. Possible changes: {remedies}. "
        "`ablate plan` shows more"
    )


def first_step_level(study: StudySpec, n_hypotheses: int) -> float:
    """Return the level of the first step of Holm's procedure."""
    return study.analysis.alpha / max(1, n_hypotheses)


def _obstacle(study: StudySpec, n_seeds: int) -> str | None:
    if not study.factors:
        return "no factor varies"
    if n_seeds < FEWEST_BLOCKS:
        return "with one seed, the variation between trainings cannot be estimated"
    family = planned_family(study, n_seeds)
    if family.model.freedom < 1:
        return f"its {len(study.cells) * n_seeds} runs leave no residual degrees of freedom"
    min_attainable_p = min(hypothesis.smallest for hypothesis in family.hypotheses if hypothesis.is_main_effect)
    level = first_step_level(study, len(family.tested))
    if min_attainable_p <= level:
        return None
    return (
        f"the minimum attainable p-value of a main effect is {min_attainable_p:.2g}, and the first step of Holm's "
        f"procedure requires {level:.2g} or less (alpha {study.analysis.alpha:g} over {len(family.tested)} hypotheses)"
    )


def _remedies(study: StudySpec) -> list[str]:
    if not study.factors:
        return ["factors with levels to compare"]
    remedies = []
    if (seeds := _seeds_needed(study)) is not None:
        remedies.append(f"seeds: {seeds} ({len(study.cells) * seeds} runs)")
    if (crossed := _crossed(study)) is not None and (seeds := _seeds_needed(crossed)) is not None:
        remedies.append(f"design: {{kind: full_factorial}} with seeds: {seeds} ({len(crossed.cells) * seeds} runs)")
    if (permutations := _permutations_needed(study)) is not None:
        remedies.append(f"analysis: {{permutations: {permutations}}}")
    return remedies


def _seeds_needed(study: StudySpec) -> int | None:
    """Return the smallest number of seeds with which the study can reject a hypothesis."""
    return next((n for n in range(FEWEST_BLOCKS, MAX_SEEDS + 1) if _obstacle(study, n) is None), None)


def _permutations_needed(study: StudySpec) -> int | None:
    """Return the number of random permutations that would be enough to reject a hypothesis; None if none would."""
    n_hypotheses = len(planned_family(study, len(study.seeds)).tested)
    permutations = ceil(1 / first_step_level(study, n_hypotheses)) - 1
    if not study.analysis.permutations < permutations <= MAX_PERMUTATIONS:
        return None
    changed = _changed(study, analysis=study.analysis.model_copy(update={"permutations": permutations}))
    return permutations if _obstacle(changed, len(study.seeds)) is None else None


def _changed(study: StudySpec, **changes: Any) -> StudySpec:
    """Return the study with other values. A model_copy would keep the cached cells of the first one."""
    return StudySpec(**{name: getattr(study, name) for name in StudySpec.model_fields} | changes)


def _crossed(study: StudySpec) -> StudySpec | None:
    """Return the study with all its factors crossed; None if it is crossed already or would become too large."""
    base = study.design.of if isinstance(study.design, Foldover | Augment) else study.design
    restrictions = base.model_dump(include={"forbid", "only_when"})
    crossed = _changed(study, design=FullFactorial(**restrictions))
    try:
        cells = len(crossed.design.cells(study.design_factors))
        return crossed if len(study.cells) < cells <= MAX_OFFERED_CELLS and crossed.cells else None
    except (SpecError, DesignError):  # some combination makes no valid run
        return None
