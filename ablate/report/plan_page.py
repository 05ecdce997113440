"""A plan as a page."""

from dataclasses import dataclass

from ablate.planning import words
from ablate.planning.plan import Plan, PlannedTest
from ablate.report.data_uri import svg_uri
from ablate.report.page import rendered
from ablate.report.plan_figures import design_figure, mixing_figure, power_figure

LISTED = 200  # cells that are written out


@dataclass(frozen=True)
class ShownTest:
    """A hypothesis, and its numbers as a reader expects them."""

    test: PlannedTest
    dealt: str
    smallest: str
    adjusted: str
    found: str
    with_seeds: tuple[str, ...]


def plan_page(plan: Plan, takes: str, command: str) -> str:
    """Return the page; equal input gives equal text.

    `takes` says how long the study takes on this machine, `command` makes the page again.
    """
    return rendered(
        "plan.html.j2",
        plan=plan,
        takes=takes,
        command=command,
        runs=words.runs(plan),
        sentences=words.sentences(plan),
        tests=tuple(_shown(plan, place) for place in range(len(plan.tests))),
        seeds=[other.seeds for other in plan.with_seeds],
        power_image=svg_uri(power_figure(plan)) if plan.tests else None,
        design_image=svg_uri(design_figure(plan)) if plan.factors else None,
        mixing_image=svg_uri(mixing_figure(plan)) if len(plan.confounding.terms) > 1 else None,
        cells=plan.cells if len(plan.cells) <= LISTED else (),
    )


def _shown(plan: Plan, place: int) -> ShownTest:
    test = plan.tests[place]
    return ShownTest(
        test=test,
        dealt=words.dealt(test),
        smallest=f"{test.smallest:.2g}",
        adjusted=f"{test.smallest_adjusted:.2g}",
        found=words.effect(plan, test.detectable),
        with_seeds=tuple(words.effect(plan, size) for size in words.by_seeds(plan, place)),
    )
