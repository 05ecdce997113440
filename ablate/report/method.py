"""How verdicts and intervals were reached, in the rules that were really followed."""

from collections.abc import Iterator

from ablate.analysis.phrases import counted, percent
from ablate.inference.estimate import FEWEST_RESAMPLED
from ablate.inference.inference import Inference, Test

INTERVALS = {
    "student": "Student's t",
    "studentized": "the studentized bootstrap",
    "bca": "the bias-corrected and accelerated bootstrap (BCa)",
}
ASSUMED = (
    "What this assumes: runs do not influence each other, and those without a result would not have told another "
    "story. It speaks of these levels, with all else as it was, and of other seeds; not of other data."
)


def method(inference: Inference, response: str) -> tuple[str, ...]:
    """Return a paragraph for each rule; `response` is what people call it."""
    every = (*(one.test for one in inference.verdicts), *(one.test for one in inference.interactions))
    tests = [test for test in every if test.p is not None]
    return (
        _compared(response, tests),
        *_tested(inference, tests),
        _intervals(inference),
        _equivalence(inference),
        *_importance(inference),
        *_mediation(inference),
        ASSUMED,
    )


def _compared(response: str, tests: list[Test]) -> str:
    linear = (
        " Where too few of these sets are whole, a linear model of the factors, their tested pairs and the seeds takes "
        "their place."
        if any(test.method in {"freedman_lane", "sign_flips"} for test in tests)
        else ""
    )
    return (
        f"An effect is the {response} at a level minus that at the baseline, between runs that share the seed and the "
        "levels of all other factors. It is averaged over those levels, each combination counting alike: what acts "
        f"only at some of them is seen in the interactions.{linear}"
    )


def _tested(inference: Inference, tests: list[Test]) -> Iterator[str]:
    if not tests:
        return
    settings, methods = inference.settings, {test.method for test in tests}
    ways = {
        "exact": "all relabelings are gone through where they are few enough",
        "monte_carlo": f"{settings.permutations:,} of them are drawn where they are too many",
        "freedman_lane": "residuals of the linear model are shuffled within seeds (Freedman and Lane 1983)",
        "sign_flips": "what a seed says in the linear model changes its sign as a whole",
    }
    how = "; ".join(words for name, words in ways.items() if name in methods)
    yield (
        "Tests are by randomization: levels are relabeled among matched runs of the same seed, and p is the share of "
        f"relabelings that make as large a difference as was found ({how}). {_unit(inference, tests)}"
    )
    count = f"{len(tests):,} hypotheses were" if len(tests) > 1 else "One hypothesis was"
    yield (
        f"{count} tested: every factor over all its levels at once, and every chosen pair of factors that the runs can "
        "show. p (Holm) is adjusted over all of them, so that the chance of naming anything where there is "
        f"nothing is at most {percent(settings.alpha)}. The p (Holm) of a level is never below its factor's."
    )


def _unit(inference: Inference, tests: list[Test]) -> str:
    seeds = counted(len(inference.blocks), "seed")
    if all(test.unit == "block" for test in tests):
        return f"Whole seeds are the unit: {seeds}, each counted once."
    return (
        f"The unit is a matched set of runs, as {seeds} are too few to be relabeled whole. That takes an effect to be "
        "the same in every seed."
    )


def _intervals(inference: Inference) -> str:
    settings = inference.settings
    resampled = (
        f" from {settings.resamples:,} resamples of the seeds, where they are the unit and at least "
        f"{FEWEST_RESAMPLED}, else Student's t"
    )
    kind = INTERVALS[settings.interval] + (resampled if settings.interval != "student" else "")
    return (
        f"Intervals are at {percent(1 - settings.alpha)}: {kind}. Each covers its own effect; they are not adjusted "
        "for their number. The standardized effect is in standard deviations of a run about its cell and seed (Hedges' "
        "g); P(improvement) is the share of matched pairs in which the level is better, ties counting half."
    )


def _equivalence(inference: Inference) -> str:
    margin = inference.settings.margin
    if margin is None:
        return "No margin was named below which an effect counts as none, so that no factor can be cleared."
    return (
        f"A factor is no cause where two one-sided tests at {percent(inference.settings.alpha)} place each of its "
        f"effects within the margin of {margin:g}, and none of its interactions is told from nothing."
    )


def _importance(inference: Inference) -> Iterator[str]:
    if inference.importance:
        yield (
            "A factor's share of the variance between cells is its Shapley value: what it adds to the variance "
            "explained, averaged over the orders in which factors can be added, so that an interaction is shared by "
            "those who make it. Noise between cells is shared out too. The interval resamples the seeds; the band "
            "holds 95 of 100 tables in which runs that differ in the factor alone swap results."
        )


def _mediation(inference: Inference) -> Iterator[str]:
    if inference.mediation:
        yield (
            "An effect at equal measure is that of least squares with the seeds, all factors, and the other measure "
            "beside them; its interval leaves out one seed at a time. To read it as a cause takes that nothing "
            "unmeasured moves both within a seed, and that the measure acts along one straight line everywhere: no run "
            "can show that."
        )
