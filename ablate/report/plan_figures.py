"""The charts of a plan: power and minimum detectable effects, the design, and the correlations of its terms."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from matplotlib.ticker import MaxNLocator, PercentFormatter

from ablate.inference.kind_of_test import FEWEST_FLIPPED
from ablate.planning.plan import Plan
from ablate.planning.power import TARGET_POWER
from ablate.planning.sentences import minimum_detectable_effects
from ablate.report.figure_style import COLORS, DASHES, FAINT, INK, MARKERS, WIDTH, styled, svg

HEIGHT = 3.9
MAX_NAMED = 2  # tests in a line of the legend; the others are counted
ROW_HEIGHT, DESIGN_MARGIN, MAP_MARGIN = 0.3, 0.7, 2.4  # inches
MAX_NUMBERED_CELLS = 40  # beyond it, the numbers of the levels would not fit into the cells
MAX_LABELED_TERMS = 24  # beyond it, the names of the terms would not fit beside the rows
CURRENT_SEEDS_COLOR = "#767680"
HEADROOM = 1.5  # the right axis ends beyond the left one: with fewer seeds, only larger effects are detectable
FEW_SEEDS_COLOR = "#f1f1f4"


@dataclass(frozen=True)
class HypothesisGroup:
    """Tests with equal power, which share a line: their places in the plan, and their label."""

    places: tuple[int, ...]
    label: str


def power_figure(plan: Plan) -> str:
    """Return power by the size of an effect, and the minimum detectable effect by the number of seeds.

    Tests with equal power share a line.
    """
    groups = group_by_power(plan)
    with styled(WIDTH, HEIGHT) as figure:
        left, right = figure.subplots(1, 2)
        for position, group in enumerate(groups):
            _power(left, plan, group, position)
            _by_seeds(right, plan, group, position)
        _frame_power(left, plan)
        _frame_seeds(right, plan)
        figure.legend(*left.get_legend_handles_labels(), loc="outside upper left", ncols=2, fontsize=9)
        return svg(figure)


def design_figure(plan: Plan) -> str:
    """Return the design as a grid: one row per factor, one column per cell, one color per level (1 is the first)."""
    with styled(WIDTH, DESIGN_MARGIN + ROW_HEIGHT * len(plan.factors)) as figure:
        axes = figure.subplots()
        levels = np.array(plan.cells).T
        axes.imshow(levels, cmap=_palette(int(levels.max()) + 1), aspect="auto", interpolation="nearest", alpha=0.8)
        if len(plan.cells) <= MAX_NUMBERED_CELLS:
            for (row, column), level in np.ndenumerate(levels):
                axes.text(column, row, str(level + 1), ha="center", va="center", fontsize=8, color=INK)
        axes.set_yticks(range(len(plan.factors)), [factor.title for factor in plan.factors])
        axes.set_xticks(np.arange(len(plan.cells) + 1) - 0.5, minor=True)
        axes.set_yticks(np.arange(len(plan.factors) + 1) - 0.5, minor=True)
        axes.grid(which="minor", color="white", linewidth=1.5 if len(plan.cells) <= MAX_NUMBERED_CELLS else 0.2)
        axes.set_xlabel("cell")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=10))
        axes.xaxis.set_major_formatter(lambda value, _: str(round(value) + 1))
        _bare(axes)
        return svg(figure)


def correlation_figure(plan: Plan) -> str:
    """Return the correlations between all main effects and interactions as a map: white is 0, black is 1."""
    terms = plan.confounding.terms
    labeled = len(terms) <= MAX_LABELED_TERMS
    with styled(WIDTH, MAP_MARGIN + ROW_HEIGHT * len(terms) if labeled else WIDTH * 0.7) as figure:
        axes = figure.subplots()
        image = axes.imshow(np.array(plan.confounding.correlations), cmap="Grays", vmin=0, vmax=1)
        if labeled:
            axes.set_yticks(range(len(terms)), terms, fontsize=8)
            axes.set_xticks(range(len(terms)), terms, fontsize=8, rotation=90)
        else:
            _bracket(axes, len(plan.factors), len(terms))
        _bare(axes)
        axes.set_anchor("W")
        figure.colorbar(image, cax=axes.inset_axes((1.05, 0, 0.04, 1)), label="largest correlation")
        return svg(figure)


def group_by_power(plan: Plan) -> tuple[HypothesisGroup, ...]:
    """Group the tests of a plan that have equal power for every effect and every number of seeds."""
    groups: dict[tuple[object, ...], list[int]] = {}
    for place, test in enumerate(plan.tests):
        detectable = tuple(size and round(size, 4) for size in minimum_detectable_effects(plan, place))
        groups.setdefault((test.power, detectable), []).append(place)
    return tuple(
        HypothesisGroup(tuple(places), _label([plan.tests[i].title for i in places])) for places in groups.values()
    )


def _label(titles: Sequence[str]) -> str:
    more = f" and {len(titles) - MAX_NAMED} more" if len(titles) > MAX_NAMED else ""
    return ", ".join(titles[:MAX_NAMED]) + more


def _power(axes: Axes, plan: Plan, group: HypothesisGroup, position: int) -> None:
    axes.plot(
        plan.effect_sizes, plan.tests[group.places[0]].power, label=group.label, markevery=10, **_line_style(position)
    )


def _by_seeds(axes: Axes, plan: Plan, group: HypothesisGroup, position: int) -> None:
    sizes = zip(plan.seed_options, minimum_detectable_effects(plan, group.places[0]), strict=True)
    points = [(float(option.seeds), np.nan if size is None else size) for option, size in sizes]
    # F tests and flips are different tests: a line between them would show a number of seeds that there is none of
    points.append((FEWEST_FLIPPED - 0.5, np.nan))
    axes.plot(*zip(*sorted(points), strict=True), **_line_style(position))


def _line_style(position: int) -> dict[str, Any]:
    return {
        "color": COLORS[position % len(COLORS)],
        "marker": MARKERS[position % len(MARKERS)],
        "linestyle": DASHES[position // len(COLORS) % len(DASHES)],
        "markersize": 4.5,
    }


def _frame_power(axes: Axes, plan: Plan) -> None:
    axes.axhline(TARGET_POWER, color=FAINT, linewidth=1, linestyle=(0, (4, 3)))
    axes.set_ylim(-0.02, 1.02)
    axes.yaxis.set_major_formatter(PercentFormatter(1, symbol=" %"))
    axes.set_ylabel("power")
    axes.set_xlabel(f"effect, in {_unit(plan)}")
    axes.xaxis.set_major_locator(MaxNLocator(nbins=6))  # in the unit of the response the labels are long
    axes.xaxis.set_major_formatter(_scale(plan))


def _frame_seeds(axes: Axes, plan: Plan) -> None:
    first = min(option.seeds for option in plan.seed_options)
    axes.axvspan(first - 0.5, FEWEST_FLIPPED - 0.5, color=FEW_SEEDS_COLOR, linewidth=0)
    axes.axvline(len(plan.seeds), color=CURRENT_SEEDS_COLOR, linewidth=1, linestyle=(0, (4, 3)))
    axes.set_xlim(first - 0.5, plan.seed_options[-1].seeds + 0.5)
    axes.set_ylim(0, _largest_shown(plan))
    axes.set_ylabel(f"minimum detectable effect, in {_unit(plan)}")
    axes.set_xlabel("seeds (dashed: this plan; shaded: in these seeds only)")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.yaxis.set_major_formatter(_scale(plan))


def _largest_shown(plan: Plan) -> float:
    """Return the end of the right axis: beyond the left one, or what most tests can detect with six seeds."""
    at_six = [
        size
        for option in plan.seed_options
        if option.seeds == FEWEST_FLIPPED
        for size in option.minimum_detectable_effect
        if size
    ]
    return HEADROOM * max(max(plan.effect_sizes) if plan.tested else 0.0, max(at_six, default=1.0))


def _unit(plan: Plan) -> str:
    return "SD" if plan.sd is None else plan.response


def _scale(plan: Plan) -> Callable[[float, float], str]:
    size = 1.0 if plan.sd is None else plan.sd.value
    return lambda value, _: f"{value * size:.3g}"


def _palette(levels: int) -> ListedColormap:
    if levels <= len(COLORS):
        return ListedColormap(COLORS[:levels])
    return ListedColormap(colormaps["viridis"](np.linspace(0.1, 1, levels)))


def _bracket(axes: Axes, mains: int, terms: int) -> None:
    """Label the two kinds of terms, and draw a line between them."""
    middles = [(mains - 1) / 2, (mains + terms - 1) / 2]
    for line in (axes.axvline, axes.axhline):
        line(mains - 0.5, color=COLORS[1], linewidth=1)
    axes.set_xticks(middles, ["main\neffects", "interactions"])
    axes.set_yticks(middles, ["main effects", "interactions"])


def _bare(axes: Axes) -> None:
    axes.tick_params(which="both", length=0, labelcolor=INK)
    for spine in axes.spines.values():
        spine.set_visible(False)
