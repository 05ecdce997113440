"""A plan in sentences."""

from collections.abc import Iterator, Sequence

from ablate.planning.plan import Plan, PlannedTest

NAMED = 4  # of a long list; the rest is counted
UNITS = {"block": "whole seeds", "run": "matched runs"}


def sentences(plan: Plan) -> tuple[str, ...]:
    """Return what the plan says, the most important first."""
    return (
        verdict(plan),
        family(plan),
        *_caveat(plan),
        *_not_shown(plan),
        *mixed_up(plan),
        *_takeover(plan),
        *size_of_effects(plan),
    )


def layout(plan: Plan, takes: str) -> str:
    """Say what is run, how long that takes, and where its degrees of freedom go."""
    planned, own = f"{plan.design}: {runs(plan)}, {takes}.", plan.freedom
    if not plan.factors:
        return planned
    return (
        f"{planned} Degrees of freedom: {own.total} in all, {own.seeds} of seeds, {sum(own.terms.values())} of tested "
        f"terms, {own.residual} left. D-efficiency {plan.confounding.d_efficiency:.2f}."
    )


def runs(plan: Plan) -> str:
    """Say how many runs there are: 8 cells x 2 seeds = 16 runs."""
    cells, seeds = _count(len(plan.cells), "cell"), _count(len(plan.seeds), "seed")
    return f"{cells} x {seeds} = {_count(plan.runs, 'run')}"


COLUMNS = ("relabeled", "sets", "smallest\np", "adjusted,\nat best", "found\nin 80 %")


def row(plan: Plan, place: int) -> tuple[str, ...]:
    """Return the test at this place under COLUMNS."""
    test = plan.tests[place]
    found = effect(plan, test.detectable)
    return dealt(test), str(test.sets or "none"), f"{test.smallest:.2g}", f"{test.smallest_adjusted:.2g}", found


def verdict(plan: Plan) -> str:
    """Say whether the study can reject anything, and what would let it."""
    if plan.obstacle is None:
        kind = "exploratory, though it could decide" if plan.exploratory else "confirmatory"
        return f"The study is {kind}: {_within_reach(plan)}."
    help_ = f" What would help: {'; or '.join(plan.remedies)}."
    if plan.exploratory:
        return f"The study is exploratory, and could not reject anything: {plan.obstacle}.{help_}"
    return f"Refused: the study cannot reject anything: {plan.obstacle}.{help_} Or say exploratory: true."


def family(plan: Plan) -> str:
    """Say what is tested, and what the first step of Holm's procedure asks for."""
    if not plan.tests:
        return "Nothing is tested."
    mains = sum(len(test.factors) == 1 for test in plan.tests)
    pairs = len(plan.tests) - mains
    return (
        f"One family of {_count(mains, 'main effect')} and {_count(pairs, 'interaction')}, by Holm's procedure: its "
        f"first step asks for p of at most {plan.first_step:.2g}."
    )


def mixed_up(plan: Plan) -> tuple[str, ...]:
    """Say what the design cannot tell apart, strongest first."""
    found = plan.confounding.aliases
    return (f"{_some(found, '; ')}.",) if found else ()


def size_of_effects(plan: Plan) -> Iterator[str]:
    """Say in what the sizes of effects are given, where there are any."""
    if not plan.tests:
        return
    if plan.sd is None:
        yield (
            "Effects are in SD: standard deviations of a run about its cell and seed. For sizes in the unit of the "
            f"response ({plan.unit}), give --sd, --pilot or analysis.sd."
        )
    else:
        size = f"{plan.sd.value:.3g} in the unit of the response: {plan.unit}"
        yield f"One SD, of a run about its cell and seed, is {size} ({plan.sd.source})."


def effect(plan: Plan, size: float | None) -> str:
    """Write the size of an effect, in standard deviations and in the response's unit where that is known."""
    if size is None:
        return "none"
    return f"{size:.2f} SD" + (f" = {size * plan.sd.value:.3g}" if plan.sd else "")


def by_seeds(plan: Plan, place: int) -> tuple[float | None, ...]:
    """Return the effect that the test at this place finds with each other number of seeds; None where none is."""
    return tuple(other.detectable[place] for other in plan.with_seeds)


def dealt(test: PlannedTest) -> str:
    """Say what a test relabels: runs, seeds, or the residuals of a linear model."""
    return "residuals" if test.how == "linear" and test.unit == "run" else UNITS[test.unit]


def _within_reach(plan: Plan) -> str:
    """Say how many hypotheses can be rejected where all others are too, and with how many seeds each could be alone."""
    beyond = [test.title for test in plan.tests if test.smallest_adjusted > plan.alpha]
    if not beyond:
        return f"each of its {len(plan.tests)} hypotheses can be rejected at alpha {plan.alpha:g}"
    seeds = [other.seeds for other in plan.with_seeds if max(other.smallest) <= plan.first_step]
    enough = f"; with {seeds[0]} seeds each could be" if seeds else ""
    able = f"{len(plan.tests) - len(beyond)} of {len(plan.tests)} hypotheses can be rejected at alpha {plan.alpha:g}"
    return f"{able}, and not {_some(beyond)}{enough}"


def _caveat(plan: Plan) -> tuple[str, ...]:
    return (f"{plan.design.replace('_', ' ').capitalize()}: {plan.caveat}.",) if plan.caveat else ()


def _not_shown(plan: Plan) -> tuple[str, ...]:
    if not plan.not_shown or plan.caveat:  # which says that no interaction can be seen
        return ()
    none = all(len(test.factors) == 1 for test in plan.tests) and len(plan.not_shown) > NAMED
    unseen = "any interaction" if none else _some(plan.not_shown)
    return (f"The design cannot show {unseen} beside all that is asked; fewer pairs in analysis.interactions may do.",)


def _takeover(plan: Plan) -> Iterator[str]:
    """Say where one more seed finds less."""
    if (first := plan.takeover) is not None:
        yield (
            f"Up to {first - 1} seeds single runs are relabeled, which takes effects to be the same in every seed; "
            f"from {first} on only whole seeds are, which takes nothing of the kind, and finds less at first"
            f"{_price(plan, first)}."
        )


def _price(plan: Plan, first: int) -> str:
    """Say what the takeover does to the first test that finds less after it."""
    found = {other.seeds: other.detectable for other in plan.with_seeds}
    for place, (before, after) in enumerate(zip(found[first - 1], found[first], strict=True)):
        if before is None or after is None or after <= before:
            continue
        level = [seeds for seeds, own in found.items() if seeds > first and (own[place] or after) <= before]
        again = f", and {effect(plan, before)} or less again with {level[0]}" if level else ""
        return (
            f": {plan.tests[place].title} is found from {effect(plan, before)} with {first - 1} seeds, from "
            f"{effect(plan, after)} with {first}{again}"
        )
    return ""


def _some(words: Sequence[str], between: str = ", ") -> str:
    if len(words) <= NAMED + 1:
        return between.join(words)
    return between.join((*words[:NAMED], f"and {len(words) - NAMED} more"))


def _count(number: int, thing: str) -> str:
    return f"{number} {thing}" + "s" * (number != 1)
