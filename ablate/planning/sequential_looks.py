"""The looks at a study's results: which the plan foresaw, when a study is decided, and what unplanned ones mean."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from ablate.inference.inference import Inference
from ablate.inference.verdict import Verdict
from ablate.planning.preregistered_plan import plan_digest
from ablate.storage.looks import LookedAtTest, RecordedLook
from ablate.storage.paths import StudyPaths
from ablate.study import StudySpec


def is_decided(study: StudySpec, inference: Inference) -> bool:
    """Return whether every factor has a verdict, and every pair that the study names.

    A named pair has one if its interaction is significant, or if neither of its factors is undecided.
    """
    undecided = {verdict.factor for verdict in inference.verdicts if verdict.verdict is Verdict.UNDECIDED}
    return not undecided and bool(inference.verdicts) and all(_pairs_are_decided(study, inference))


def _pairs_are_decided(study: StudySpec, inference: Inference) -> Iterator[bool]:
    pairs = study.analysis.interactions
    alpha = study.analysis.alpha
    verdicts = {verdict.factor: verdict.verdict for verdict in inference.verdicts}
    for pair in pairs if isinstance(pairs, list) else []:
        test = next((test for test in inference.interactions if set(test.factors) == set(pair)), None)
        is_named = test is not None and test.p_adjusted is not None and test.p_adjusted <= alpha
        # a factor that no context moves has no interaction
        is_cleared = any(verdicts.get(path) is Verdict.NOT_A_CAUSE for path in pair)
        yield is_named or is_cleared


@dataclass(frozen=True)
class LookExtent:
    """What a look is about: complete seeds, runs with a response, and whether every run of the study has ended."""

    seeds: int
    runs: int
    is_complete: bool


def look_at(
    study: StudySpec, paths: StudyPaths, inference: Inference, extent: LookExtent, *, stops: bool = False
) -> RecordedLook:
    """Return the look at the results of a study so far, as it is recorded.

    A sequential study plans a look after every seed from its first look on, any other study one after its last run.
    """
    looks = study.looks
    return RecordedLook(
        at=f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
        seeds=extent.seeds,
        planned_seeds=len(study.seeds),
        runs=extent.runs,
        is_planned=extent.is_complete if looks is None else looks.first <= extent.seeds <= looks.last,
        stops=stops,
        verdicts={verdict.factor: str(verdict.verdict) for verdict in inference.verdicts},
        tests=tuple(_tests(inference)),
        plan=plan_digest(paths),
    )


def unplanned_looks(looks: Sequence[RecordedLook]) -> tuple[str, ...]:
    """Return a sentence for every look that the plan did not foresee, the earliest first.

    These are looks that named a verdict before the study was complete, and all looks after seeds were added to a study
    that had been looked at.
    """
    sentences, first_planned = [], looks[0].planned_seeds if looks else 0
    for look in looks:
        if look.planned_seeds > first_planned:
            sentences.append(
                f"The look of {look.at} at {look.seeds} seeds was not planned: "
                f"seeds were added after a look at the study of {first_planned} seeds."
            )
        elif not look.is_planned and names_a_verdict(look):
            sentences.append(
                f"The look of {look.at} at {look.runs} runs was not planned: "
                "it named verdicts before the study was complete."
            )
    return tuple(sentences)


def exploratory_from(looks: Sequence[RecordedLook]) -> str | None:
    """Return from which look on the verdicts of a study are exploratory, and why; None if every look was planned."""
    unplanned = unplanned_looks(looks)
    if not unplanned:
        return None
    return f"from this look on: {unplanned[0][0].lower()}{unplanned[0][1:]}"


def names_a_verdict(look: RecordedLook) -> bool:
    """Return whether a look says anything about a factor."""
    return any(verdict != str(Verdict.UNDECIDED) for verdict in look.verdicts.values())


def _tests(inference: Inference) -> Iterator[LookedAtTest]:
    if inference.paths:
        for path in inference.paths:
            latest = path.looks[-1]
            yield LookedAtTest(
                factors=path.factors,
                is_trend=path.is_trend,
                p_adjusted=path.p,
                statistic=latest.statistic,
                boundary=latest.boundary,
            )
        return
    for verdict in inference.verdicts:
        yield LookedAtTest(factors=(verdict.factor,), p_adjusted=verdict.p_adjusted)
    for interaction in inference.interactions:
        yield LookedAtTest(factors=interaction.factors, p_adjusted=interaction.p_adjusted)
