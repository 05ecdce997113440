"""Charts of a set of forecasts, all of one size for pairs in a page."""

import math

import numpy as np
from matplotlib.axes import Axes

from ablate.measurement.metrics import METRICS
from ablate.measurement.scoring.alignment import Alignment
from ablate.measurement.scoring.curves import StepCurve, Trail
from ablate.report.figure_style import COLORS, FAINT, INK, RULE, styled, svg

SIZE = (5.2, 3.0)  # inches
BAND = 0.2  # opacity
IDEAL = {"ghost_ratio": 0.0, "signal_retention": 1.0, "ssim": 1.0}
"""Values of a perfect forecast, drawn as a reference line."""
MAX_TICKS = 12


def trail_figure(trail: Trail) -> str:
    """Return the ghost by lag with its confidence interval, 0 as a line, and the steps in which it fades to 1/e."""
    with styled(*SIZE) as figure:
        axes = figure.subplots()
        axes.axhline(0, color=FAINT, linewidth=1, linestyle=(0, (4, 3)))
        if trail.decay_steps is not None:
            _mark_decay(axes, trail, trail.decay_steps)
        axes.vlines(trail.lag, trail.low, trail.high, color=COLORS[1], linewidth=3, alpha=0.45)
        axes.plot(trail.lag, trail.excess, color=COLORS[1], marker="o", markersize=5)
        axes.set_xlabel("steps since the digit was there")
        axes.set_ylabel("ghost ratio")
        _number_axis(axes, len(trail.lag))
        return svg(figure)


def step_curve_figure(metric: str, curve: StepCurve) -> str:
    """Return one metric over the forecast steps, its confidence interval over clips as a band, the ideal dashed."""
    with styled(*SIZE) as figure:
        axes, steps = figure.subplots(), range(1, len(curve.per_step) + 1)
        if metric in IDEAL:
            axes.axhline(IDEAL[metric], color=FAINT, linewidth=1, linestyle=(0, (4, 3)))
        axes.fill_between(steps, curve.low_per_step, curve.high_per_step, color=COLORS[0], alpha=BAND, linewidth=0)
        axes.plot(steps, curve.per_step, color=COLORS[0], marker="o", markersize=4)
        axes.set_xlabel("forecast step")
        axes.set_ylabel(METRICS[metric].unit)
        _number_axis(axes, len(steps))
        return svg(figure)


def offsets_figure(alignment: Alignment) -> str:
    """Return one bar per offset in time for the squared error; the best offset is filled and labeled."""
    offsets, errors = zip(*sorted(alignment.mse_by_offset.items()), strict=True)
    with styled(*SIZE) as figure:
        axes = figure.subplots()
        bars = axes.bar(offsets, errors, color=RULE, edgecolor=FAINT, linewidth=0.8, width=0.7)
        best = bars[offsets.index(alignment.best_offset)]
        best.set(facecolor=COLORS[0], edgecolor=INK)
        top = (alignment.best_offset, best.get_height())
        axes.annotate("best", top, (0, 4), "data", "offset points", ha="center")
        axes.set_xlabel("frames that the forecast is shown late (negative: early)")
        axes.set_ylabel("squared error of a frame")
        axes.margins(y=0.12)
        axes.set_xlim(offsets[0] - 1, offsets[-1] + 1)
        axes.set_xticks(offsets)
        return svg(figure)


def _number_axis(axes: Axes, last: int) -> None:
    """Number the axis from 1 to `last`; if there are many numbers, only every second, third, ... is written."""
    axes.set_xlim(0.5, last + 0.5)
    axes.set_xticks(range(1, last + 1, -(-last // MAX_TICKS)))


def _mark_decay(axes: Axes, trail: Trail, decay_steps: float) -> None:
    brightest = int(np.nanargmax(trail.excess))
    start, level = trail.lag[brightest], trail.excess[brightest] / math.e
    axes.plot([start, start + decay_steps], [level, level], color=INK, linewidth=1, marker="|", markersize=9)
    axes.annotate(f"1/e after {decay_steps:.1f} steps", (start, level), (5, -13), "data", "offset points")
