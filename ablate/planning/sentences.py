"""A plan in sentences, and its numbers as text."""

from collections.abc import Iterator, Sequence

from ablate.planning.plan import Plan, PlannedTest

MAX_NAMED = 4  # of a long list; the others are counted
UNITS = {"block": "whole seeds", "run": "matched runs"}
COLUMNS = ("permutes", "matched\nsets", "minimum\np", "minimum p\n(Holm)", "detectable\nat 80 % power")


def sentences(plan: Plan) -> tuple[str, ...]:
    """Return the statements of the plan, the most important first."""
    return (
        decision(plan),
        tested_family(plan),
        *_caveat(plan),
        *_not_estimable(plan),
        *_aliases(plan),
        *_unit_of_permutation(plan),
        *_unit_of_effects(plan),
    )


def layout(plan: Plan, takes: str) -> str:
    """Say how many runs there are, how long they take, and how their degrees of freedom are used."""
    runs = f"{plan.design}: {run_count(plan)}, {takes}."
    if not plan.factors:
        return runs
    freedom = plan.freedom
    return (
        f"{runs} Degrees of freedom: {freedom.total} in total, {freedom.seeds} for seeds, "
        f"{sum(freedom.terms.values())} for tested terms, {freedom.residual} residual. "
        f"D-efficiency {plan.confounding.d_efficiency:.2f}."
    )


def run_count(plan: Plan) -> str:
    """Return the number of runs and its factors: 8 cells x 2 seeds = 16 runs."""
    cells, seeds = _count(len(plan.cells), "cell"), _count(len(plan.seeds), "seed")
    return f"{cells} x {seeds} = {_count(plan.runs, 'run')}"


def row(plan: Plan, place: int) -> tuple[str, ...]:
    """Return the cells of the test at this place under COLUMNS."""
    test = plan.tests[place]
    return (
        permuted_unit(test),
        str(test.sets or "none"),
        f"{test.min_attainable_p:.2g}",
        f"{test.min_attainable_p_adjusted:.2g}",
        effect(plan, test.minimum_detectable_effect),
    )


def decision(plan: Plan) -> str:
    """Say whether the study can reject any hypothesis, and which changes would help if it cannot."""
    if plan.obstacle is None:
        kind = "exploratory, although it could reject hypotheses" if plan.exploratory else "confirmatory"
        return f"The study is {kind}: {_decidable_hypotheses(plan)}"
    changes = f"Possible changes: {'; or '.join(plan.remedies)}"
    if plan.exploratory:
        return f"The study is exploratory, and cannot reject any hypothesis: {plan.obstacle}. {changes}."
    return f"Refused: the study cannot reject any hypothesis: {plan.obstacle}. {changes}; or exploratory: true."


def tested_family(plan: Plan) -> str:
    """Say which hypotheses are tested, and the level of the first step of Holm's procedure."""
    if not plan.tests:
        return "No hypothesis is tested."
    mains = sum(test.is_main_effect for test in plan.tests)
    interactions = len(plan.tests) - mains
    return (
        f"Holm's procedure tests {_count(mains, 'main effect')} and {_count(interactions, 'interaction')} as one "
        f"family. Its first step requires p <= {plan.first_step_level:.2g}."
    )


def effect(plan: Plan, size: float | None) -> str:
    """Return the size of an effect in standard deviations, and in the response's unit if the deviation is known."""
    if size is None:
        return "none"
    return f"{size:.2f} SD" + (f" = {size * plan.sd.value:.3g}" if plan.sd else "")


def minimum_detectable_effects(plan: Plan, place: int) -> tuple[float | None, ...]:
    """Return the minimum detectable effect of the test at this place, for each compared number of seeds."""
    return tuple(option.minimum_detectable_effect[place] for option in plan.seed_options)


def permuted_unit(test: PlannedTest) -> str:
    """Return what a test permutes: matched runs, whole seeds, or the residuals of a linear model."""
    return "residuals" if test.method == "linear" and test.unit == "run" else UNITS[test.unit]


