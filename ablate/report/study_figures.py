"""Charts of a study: effects, doses, interactions, shares of the variance, and curves over the forecast steps."""

import math
from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from ablate.analysis.cells import CellCurve
from ablate.inference.factor_levels import FactorLevels, doses
from ablate.inference.inference import Effect, Importance, Interaction, Variance
from ablate.report.figure_style import COLORS, DASHES, FAINT, INK, MARKERS, RULE, WIDTH, styled, svg
from ablate.report.words import cell_words

EFFECT_ROW, SHARE_ROW = 0.52, 0.46  # inches
SEED_OFFSET = 0.24  # rows; keeps the seeds' dots clear of the estimate
PANELS_PER_ROW = 3
PANEL = 3.0  # inches
HATCHES = ("", "//", "..", "xx")
MIN_LABELED = 0.04  # of the bar; a narrower part has no room for its number


def effects_figure(effects: Sequence[tuple[str, Effect, bool]], response: str, margin: float | None) -> str:
    """Return one row per effect: a dot per seed, the estimate as a diamond, its confidence interval as a bar.

    Each effect comes with its label, and with whether it is significant: its diamond is filled then. The shaded band
    is the equivalence margin.
    """
    with styled(WIDTH, 1.1 + EFFECT_ROW * len(effects)) as figure:
        axes = figure.subplots()
        if margin is not None:
            axes.axvspan(-margin, margin, color=RULE, alpha=0.6, linewidth=0)
        axes.axvline(0, color=FAINT, linewidth=1, linestyle=(0, (4, 3)))
        for row, (_, effect, significant) in enumerate(effects):
            _effect(axes, row, effect, significant=significant)
        _label_rows(axes, [label for label, *_ in effects])
        axes.spines["left"].set_visible(False)
        axes.set_xlabel(f"difference in {response}")
        return svg(figure)


def doses_figure(factors: Sequence[tuple[FactorLevels, Sequence[Effect]]], response: str) -> str:
    """Return one panel per ordered factor: the difference from its baseline at each level, with confidence intervals.

    Numeric levels are at their values on the axis. `factors` come with their differences from the baseline.
    """
    with styled(WIDTH, PANEL * _panel_rows(len(factors))) as figure:
        for axes, (factor, effects) in zip(_panels(figure, len(factors)), factors, strict=True):
            _dose(axes, factor, effects)
        figure.supylabel(f"difference in {response}", fontsize=10)
        return svg(figure)


def interactions_figure(interactions: Sequence[Interaction], factors: Mapping[str, FactorLevels], response: str) -> str:
    """Return one panel per interaction: mean response by one factor's level, one line per level of the other factor.

    Parallel lines mean that the factors do not interact. The factor with more levels is on the axis.
    """
    with styled(WIDTH, PANEL * _panel_rows(len(interactions))) as figure:
        panels = _panels(figure, len(interactions), sharey=True)
        for axes, interaction in zip(panels, interactions, strict=True):
            first, second = (factors[path] for path in interaction.factors)
            means = np.array(interaction.means)
            if means.shape[0] >= means.shape[1]:
                _interaction(axes, first, second, means)
            else:
                _interaction(axes, second, first, means.T)
        figure.supylabel(response, fontsize=10)
        return svg(figure)


def importance_figure(importance: Sequence[Importance], titles: Mapping[str, str]) -> str:
    """Return one row per factor: its Shapley share as a dot with its confidence interval, over the null band.

    A factor without any effect also reaches a share within the hatched band.
    """
    with styled(WIDTH, 1.0 + SHARE_ROW * len(importance)) as figure:
        axes = figure.subplots()
        nulls = [100 * factor.null_high for factor in importance]
        rows = range(len(importance))
        axes.barh(rows, nulls, height=0.7, facecolor=RULE, edgecolor=FAINT, hatch="//", linewidth=0, alpha=0.7)
        for row, factor in enumerate(importance):
            if factor.low is not None and factor.high is not None:
                axes.plot([100 * factor.low, 100 * factor.high], [row, row], color=COLORS[0], linewidth=3, alpha=0.55)
            axes.plot([100 * factor.shapley], [row], "o", color=COLORS[0], markersize=8, markeredgecolor="white")
        _label_rows(axes, [titles[factor.factor] for factor in importance])
        axes.set_xlim(left=0)
        axes.set_xlabel("share of the variance between cells, in %")
        return svg(figure)


def variance_figure(variance: Variance) -> str:
    """Return one bar of the total variance, divided into factors, two-factor interactions, seeds, and the residual."""
    parts = variance_parts(variance)
    with styled(WIDTH, 1.35) as figure:
        axes = figure.subplots()
        start = 0.0
        for position, (name, share) in enumerate(parts.items()):
            axes.barh(
                [0],
                [share],
                left=start,
                color=COLORS[position],
                hatch=HATCHES[position],
                edgecolor="white",
                label=name,
            )
            if share >= MIN_LABELED:
                box = {"facecolor": "white", "edgecolor": "none", "pad": 1.5}
                axes.text(start + share / 2, 0, f"{100 * share:.0f} %", ha="center", va="center", color=INK, bbox=box)
            start += share
        axes.set_xlim(0, 1)
        axes.set_axis_off()
        figure.legend(loc="outside lower left", ncols=len(parts), fontsize=9)
        return svg(figure)


