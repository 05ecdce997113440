"""The methods behind verdicts and confidence intervals, in sentences: only the rules that this inference followed."""

from collections.abc import Iterator
from typing import assert_never

from ablate.analysis.phrases import chance, counted, percent
from ablate.inference.inference import Inference
from ablate.inference.kind_of_test import KindOfTest

ASSUMPTIONS = (
    "Assumptions: runs do not influence each other, and the runs without a response would have shown the same effects. "
    "The results hold for these levels with everything else as in this study, and for other seeds. They need not hold "
    "for other data."
)


def method(inference: Inference, response: str) -> tuple[str, ...]:
    """Return one paragraph per rule; `response` is the title of the response."""
    return (
        _effects(inference, response),
        *_tests(inference),
        _intervals(inference),
        _equivalence(inference),
        *_lack_of_fit(inference),
        *_importance(inference),
        *_mediation(inference),
        ASSUMPTIONS,
    )


def _effects(inference: Inference, response: str) -> str:
    same_seed = "" if inference.kind is KindOfTest.RUN_FLIPS else "The effects of seeds are removed. "
    return (
        f"An effect is the {response} at a level minus the {response} at the baseline, averaged over the levels of the "
        f"other factors with equal weight. {same_seed}It is estimated by least squares in a linear model of the "
        "factors and their interactions. In a complete design that equals the mean difference of matched runs. Effects "
        "that depend on another factor appear as interactions."
    )


def _tests(inference: Inference) -> Iterator[str]:
    tests = [verdict.test for verdict in inference.verdicts] + [pair.test for pair in inference.interactions]
    count = sum(test.p is not None for test in tests)
    if not count:
        return
    yield _kind(inference)
    adjustment, alpha = inference.adjustment, percent(inference.settings.alpha)
    hypotheses = f"{count:,} hypotheses were" if count > 1 else "One hypothesis was"
    yield (
        f"{hypotheses} tested: every factor over all its levels, the linear trend of every ordered factor, and every "
        f"two-factor interaction of the family that the runs can estimate. p ({adjustment}) keeps the family-wise "
        f"error rate, the probability of any false claim, at {alpha} or less. The p ({adjustment}) of a level is never "
        "below that of its factor."
    )


def _kind(inference: Inference) -> str:
    match inference.kind:
        case KindOfTest.SEED_FLIPS:
            return (
                "The test changes the signs of whole seeds jointly for all hypotheses, and compares the largest "
                "statistic of each flip with the observed ones, step by step (max-T: Westfall and Young 1993). Effects "
                f"may differ between seeds (n = {counted(len(inference.blocks), 'seed')})."
            )
        case KindOfTest.WILD_FLIPS:
            return (
                "Nobody planned the cells of this table, so residuals of whole seeds change their signs jointly for "
                "all hypotheses, and the model is fitted again for each flip (restricted wild cluster bootstrap). The "
                "largest statistic of each flip is compared with the observed ones, step by step (max-T)."
            )
        case KindOfTest.RUN_FLIPS:
            return (
                "Runs are compared without seeds: residuals of single runs change their signs jointly for all "
                "hypotheses. Statistics are studentized (HC2), so that levels may differ in their noise. The largest "
                "statistic of each flip is compared with the observed ones, step by step (max-T)."
            )
        case KindOfTest.F_TEST:
            return (
                f"With {counted(len(inference.blocks), 'seed')}, main effects are tested by F tests against the "
                "largest of three estimates of the noise: what seeds and cells leave, the interaction of seeds with "
                "the factor, and the interaction of seeds with all factors and pairs. So few seeds cannot speak for "
                "other seeds."
            )
        case unknown:
            assert_never(unknown)


def _intervals(inference: Inference) -> str:
    unit = "runs" if inference.kind is KindOfTest.RUN_FLIPS else "seeds"
    name = "HC2" if inference.kind is KindOfTest.RUN_FLIPS else "CR2"
    return (
        f"Confidence intervals are at {percent(1 - inference.settings.alpha)}. Their unit is that of the test, {unit}: "
        f"robust standard errors ({name}) with Satterthwaite degrees of freedom (Pustejovsky and Tipton 2018). With "
        "fewer than three degrees of freedom there is none. Each covers its own effect; they are not corrected for "
        "multiple comparisons. The standardized effect is in standard deviations of a run within its cell and seed "
        "(Hedges' g). P(improvement) is the share of matched pairs in which the level is better; ties count half."
    )


def _equivalence(inference: Inference) -> str:
    margin = inference.settings.margin
    if margin is None:
        return 'No equivalence margin was set, so no factor can get the verdict "not a cause".'
    return (
        'A factor gets the verdict "not a cause" if two one-sided tests (TOST) at '
        f"{percent(inference.settings.alpha)} place each of its effects within the equivalence margin of ±{margin:g}, "
        "none of its interactions is significant, and a permutation test of its effect in every context stays above "
        "5 %. The error rate of these tests holds for each factor, not for all factors together."
    )


def _lack_of_fit(inference: Inference) -> Iterator[str]:
    if (fit := inference.lack_of_fit) is not None:
        meaning = "three or more factors act together"
        if any(factor.numeric for factor in inference.factors):
            meaning = f"the trend of a numeric factor is not linear, or {meaning}"
        yield (
            "Lack of fit: an F test of what main effects and interactions of two factors leave of the cells gives "
            f"F({fit.numerator_df}, {fit.denominator_df}), p {chance(fit.p)}. A small p means that {meaning}."
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
