"""Whether a study can reject anything, and what would let it."""

from dataclasses import dataclass
from math import ceil
from typing import Any

from ablate.core.errors import DesignError, SpecError
from ablate.design import Augment, Foldover, FullFactorial
from ablate.inference.hypotheses import family
from ablate.inference.settings import FEWEST_BLOCKS
from ablate.planning.unmeasured import unmeasured
from ablate.study import StudySpec

MOST_SEEDS = 40  # looked at: 2^-39 is beyond any family
MOST_DRAWS = 1_000_000
MOST_CELLS = 256  # of a design that is worth offering


@dataclass(frozen=True)
class Reach:
    """Why a study cannot reject anything (None where it can), and what would let it, each in words."""

    obstacle: str | None
    remedies: tuple[str, ...] = ()


def reach(study: StudySpec) -> Reach:
    """Return whether the study can reject the hypothesis of any main effect.

    It cannot where not even the smallest p-value that any of its main effects can reach passes the first step of
    Holm's procedure, alpha over the number of hypotheses; with fewer than two seeds; without residual degrees of
    freedom; or without factors.
    """
    obstacle = _obstacle(study, len(study.seeds))
    return Reach(obstacle, tuple(_remedies(study)) if obstacle else ())


def refuse_hopeless(study: StudySpec) -> None:
    """Raise SpecError for a study that cannot reject anything, unless it says that it is exploratory."""
    if study.exploratory or (found := reach(study)).obstacle is None:
        return
    remedies = "; or ".join((*found.remedies, "exploratory: true, which the report then says"))
    raise SpecError(
        f"{study.name}: this study cannot reject anything: {found.obstacle}. What would help: {remedies}. "
        "ablate plan shows more"
    )


def first_step(study: StudySpec, tested: int) -> float:
    """Return the level of the first step of Holm's procedure."""
    return study.analysis.alpha / max(1, tested)


def _obstacle(study: StudySpec, seeds: int) -> str | None:
    if not study.factors:
        return "no factor varies"
    if seeds < FEWEST_BLOCKS:
        return "with one seed nothing says how much a result varies from training to training"
    found = family(unmeasured(study, seeds), study.settings)
    if found.model.freedom < 1:
        return f"its {len(study.cells) * seeds} runs leave no degrees of freedom for what varies by chance"
    smallest = min(own.smallest for own in found.hypotheses if len(own.at) == 1)
    level = first_step(study, len(found.tested))
    if smallest <= level:
        return None
    return (
        f"the smallest p that a main effect can reach is {smallest:.2g}, and the first step of Holm's procedure asks "
        f"for {level:.2g} or less (alpha {study.analysis.alpha:g} over {len(found.tested)} hypotheses)"
    )


def _remedies(study: StudySpec) -> list[str]:
    if not study.factors:
        return ["factors with levels to compare"]
    remedies = []
    if (seeds := _seeds_needed(study)) is not None:
        remedies.append(f"seeds: {seeds} ({len(study.cells) * seeds} runs)")
    if (crossed := _crossed(study)) is not None and (seeds := _seeds_needed(crossed)) is not None:
        remedies.append(f"design: {{kind: full_factorial}} with seeds: {seeds} ({len(crossed.cells) * seeds} runs)")
    if (draws := _draws_needed(study)) is not None:
        remedies.append(f"analysis: {{permutations: {draws}}}")
    return remedies


def _seeds_needed(study: StudySpec) -> int | None:
    """Return the least number of seeds with which the study can reject something."""
    return next((n for n in range(FEWEST_BLOCKS, MOST_SEEDS + 1) if _obstacle(study, n) is None), None)


def _draws_needed(study: StudySpec) -> int | None:
    """Return how many relabelings must be drawn, where more of them are enough for the study to reject something."""
    tested = len(family(unmeasured(study, len(study.seeds)), study.settings).tested)
    draws = ceil(1 / first_step(study, tested)) - 1
    if not study.analysis.permutations < draws <= MOST_DRAWS:
        return None
    drawn = _changed(study, analysis=study.analysis.model_copy(update={"permutations": draws}))
    return draws if _obstacle(drawn, len(study.seeds)) is None else None


def _changed(study: StudySpec, **changes: Any) -> StudySpec:
    """Return the study with other values; nothing of it is worked out yet."""
    return StudySpec(**{name: getattr(study, name) for name in StudySpec.model_fields} | changes)


def _crossed(study: StudySpec) -> StudySpec | None:
    """Return the study with all its factors crossed, where that is another design, and not a much larger one."""
    base = study.design.of if isinstance(study.design, Foldover | Augment) else study.design
    restrictions = base.model_dump(include={"forbid", "only_when"})
    crossed = _changed(study, design=FullFactorial(**restrictions))
    try:
        cells = len(crossed.design.cells(study.design_factors))
        return crossed if len(study.cells) < cells <= MOST_CELLS and crossed.cells else None
    except (SpecError, DesignError):  # some combination makes no valid run
        return None
