"""A plan in sentences, and its numbers as text."""

from collections.abc import Iterator, Sequence

from ablate.inference.kind_of_test import FEWEST_FLIPPED, KindOfTest
from ablate.planning.plan import Plan, PlannedTest

MAX_NAMED = 4  # of a long list; the others are counted
TESTS = {KindOfTest.SEED_FLIPS: "seed flips", KindOfTest.F_TEST: "F test"}
NO_NUMBER = "-"


def sentences(plan: Plan) -> tuple[str, ...]:
    """Return the statements of the plan, the most important first."""
    return (
        *_in_these_seeds(plan),
        decision(plan),
        *tested_family(plan),
        *_untested(plan),
        *_caveat(plan),
        *_not_estimable(plan),
        *_aliases(plan),
        *_equivalence(plan),
        *_unit_of_effects(plan),
        *_measurable(plan),
    )


def layout(plan: Plan, takes: str) -> str:
    """Say how many runs there are, how long they take, and how their degrees of freedom are used."""
    runs = f"{plan.design}: {run_count(plan)}, {takes}."
    if not plan.factors:
        return runs
    freedom = plan.freedom
    further = f"{freedom.other_interactions} for other interactions, " if freedom.other_interactions else ""
    return (
        f"{runs} Degrees of freedom: {freedom.total} in total, {freedom.seeds} for seeds, "
        f"{sum(freedom.terms.values())} for hypotheses, {further}{freedom.residual} residual. "
        f"D-efficiency {plan.confounding.d_efficiency:.2f}."
    )


def run_count(plan: Plan) -> str:
    """Return the number of runs and its factors: 8 cells x 2 seeds = 16 runs."""
    cells, seeds = _count(len(plan.cells), "cell"), _count(len(plan.seeds), "seed")
    return f"{cells} x {seeds} = {_count(plan.runs, 'run')}"


def columns(plan: Plan) -> tuple[str, ...]:
    """Return the headings of the columns of tests; the last one is left out without a margin."""
    headings = ("test", "minimum\np", "detectable\nat 80 % power")
    return (*headings, '"not a cause"\nif no effect') if has_margin(plan) else headings


def row(plan: Plan, place: int) -> tuple[str, ...]:
    """Return the cells of the test at this place under its columns."""
    test = plan.tests[place]
    cells = (test_words(test), min_attainable_p(test), effect(plan, test.minimum_detectable_effect))
    return (*cells, not_a_cause(test)) if has_margin(plan) else cells


def has_margin(plan: Plan) -> bool:
    """Return whether the plan knows how often a factor without effect is called "not a cause"."""
    return any(test.not_a_cause is not None for test in plan.tests)


def decision(plan: Plan) -> str:
    """Say whether the study can reach any verdict, and which changes would help if it cannot."""
    if plan.obstacle is not None:
        changes = f"Possible changes: {'; or '.join(plan.remedies)}"
        if plan.exploratory:
            return f"The study is exploratory, and cannot reach any verdict: {plan.obstacle}. {changes}."
        return f"Refused: the study cannot reach any verdict: {plan.obstacle}. {changes}; or exploratory: true."
    kind = "exploratory, although it could reach verdicts" if plan.exploratory else "confirmatory"
    if len(plan.tested) == len(plan.tests):
        return f"The study is {kind}: each of its {len(plan.tests)} hypotheses can be significant at {_alpha(plan)}."
    return (
        f"The study is {kind}: {len(plan.tested)} of {len(plan.tests)} hypotheses can be significant at {_alpha(plan)}."
    )


def tested_family(plan: Plan) -> Iterator[str]:
    """Say which hypotheses are tested, and how."""
    if not plan.tested:
        yield "No hypothesis is tested."
        return
    mains = sum(test.is_main_effect for test in plan.tested)
    trends = sum(test.is_trend for test in plan.tested)
    interactions = len(plan.tested) - mains - trends
    counts = [_count(mains, "main effect")]
    counts += [_count(trends, "linear trend")] if trends else []
    counts += [_count(interactions, "interaction")] if interactions else []
    yield f"The family has {_and(counts)}. {_how_tested(plan)}"


def effect(plan: Plan, size: float | None) -> str:
    """Return the size of an effect in standard deviations, and in the response's unit if the deviation is known."""
    if size is None:
        return "none"
    return f"{size:.2f} SD" + (f" = {size * plan.sd.value:.3g}" if plan.sd else "")


def minimum_detectable_effects(plan: Plan, place: int) -> tuple[float | None, ...]:
    """Return the minimum detectable effect of the test at this place, for each compared number of seeds."""
    return tuple(option.minimum_detectable_effect[place] for option in plan.seed_options)


def test_words(test: PlannedTest) -> str:
    """Return how a hypothesis is tested."""
    return TESTS[test.kind] if test.kind is not None else "none"


def min_attainable_p(test: PlannedTest) -> str:
    """Return the minimum attainable p-value of a test as text; an F test has none."""
    if test.kind is None or test.min_attainable_p == 0:
        return NO_NUMBER
    return f"{test.min_attainable_p:.2g}"


def not_a_cause(test: PlannedTest) -> str:
    """Return the probability that a factor without effect is called "not a cause", as text."""
    return NO_NUMBER if test.not_a_cause is None else f"{100 * test.not_a_cause:.0f} %"


