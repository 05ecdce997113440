"""The plan of a study as a page."""

from dataclasses import dataclass

from ablate.planning import words
from ablate.planning.plan import Plan, PlannedTest
from ablate.report.page import rendered, svg_uri
from ablate.report.plan_figures import aliasing_figure, design_figure, power_figure

MAX_LISTED = 200  # cells in the table; longer tables are not read


@dataclass(frozen=True)
class ShownTest:
    """A hypothesis of the plan, and its numbers as text."""

    test: PlannedTest
    permutation: str
    min_attainable_p: str
    min_adjusted_p: str
    detectable: str
    with_seeds: tuple[str, ...]


def plan_page(plan: Plan, takes: str, command: str) -> str:
    """Return the page; equal input gives equal text.

    `takes` is the expected duration on this machine, `command` makes the page again.
    """
    return rendered(
        "plan.html.j2",
        plan=plan,
        takes=takes,
        command=command,
        runs=words.runs(plan),
        sentences=words.sentences(plan),
        tests=tuple(_shown(plan, position) for position in range(len(plan.tests))),
        seeds=[power.seeds for power in plan.with_seeds],
        power_image=svg_uri(power_figure(plan)) if plan.tests else None,
        design_image=svg_uri(design_figure(plan)) if plan.factors else None,
        aliasing_image=svg_uri(aliasing_figure(plan)) if len(plan.confounding.terms) > 1 else None,
        cells=plan.cells if len(plan.cells) <= MAX_LISTED else (),
    )


def _shown(plan: Plan, position: int) -> ShownTest:
    test = plan.tests[position]
    return ShownTest(
        test=test,
        permutation=words.dealt(test),
        min_attainable_p=f"{test.smallest:.2g}",
        min_adjusted_p=f"{test.smallest_adjusted:.2g}",
        detectable=words.effect(plan, test.detectable),
        with_seeds=tuple(words.effect(plan, size) for size in words.by_seeds(plan, position)),
    )
