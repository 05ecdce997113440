"""The charts of a study's report."""

import math
from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from ablate.analysis.cells import Curve
from ablate.analysis.effects import Effect
from ablate.analysis.interactions import Interaction
from ablate.report.figure_style import COLOURS, FAINT, INK, MARKERS, RULE, WIDTH, styled, svg
from ablate.report.words import level_words

ROW = 0.52
BELOW = 0.24  # rows; keeps the seeds' dots clear of the mean
PANELS_A_ROW = 3


def effects_figure(effects: Sequence[Effect], unit: str) -> str:
    """Return a row for every effect: a dot a seed, the mean as a diamond, its interval as a bar, 0 as a line."""
    with styled(WIDTH, 1.1 + ROW * len(effects)) as figure:
        axes = figure.subplots()
        axes.axvline(0, color=FAINT, linewidth=1, linestyle=(0, (4, 3)))
        for row, effect in enumerate(effects):
            _effect(axes, row, effect)
        axes.set_yticks(range(len(effects)), [f"{e.title}: {e.level} instead of {e.baseline}" for e in effects])
        axes.tick_params(axis="y", length=0, labelcolor=INK)
        axes.set_ylim(len(effects) - 0.5, -0.5)
        axes.spines["left"].set_visible(False)
        axes.set_xlabel(f"difference in {unit}")
        return svg(figure)


def interactions_figure(interactions: Sequence[Interaction], response: str) -> str:
    """Return a panel for every interaction: mean response by the first factor's level, a line a level of the second.

    Parallel lines mean that the two do not depend on each other.
    """
    rows = -(-len(interactions) // PANELS_A_ROW)
    with styled(WIDTH, 2.9 * rows) as figure:
        panels = figure.subplots(rows, PANELS_A_ROW, squeeze=False, sharey=True).flat
        for axes, interaction in zip(panels, interactions, strict=False):
            _interaction(axes, interaction)
        for axes in list(panels)[len(interactions) :]:
            axes.set_axis_off()
        figure.supylabel(response, fontsize=10)
        return svg(figure)


def curves_figure(curves: Sequence[Curve], factors: Sequence[str], label: str) -> str:
    """Return a line for every cell over the forecast steps.

    Where there are more cells than colours, only the highest and the lowest at the last step are told apart.
    """
    with styled(WIDTH, 3.4) as figure:
        axes = figure.subplots()
        told_apart = curves if len(curves) <= len(COLOURS) else _ends(curves)
        for curve in curves:
            if curve not in told_apart:
                axes.plot(curve.steps, curve.values, color=RULE, linewidth=1.2, zorder=1)
        for position, curve in enumerate(told_apart):
            axes.plot(
                curve.steps,
                curve.values,
                color=COLOURS[position],
                marker=MARKERS[position],
                markersize=4.5,
                label=level_words(curve.levels, factors),
            )
        axes.set_xlabel("forecast step")
        axes.set_ylabel(label)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        if any(curve.levels for curve in told_apart):
            figure.legend(loc="outside upper left", ncols=2, fontsize=9)
        return svg(figure)


def _effect(axes: Axes, row: int, effect: Effect) -> None:
    estimate = effect.estimate
    colour = COLOURS[1] if estimate.excludes_zero else FAINT
    if estimate.low is not None and estimate.high is not None:
        axes.plot(
            [estimate.low, estimate.high], [row, row], color=colour, linewidth=3, solid_capstyle="butt", alpha=0.55
        )
    below = [row + BELOW] * len(estimate.by_seed)
    axes.plot(estimate.by_seed, below, "o", color=INK, markersize=4, alpha=0.55, linestyle="none")
    axes.plot([estimate.value], [row], "D", color=colour, markersize=8, markeredgecolor="white")


def _interaction(axes: Axes, interaction: Interaction) -> None:
    neither, first, second, both = interaction.means
    (title, beside), (level, other), (base, beside_base) = (
        interaction.titles,
        interaction.levels,
        interaction.baselines,
    )
    for position, (name, values) in enumerate([(beside_base, (neither, first)), (other, (second, both))]):
        axes.plot(
            [0, 1],
            values,
            color=COLOURS[position],
            marker=MARKERS[position],
            linestyle=("-", "--")[position],
            label=name,
        )
    axes.set_xticks([0, 1], [base, level], color=INK)
    axes.set_xlim(-0.3, 1.3)
    axes.set_xlabel(title)
    axes.legend(title=beside, fontsize=8, title_fontsize=8)


def _ends(curves: Sequence[Curve]) -> list[Curve]:
    """Return the lowest and the highest curve at the last step, of those that are defined there."""
    by_end = sorted((curve for curve in curves if not math.isnan(curve.values[-1])), key=lambda curve: curve.values[-1])
    return by_end[:1] + by_end[1:][-1:]
