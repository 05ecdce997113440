"""The charts of what probes found."""

import math
import textwrap
from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from ablate.measurement.metrics import METRICS
from ablate.report.figure_style import COLORS, DASHES, FAINT, INK, MARKERS, WIDTH, styled, svg
from ablate.storage.findings import Chart, Line, MetricChange

ROW, AROUND = 0.5, 1.2  # inches
PANELS = 3  # in a row
AXIS = 26  # characters of an axis' label in a line, in a narrow panel
HEIGHT = 3.4
LABEL, LEGEND = 34, 140  # characters in a line
HANDLE = 10  # the same, that the sample of a line takes in the legend
MARKED = 16  # points up to which each has a marker


def changes_figure(changes: Sequence[MetricChange]) -> str:
    """Return a forest plot: a row for every intervention, a panel for every measure, 0 as a line.

    A diamond is the mean paired difference, the bar its interval over clips; hollow and gray where it includes 0
    or is undefined.
    """
    conditions = list(dict.fromkeys(change.condition for change in changes))
    metrics = list(dict.fromkeys(change.metric for change in changes))
    columns = min(PANELS, len(metrics))
    rows = -(-len(metrics) // columns)
    with styled(WIDTH, rows * (AROUND + ROW * len(conditions))) as figure:
        panels = list(figure.subplots(rows, columns, squeeze=False, sharey=True).flat)
        panels[0].set_yticks(range(len(conditions)), [textwrap.fill(text, LABEL) for text in conditions])
        panels[0].set_ylim(len(conditions) - 0.5, -0.5)
        for axes, metric in zip(panels, metrics, strict=False):
            _panel(axes, f"change in {metric_title(metric)}")
            for change in changes:
                if change.metric == metric:
                    _change(axes, conditions.index(change.condition), change)
        for axes in panels[len(metrics) :]:
            axes.set_axis_off()
        return svg(figure)


def chart_figure(chart: Chart) -> str:
    """Return the lines over their axis, each with a color, a marker and dashes of its own; NaN leaves a gap."""
    with styled(WIDTH, HEIGHT) as figure:
        axes = figure.subplots()
        for position, line in enumerate(chart.lines):
            _line(axes, position, line)
        axes.set_xlabel(chart.x_label)
        axes.set_ylabel(chart.y_label)
        if all(x == round(x) for line in chart.lines for x in line.x):
            axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        longest = max(len(line.label) for line in chart.lines)
        figure.legend(loc="outside upper left", ncols=max(1, LEGEND // (longest + HANDLE)), fontsize=9)
        return svg(figure)


def metric_title(metric: str) -> str:
    """Return what people call a measure; one that is not among MEASURES is already in words."""
    return METRICS[metric].title if metric in METRICS else metric


def _panel(axes: Axes, label: str) -> None:
    axes.axvline(0, color=FAINT, linewidth=1, linestyle=(0, (4, 3)))
    axes.set_xlabel(textwrap.fill(label, AXIS))
    axes.tick_params(axis="y", length=0, labelcolor=INK)
    axes.spines["left"].set_visible(False)
    axes.xaxis.set_major_locator(MaxNLocator(4))


def _change(axes: Axes, row: int, change: MetricChange) -> None:
    if math.isnan(change.difference):
        axes.text(0, row, "undefined", color=FAINT, backgroundcolor="white", ha="center", va="center", fontsize=9)
        return
    moved = change.low > 0 or change.high < 0
    color = COLORS[1] if moved else FAINT
    axes.hlines(row, change.low, change.high, color=color, linewidth=3, alpha=0.55)
    axes.plot(change.difference, row, "D", color=color, markersize=8, markerfacecolor=color if moved else "white")


def _line(axes: Axes, position: int, line: Line) -> None:
    axes.plot(
        line.x,
        line.y,
        color=COLORS[position % len(COLORS)],
        marker=MARKERS[position % len(MARKERS)],
        markersize=4.5,
        markevery=max(1, len(line.x) // MARKED),
        linestyle=DASHES[position % len(DASHES)],
        label=line.label,
    )