def variance_parts(variance: Variance) -> dict[str, float]:
    """Return the shares of the total variance by the name of their source."""
    return {
        "factors": variance.factors,
        "two-factor interactions": variance.interactions,
        "seeds": variance.seed,
        "residual": variance.residual,
    }


def curves_figure(curves: Sequence[CellCurve], factors: Sequence[str], label: str) -> str:
    """Return one line per cell over the forecast steps.

    With more cells than colors, only the cells with the highest and the lowest value at the last step are colored.
    """
    with styled(WIDTH, 3.4) as figure:
        axes = figure.subplots()
        colored = curves if len(curves) <= len(COLORS) else _extremes(curves)
        for curve in curves:
            if curve not in colored:
                axes.plot(curve.steps, curve.values, color=RULE, linewidth=1.2, zorder=1)
        for position, curve in enumerate(colored):
            axes.plot(
                curve.steps,
                curve.values,
                color=COLORS[position],
                marker=MARKERS[position],
                markersize=4.5,
                label=cell_words(curve.levels, factors),
            )
        axes.set_xlabel("forecast step")
        axes.set_ylabel(label)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        if any(curve.levels for curve in colored):
            figure.legend(loc="outside upper left", ncols=2, fontsize=9)
        return svg(figure)


def _extremes(curves: Sequence[CellCurve]) -> list[CellCurve]:
    """Return the lowest and the highest curve at the last step, of those that are defined there."""
    defined = [curve for curve in curves if not math.isnan(curve.values[-1])]
    ranked = sorted(defined, key=lambda curve: curve.values[-1])
    return ranked[:1] + ranked[1:][-1:]


def _effect(axes: Axes, row: int, effect: Effect, *, significant: bool) -> None:
    color = COLORS[1] if significant else FAINT
    if effect.low is not None and effect.high is not None:
        axes.plot([effect.low, effect.high], [row, row], color=color, linewidth=3, solid_capstyle="butt", alpha=0.55)
    seed_rows = [row + SEED_OFFSET] * len(effect.by_block)
    axes.plot(effect.by_block, seed_rows, "o", color=INK, markersize=4, alpha=0.55, linestyle="none")
    face = color if significant else "white"
    axes.plot([effect.estimate], [row], "D", color=color, markersize=8, markerfacecolor=face, markeredgecolor=color)


def _label_rows(axes: Axes, labels: Sequence[str]) -> None:
    axes.set_yticks(range(len(labels)), labels)
    axes.tick_params(axis="y", length=0, labelcolor=INK)
    axes.set_ylim(len(labels) - 0.5, -0.5)


def _panel_rows(panels: int) -> int:
    return -(-panels // PANELS_PER_ROW)


def _panels(figure: Figure, count: int, *, sharey: bool = False) -> list[Axes]:
    """Return `count` panels in rows; the unused panels of the last row are switched off."""
    panels = list(figure.subplots(_panel_rows(count), PANELS_PER_ROW, squeeze=False, sharey=sharey).flat)
    for axes in panels[count:]:
        axes.set_axis_off()
    return panels[:count]


def _dose(axes: Axes, factor: FactorLevels, effects: Sequence[Effect]) -> None:
    position = dict(zip(factor.levels, doses(factor).tolist(), strict=True))
    by_level = {effect.level: effect for effect in effects if effect.level is not None}
    levels = [level for level in factor.levels if level in by_level or level == factor.baseline]
    positions = [position[level] for level in levels]
    axes.axhline(0, color=FAINT, linewidth=1, linestyle=(0, (4, 3)))
    estimates = [by_level[level].estimate if level in by_level else 0.0 for level in levels]
    axes.plot(positions, estimates, "o-", color=COLORS[0])
    for level, effect in by_level.items():
        if effect.low is not None and effect.high is not None:
            axes.plot([position[level]] * 2, [effect.low, effect.high], color=COLORS[0], linewidth=2, marker="_")
    axes.plot([position[factor.baseline]], [0], "s", color=COLORS[0], markersize=9, markerfacecolor="white", zorder=3)
    axes.set_xticks(positions, levels, color=INK)
    axes.margins(x=0.12)
    axes.set_xlabel(factor.title)


def _interaction(axes: Axes, along: FactorLevels, lines: FactorLevels, means: np.ndarray) -> None:
    positions = range(len(along.levels))
    for line, (level, values) in enumerate(zip(lines.levels, means.T, strict=True)):
        axes.plot(
            positions,
            values,
            color=COLORS[line % len(COLORS)],
            marker=MARKERS[line % len(MARKERS)],
            linestyle=DASHES[line % len(DASHES)],
            label=level,
        )
    axes.set_xticks(positions, along.levels, color=INK)
    axes.margins(x=0.18)
    axes.set_xlabel(along.title)
    axes.legend(title=lines.title, fontsize=8, title_fontsize=8)