def _decidable_hypotheses(plan: Plan) -> str:
    """Say how many hypotheses can be rejected, and how many seeds would be enough for every hypothesis."""
    total = len(plan.tests)
    undecidable = [test.title for test in plan.tests if test.min_attainable_p_adjusted > plan.alpha]
    if not undecidable:
        return f"each of its {total} hypotheses can be rejected at alpha {plan.alpha:g}."
    enough = [option.seeds for option in plan.seed_options if max(option.min_attainable_p) <= plan.first_step_level]
    seeds = f" {enough[0]} seeds are enough for every hypothesis." if enough else ""
    decidable = f"{total - len(undecidable)} of {total} hypotheses can be rejected at alpha {plan.alpha:g}"
    return f"{decidable}. These cannot: {_listed(undecidable)}.{seeds}"


def _caveat(plan: Plan) -> tuple[str, ...]:
    return (f"{plan.design.replace('_', ' ').capitalize()}: {plan.caveat}.",) if plan.caveat else ()


def _not_estimable(plan: Plan) -> tuple[str, ...]:
    if not plan.not_estimable or plan.caveat:  # the caveat says already that no interaction can be seen
        return ()
    no_interaction = all(test.is_main_effect for test in plan.tests) and len(plan.not_estimable) > MAX_NAMED
    effects = "any interaction" if no_interaction else _listed(plan.not_estimable)
    sentence = f"The design cannot estimate {effects} together with all other tested effects"
    return (f"{sentence}. With fewer pairs in analysis.interactions it may.",)


def _aliases(plan: Plan) -> tuple[str, ...]:
    return (f"{_listed(plan.confounding.aliases, '; ')}.",) if plan.confounding.aliases else ()


def _unit_of_permutation(plan: Plan) -> Iterator[str]:
    """Say from how many seeds on the tests permute whole seeds, and what that costs."""
    if (seeds := plan.whole_seeds_from) is not None:
        yield (
            f"With up to {seeds - 1} seeds the tests permute single runs, and assume that effects are equal in every "
            f"seed. From {seeds} seeds on they permute whole seeds, without that assumption, and have less power at "
            f"first.{_loss_of_power(plan, seeds)}"
        )


def _loss_of_power(plan: Plan, whole_seeds_from: int) -> str:
    """Give the minimum detectable effects of the first test that loses power when whole seeds are permuted."""
    by_seeds = {option.seeds: option.minimum_detectable_effect for option in plan.seed_options}
    effects = zip(by_seeds[whole_seeds_from - 1], by_seeds[whole_seeds_from], strict=True)
    for place, (before, after) in enumerate(effects):
        if before is None or after is None or after <= before:
            continue
        recovered = [
            seeds for seeds, sizes in by_seeds.items() if seeds > whole_seeds_from and (sizes[place] or after) <= before
        ]
        again = f", and with {recovered[0]} seeds at most {effect(plan, before)} again" if recovered else ""
        return (
            f" The minimum detectable effect of {plan.tests[place].title} is {effect(plan, before)} with "
            f"{whole_seeds_from - 1} seeds, {effect(plan, after)} with {whole_seeds_from} seeds{again}."
        )
    return ""


def _unit_of_effects(plan: Plan) -> Iterator[str]:
    """Say in which unit effects are given, if there are any."""
    if not plan.tests:
        return
    if plan.sd is None:
        yield (
            "Effects are in SD, the residual standard deviation of a run without cell and seed effects. To see them in "
            f"the unit of the response ({plan.unit}), give --sd, --pilot or analysis.sd."
        )
    else:
        yield (
            "Effects are in SD, the residual standard deviation of a run without cell and seed effects. "
            f"1 SD = {plan.sd.value:.3g} in the unit of the response, {plan.unit} ({plan.sd.source})."
        )


def _listed(texts: Sequence[str], separator: str = ", ") -> str:
    if len(texts) <= MAX_NAMED + 1:
        return separator.join(texts)
    return separator.join((*texts[:MAX_NAMED], f"and {len(texts) - MAX_NAMED} more"))


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" + "s" * (number != 1)
