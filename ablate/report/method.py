"""The methods behind verdicts and confidence intervals, in sentences: only the rules that this inference followed."""

from collections.abc import Iterator

from ablate.analysis.phrases import counted, percent
from ablate.inference.estimate import FEWEST_RESAMPLED
from ablate.inference.inference import Inference, Test

INTERVALS = {
    "student": "Student's t",
    "studentized": "the studentized bootstrap",
    "bca": "the bias-corrected and accelerated bootstrap (BCa)",
}
ASSUMPTIONS = (
    "Assumptions: runs do not influence each other, and the runs without a response would have shown the same effects. "
    "The results hold for these levels with everything else as in this study, and for other seeds. They need not hold "
    "for other data."
)


def method(inference: Inference, response: str) -> tuple[str, ...]:
    """Return one paragraph per rule; `response` is the title of the response."""
    tests = [verdict.test for verdict in inference.verdicts] + [pair.test for pair in inference.interactions]
    tests = [test for test in tests if test.p is not None]
    return (
        _effects(response, tests),
        *_tests(inference, tests),
        _intervals(inference),
        _equivalence(inference),
        *_importance(inference),
        *_mediation(inference),
        ASSUMPTIONS,
    )


def _effects(response: str, tests: list[Test]) -> str:
    linear = (
        " If too few of these matched sets are complete, a linear model of the factors, their tested interactions and "
        "the seeds replaces them."
        if any(test.method in {"freedman_lane", "sign_flips"} for test in tests)
        else ""
    )
    return (
        f"An effect is the {response} at a level minus the {response} at the baseline. Only runs with the same seed "
        "and the same levels of all other factors are compared. The effect is the mean over those levels, with equal "
        f"weight for each combination. Effects that depend on another factor appear as interactions.{linear}"
    )


def _tests(inference: Inference, tests: list[Test]) -> Iterator[str]:
    if not tests:
        return
    settings, methods = inference.settings, {test.method for test in tests}
    rules = {
        "exact": "All permutations are enumerated if they are few enough.",
        "monte_carlo": f"Of too many permutations, {settings.permutations:,} are drawn.",
        "freedman_lane": "Residuals of the linear model are permuted within seeds (Freedman and Lane 1983).",
        "sign_flips": "With the linear model, the test flips the signs of whole seeds.",
    }
    applied = " ".join(rule for name, rule in rules.items() if name in methods)
    yield (
        "All tests are permutation tests. They permute the levels among matched runs of the same seed; p is the share "
        f"of permutations with a difference at least as large as the observed one. {applied} {_unit(inference, tests)}"
    )
    count = f"{len(tests):,} hypotheses were" if len(tests) > 1 else "One hypothesis was"
    yield (
        f"{count} tested: every factor over all its levels, and every two-factor interaction of the family that the "
        "runs can estimate. p (Holm) keeps the family-wise error rate, the probability of any false claim, at "
        f"{percent(settings.alpha)} or less. The p (Holm) of a level is never below that of its factor."
    )


def _unit(inference: Inference, tests: list[Test]) -> str:
    seeds = counted(len(inference.blocks), "seed")
    if all(test.unit == "block" for test in tests):
        return f"The test permutes whole seeds (n = {seeds}), so effects may differ between seeds."
    return (
        f"With only {seeds}, the test permutes single runs within matched sets. It assumes that effects are equal in "
        "every seed."
    )


def _intervals(inference: Inference) -> str:
    settings = inference.settings
    resampled = (
        f" with {settings.resamples:,} resamples of the seeds, if seeds are the unit and there are at least "
        f"{FEWEST_RESAMPLED}; otherwise Student's t"
    )
    interval = INTERVALS[settings.interval] + (resampled if settings.interval != "student" else "")
    return (
        f"Confidence intervals are at {percent(1 - settings.alpha)}: {interval}. Each covers its own effect; they are "
        "not corrected for multiple comparisons. The standardized effect is in standard deviations of a run within "
        "its cell and seed (Hedges' g). P(improvement) is the share of matched pairs in which the level is better; "
        "ties count half."
    )


def _equivalence(inference: Inference) -> str:
    margin = inference.settings.margin
    if margin is None:
        return 'No equivalence margin was set, so no factor can get the verdict "not a cause".'
    return (
        'A factor gets the verdict "not a cause" if two one-sided tests (TOST) at '
        f"{percent(inference.settings.alpha)} place each of its effects within the equivalence margin of ±{margin:g}, "
        "and none of its interactions is significant."
    )


def _importance(inference: Inference) -> Iterator[str]:
    if inference.importance:
        yield (
            "A factor's Shapley share is what it adds to the variance explained between cells, averaged over all "
            "orders in which factors can be added. Interacting factors divide their interaction between them; noise "
            "between cells is divided too. Its confidence interval resamples the seeds. The null band covers 95 % of "
            "the shares of a factor without effect, so about one such factor in twenty exceeds it by chance."
        )


def _mediation(inference: Inference) -> Iterator[str]:
    if inference.mediation:
        yield (
            "A direct effect is estimated by least squares with the seeds, all factors and the mediator in the model; "
            "its confidence interval leaves out one seed at a time. A causal reading needs three assumptions that no "
            "run can show. Nothing unmeasured affects both the mediator and the response within a seed. The mediator "
            "is measured without error: with an error of one standard deviation, 95 % intervals covered only 65 % in "
            "simulations. The mediator acts linearly, and equally in all cells."
        )
