"""A plan as a page."""

from collections.abc import Sequence
from dataclasses import dataclass

from ablate.planning.plan import Plan, PlannedTest
from ablate.planning.sentences import (
    effect,
    has_margin,
    min_attainable_p,
    minimum_detectable_effects,
    not_a_cause,
    run_count,
    sentences,
    test_words,
)
from ablate.report.page import rendered, svg_uri
from ablate.report.plan_figures import correlation_figure, design_figure, power_figure

MAX_LISTED_CELLS = 200


@dataclass(frozen=True)
class HypothesisRow:
    """A test, and its numbers as text."""

    test: PlannedTest
    words: str
    min_attainable_p: str
    minimum_detectable_effect: str
    not_a_cause: str
    by_seeds: tuple[str, ...]


def plan_page(plan: Plan, takes: str, command: str, looks: Sequence[str] = ()) -> str:
    """Return the page; equal input gives equal text.

    `takes` says how long the study takes on this machine, and `command` reproduces the page. `looks` are sentences on
    the looks of a sequential study.
    """
    return rendered(
        "plan.html.j2",
        plan=plan,
        takes=takes,
        command=command,
        runs=run_count(plan),
        sentences=sentences(plan),
        looks=looks,
        rows=tuple(_row(plan, place) for place in range(len(plan.tests))),
        options=plan.seed_options,
        has_margin=has_margin(plan),
        power_image=svg_uri(power_figure(plan)) if plan.tests else None,
        design_image=svg_uri(design_figure(plan)) if plan.factors else None,
        correlation_image=svg_uri(correlation_figure(plan)) if len(plan.confounding.terms) > 1 else None,
        cells=plan.cells if len(plan.cells) <= MAX_LISTED_CELLS else (),
    )


def _row(plan: Plan, place: int) -> HypothesisRow:
    test = plan.tests[place]
    return HypothesisRow(
        test=test,
        words=test_words(test),
        min_attainable_p=min_attainable_p(test),
        minimum_detectable_effect=effect(plan, test.minimum_detectable_effect),
        not_a_cause=not_a_cause(test),
        by_seeds=tuple(effect(plan, size) for size in minimum_detectable_effects(plan, place)),
    )