def _alpha(plan: Plan) -> str:
    return f"alpha {plan.alpha:g}"


def _in_these_seeds(plan: Plan) -> Iterator[str]:
    """Say what fewer than six seeds cannot show."""
    if plan.is_in_these_seeds and plan.obstacle is None:
        runs = FEWEST_FLIPPED * len(plan.cells)
        yield (
            f'With {len(plan.seeds)} seeds, a factor can only be a "cause in these seeds": other seeds may differ. No '
            f'interaction gets a verdict, and no factor is called "not a cause". Six seeds ({runs} runs) allow these '
            "verdicts."
        )


def _how_tested(plan: Plan) -> str:
    if plan.adjustment == "Holm":
        return "F tests compare each main effect with the largest of three error terms, and p is adjusted by Holm."
    smallest = min(test.min_attainable_p for test in plan.tested)
    return (
        "The tests flip the signs of whole seeds, jointly for all hypotheses, and p is adjusted by max-T. The minimum "
        f"attainable p-value is {smallest:.2g}."
    )


def _untested(plan: Plan) -> Iterator[str]:
    """Name the hypotheses that so few seeds or cells do not test, with the reason."""
    if plan.obstacle is not None:
        return
    for reason in dict.fromkeys(test.untested for test in plan.tests if test.untested):
        titles = [test.title for test in plan.tests if test.untested == reason]
        yield f"Not tested, because {reason}: {_listed(titles)}."


def _caveat(plan: Plan) -> tuple[str, ...]:
    return (f"{plan.design.replace('_', ' ').capitalize()}: {plan.caveat}.",) if plan.caveat else ()


def _not_estimable(plan: Plan) -> Iterator[str]:
    """Name the hypotheses that the design cannot separate from other effects, main effects first."""
    factors = {factor.title for factor in plan.factors}
    mains = [title for title in plan.not_estimable if title in factors]
    if mains and plan.obstacle is None:
        yield f"The design aliases these main effects with other effects; they stay undecided: {_listed(mains)}."
    interactions = [title for title in plan.not_estimable if title not in factors]
    if interactions and not plan.caveat:  # the caveat says already that no interaction can be seen
        has_none = not any(test.is_interaction for test in plan.tests) and len(interactions) > MAX_NAMED
        yield f"The design cannot estimate {'any interaction' if has_none else _listed(interactions)}."


def _aliases(plan: Plan) -> tuple[str, ...]:
    return (f"{_listed(plan.confounding.aliases, '; ')}.",) if plan.confounding.aliases else ()


def _equivalence(plan: Plan) -> Iterator[str]:
    """Say how often a factor without effect is called "not a cause"."""
    if plan.margin is None or not plan.tested or plan.is_in_these_seeds:
        return
    chances = [test.not_a_cause for test in plan.tests if test.not_a_cause is not None]
    if not chances:
        if plan.sd is None:
            yield (
                f"Give --sd or --pilot to see how often the margin of {plan.margin:g} lets a factor without effect be "
                'called "not a cause".'
            )
        return
    low, high = f"{100 * min(chances):.0f}", f"{100 * max(chances):.0f}"
    percent = low if low == high else f"{low} to {high}"
    yield (
        f'If nothing has an effect, a factor is called "not a cause" in about {percent} % of studies like this one '
        f"(margin {plan.margin:g})."
    )


def _unit_of_effects(plan: Plan) -> Iterator[str]:
    """Say in which unit effects are given, and how much they vary between seeds, if there are any."""
    if not plan.tests:
        return
    unit = "Effects are in SD, the standard deviation of a run about its cell and its seed."
    if plan.sd is None:
        yield f"{unit} To see them in the unit of the response ({plan.unit}), give --sd, --pilot or analysis.sd."
    else:
        yield f"{unit} 1 SD = {plan.sd.value:.3g} in the unit of the response, {plan.unit} ({plan.sd.source})."
    if plan.sd is not None and plan.sd.between_seeds:
        spread = f"{plan.sd.between_seeds:.3g}"
        yield f"The power takes effects to differ between seeds, with a standard deviation of {spread}."
    else:
        yield (
            "The power takes effects to be equal in all seeds. If they differ, give a pilot with --pilot, or their "
            "standard deviation as analysis.seed_sd."
        )


def _measurable(plan: Plan) -> Iterator[str]:
    """Say which runs count."""
    if plan.measurable_from == 0:
        yield f"A run counts if one of its frames defines the {plan.response} (response.measurable_from)."
        return
    yield (
        f"A run counts if at least {100 * plan.measurable_from:.3g} % of its frames define the {plan.response} "
        "(response.measurable_from). With fewer it is unmeasurable, which counts as a loss by its response."
    )


def _and(texts: Sequence[str]) -> str:
    return " and ".join([", ".join(texts[:-1]), texts[-1]]) if len(texts) > 1 else texts[0]


def _listed(texts: Sequence[str], separator: str = ", ") -> str:
    if len(texts) <= MAX_NAMED + 1:
        return separator.join(texts)
    return separator.join((*texts[:MAX_NAMED], f"and {len(texts) - MAX_NAMED} more"))


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" + "s" * (number != 1)
