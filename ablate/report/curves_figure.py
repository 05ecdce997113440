"""A measure over the forecast steps of a study's cells."""

import math
from collections.abc import Sequence

from matplotlib.ticker import MaxNLocator

from ablate.analysis.cells import CellCurve
from ablate.report.figure_style import COLORS, MARKERS, RULE, WIDTH, styled, svg
from ablate.report.words import level_words


def curves_figure(curves: Sequence[CellCurve], factors: Sequence[str], label: str) -> str:
    """Return a line for every cell over the forecast steps.

    Where there are more cells than colors, only the highest and the lowest at the last step are told apart.
    """
    with styled(WIDTH, 3.4) as figure:
        axes = figure.subplots()
        told_apart = curves if len(curves) <= len(COLORS) else _ends(curves)
        for curve in curves:
            if curve not in told_apart:
                axes.plot(curve.steps, curve.values, color=RULE, linewidth=1.2, zorder=1)
        for position, curve in enumerate(told_apart):
            axes.plot(
                curve.steps,
                curve.values,
                color=COLORS[position],
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


def _ends(curves: Sequence[CellCurve]) -> list[CellCurve]:
    """Return the lowest and the highest curve at the last step, of those that are defined there."""
    by_end = sorted((curve for curve in curves if not math.isnan(curve.values[-1])), key=lambda curve: curve.values[-1])
    return by_end[:1] + by_end[1:][-1:]
