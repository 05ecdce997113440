"""Effects with their intervals: all in one chart, and those of ordered levels along their dose."""

from collections.abc import Sequence

from matplotlib.axes import Axes

from ablate.inference.factor_levels import FactorLevels, doses
from ablate.inference.inference import Effect
from ablate.report.figure_style import COLORS, FAINT, INK, RULE, WIDTH, styled, svg

ROW = 0.52  # inches
BELOW = 0.24  # rows; keeps the seeds' dots clear of the estimate
PANELS_A_ROW = 3
PANEL = 2.9  # inches


def effects_figure(effects: Sequence[tuple[str, Effect, bool]], unit: str, margin: float | None) -> str:
    """Return a row for every effect: a dot a seed, the estimate as a diamond, its interval as a bar, 0 as a line.

    Each comes with its name, and with whether it is told from 0: then its diamond is filled. Between the two edges of
    the shaded band, the margin, an effect counts as none.
    """
    with styled(WIDTH, 1.1 + ROW * len(effects)) as figure:
        axes = figure.subplots()
        if margin is not None:
            axes.axvspan(-margin, margin, color=RULE, alpha=0.6, linewidth=0)
        axes.axvline(0, color=FAINT, linewidth=1, linestyle=(0, (4, 3)))
        for row, (_, effect, told) in enumerate(effects):
            _effect(axes, row, effect, told=told)
        axes.set_yticks(range(len(effects)), [name for name, *_ in effects])
        axes.tick_params(axis="y", length=0, labelcolor=INK)
        axes.set_ylim(len(effects) - 0.5, -0.5)
        axes.spines["left"].set_visible(False)
        axes.set_xlabel(f"difference in {unit}")
        return svg(figure)


def doses_figure(factors: Sequence[tuple[FactorLevels, Sequence[Effect]]], response: str) -> str:
    """Return a panel for every ordered factor: the difference from its baseline at each level, with intervals.

    Levels that are numbers stand at their values. `factors` come with their differences from the baseline.
    """
    rows = -(-len(factors) // PANELS_A_ROW)
    with styled(WIDTH, PANEL * rows) as figure:
        panels = list(figure.subplots(rows, PANELS_A_ROW, squeeze=False).flat)
        for axes, (factor, effects) in zip(panels, factors, strict=False):
            _dose(axes, factor, effects)
        for axes in panels[len(factors) :]:
            axes.set_axis_off()
        figure.supylabel(f"difference in {response}", fontsize=10)
        return svg(figure)


def _effect(axes: Axes, row: int, effect: Effect, *, told: bool) -> None:
    color = COLORS[1] if told else FAINT
    if effect.low is not None and effect.high is not None:
        axes.plot([effect.low, effect.high], [row, row], color=color, linewidth=3, solid_capstyle="butt", alpha=0.55)
    below = [row + BELOW] * len(effect.by_block)
    axes.plot(effect.by_block, below, "o", color=INK, markersize=4, alpha=0.55, linestyle="none")
    face = color if told else "white"
    axes.plot([effect.estimate], [row], "D", color=color, markersize=8, markerfacecolor=face, markeredgecolor=color)


def _dose(axes: Axes, factor: FactorLevels, effects: Sequence[Effect]) -> None:
    place = dict(zip(factor.levels, doses(factor).tolist(), strict=True))
    known = {effect.level: effect for effect in effects if effect.level is not None}
    levels = [level for level in factor.levels if level in known or level == factor.baseline]
    at = [place[level] for level in levels]
    axes.axhline(0, color=FAINT, linewidth=1, linestyle=(0, (4, 3)))
    axes.plot(at, [known[level].estimate if level in known else 0.0 for level in levels], "o-", color=COLORS[0])
    for level, effect in known.items():
        if effect.low is not None and effect.high is not None:
            axes.plot([place[level]] * 2, [effect.low, effect.high], color=COLORS[0], linewidth=2, marker="_")
    axes.plot([place[factor.baseline]], [0], "s", color=COLORS[0], markersize=9, markerfacecolor="white", zorder=3)
    axes.set_xticks(at, levels, color=INK)
    axes.margins(x=0.12)
    axes.set_xlabel(factor.title)
