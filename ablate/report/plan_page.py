"""A plan as a page."""

from dataclasses import dataclass

from ablate.planning.plan import Plan, PlannedTest
from ablate.planning.sentences import effect, minimum_detectable_effects, permuted_unit, run_count, sentences
from ablate.report.page import rendered, svg_uri
from ablate.report.plan_figures import correlation_figure, design_figure, power_figure

MAX_LISTED_CELLS = 200


@dataclass(frozen=True)
class HypothesisRow:
    """A test, and its numbers as text."""

    test: PlannedTest
    permutes: str
    min_attainable_p: str
    min_attainable_p_adjusted: str
    minimum_detectable_effect: str
    by_seeds: tuple[str, ...]


def plan_page(plan: Plan, takes: str, command: str) -> str:
    """Return the page; equal input gives equal text.

    `takes` says how long the study takes on this machine, and `command` reproduces the page.
    """
    return rendered(
        "plan.html.j2",
        plan=plan,
        takes=takes,
        command=command,
        runs=run_count(plan),
        sentences=sentences(plan),
        rows=tuple(_row(plan, place) for place in range(len(plan.tests))),
        seeds=[option.seeds for option in plan.seed_options],
        power_image=svg_uri(power_figure(plan)) if plan.tests else None,
        design_image=svg_uri(design_figure(plan)) if plan.factors else None,
        correlation_image=svg_uri(correlation_figure(plan)) if len(plan.confounding.terms) > 1 else None,
        cells=plan.cells if len(plan.cells) <= MAX_LISTED_CELLS else (),
    )


def _row(plan: Plan, place: int) -> HypothesisRow:
    test = plan.tests[place]
    return HypothesisRow(
        test=test,
        permutes=permuted_unit(test),
        min_attainable_p=f"{test.min_attainable_p:.2g}",
        min_attainable_p_adjusted=f"{test.min_attainable_p_adjusted:.2g}",
        minimum_detectable_effect=effect(plan, test.minimum_detectable_effect),
        by_seeds=tuple(effect(plan, size) for size in minimum_detectable_effects(plan, place)),
    )
