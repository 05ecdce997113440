"""The looks of a sequential study for its report: what was planned, what each look showed, and repeated intervals."""

from collections.abc import Iterator
from dataclasses import dataclass

from scipy import stats

from ablate.inference.inference import Effect, Inference
from ablate.inference.sequential_t import nominal_level
from ablate.inference.sequential_tests import SequentialPath, first_naming
from ablate.inference.settings import Looks

OVERSTATED = (
    "An effect that is named at an early look is overstated on average: in simulations by up to 0.3 standard "
    "deviations of a run where power is low. Its confidence interval does not allow for the looks; the repeated one "
    "does."
)


@dataclass(frozen=True)
class ShownPath:
    """One hypothesis over the looks: its title, whether it is about one factor alone, and its path."""

    title: str
    is_factor: bool
    path: SequentialPath


@dataclass(frozen=True)
class RepeatedInterval:
    """The interval of an effect that holds at all looks together; both ends are None without a standard error."""

    effect: Effect
    low: float | None
    high: float | None


@dataclass(frozen=True)
class SequentialResult:
    """What the looks of a sequential study have shown so far, with sentences for its reader."""

    sentences: tuple[str, ...]
    paths: tuple[ShownPath, ...]
    intervals: tuple[RepeatedInterval, ...]


def sequential_result(inference: Inference, decided_after: int | None) -> SequentialResult | None:
    """Return what the looks have shown; None of a study that plans no looks.

    `decided_after` is the number of seeds after which the study was stopped, None if it was not.
    """
    looks = inference.settings.looks
    if looks is None:
        return None
    titles = {factor.path: factor.title for factor in inference.factors}
    paths = tuple(
        ShownPath(
            " x ".join(titles[path] for path in hypothesis.factors)
            + (" (linear trend)" if hypothesis.is_trend else ""),
            len(hypothesis.factors) == 1 and not hypothesis.is_trend,
            hypothesis,
        )
        for hypothesis in inference.paths
    )
    return SequentialResult(
        sentences=tuple(_sentences(inference, looks, decided_after)),
        paths=paths,
        intervals=tuple(_repeated_intervals(inference, looks)),
    )


def _sentences(inference: Inference, looks: Looks, decided_after: int | None) -> Iterator[str]:
    alpha, seeds = inference.settings.alpha, len(inference.blocks)
    yield (
        f"The plan has a look at the results after each seed from {looks.first} to {looks.last}. By the look at n "
        f"seeds, {alpha:g} x n/{looks.last} of alpha is spent: the family-wise error rate over all looks is {alpha:g}."
    )
    yield f"A factor can be named from {first_naming(looks, alpha, draws=inference.settings.draws)} seeds on."
    if decided_after is not None:
        yield f"Everything was decided after {decided_after} seeds, so the study stopped there."
    elif seeds < looks.first:
        yield f"So far {seeds} seeds are complete, so no look has been taken."
    else:
        yield f"The latest look is that at {seeds} seeds."
    if any(path.named_at is not None and path.named_at < looks.last for path in inference.paths):
        yield OVERSTATED


def _repeated_intervals(inference: Inference, looks: Looks) -> Iterator[RepeatedInterval]:
    """Yield each effect with its interval at the confidence that holds over all looks (Jennison & Turnbull 1989)."""
    seeds, alpha = len(inference.blocks), inference.settings.alpha
    if seeds < looks.first:
        return
    level = nominal_level(looks, alpha, seeds, two_sided=True)
    for verdict in inference.verdicts:
        for effect in verdict.effects:
            if effect.low is None or effect.high is None or level <= 0:
                yield RepeatedInterval(effect, None, None)
                continue
            wider = float(stats.t.ppf(1 - level / 2, effect.freedom) / stats.t.ppf(1 - alpha / 2, effect.freedom))
            reach = wider * max(effect.high - effect.estimate, effect.estimate - effect.low)
            yield RepeatedInterval(effect, effect.estimate - reach, effect.estimate + reach)
