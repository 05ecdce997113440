"""Mean responses by the levels of two factors."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes

from ablate.inference.factor_levels import FactorLevels
from ablate.inference.inference import Interaction
from ablate.report.figure_style import COLORS, DASHES, INK, MARKERS, WIDTH, styled, svg

PANELS_A_ROW = 3
PANEL = 3.1  # inches


def interactions_figure(interactions: Sequence[Interaction], factors: Mapping[str, FactorLevels], response: str) -> str:
    """Return a panel for every interaction: mean response by one factor's level, a line a level of the other.

    Parallel lines mean that the two do not depend on each other. The factor with more levels lies along the axis.
    """
    rows = -(-len(interactions) // PANELS_A_ROW)
    with styled(WIDTH, PANEL * rows) as figure:
        panels = list(figure.subplots(rows, PANELS_A_ROW, squeeze=False, sharey=True).flat)
        for axes, interaction in zip(panels, interactions, strict=False):
            one, other = (factors[path] for path in interaction.factors)
            means = np.array(interaction.means)
            _panel(axes, one, other, means) if means.shape[0] >= means.shape[1] else _panel(axes, other, one, means.T)
        for axes in panels[len(interactions) :]:
            axes.set_axis_off()
        figure.supylabel(response, fontsize=10)
        return svg(figure)


def _panel(axes: Axes, along: FactorLevels, lines: FactorLevels, means: np.ndarray) -> None:
    places = range(len(along.levels))
    for position, (level, values) in enumerate(zip(lines.levels, means.T, strict=True)):
        axes.plot(
            places,
            values,
            color=COLORS[position % len(COLORS)],
            marker=MARKERS[position % len(MARKERS)],
            linestyle=DASHES[position % len(DASHES)],
            label=level,
        )
    axes.set_xticks(places, along.levels, color=INK)
    axes.margins(x=0.18)
    axes.set_xlabel(along.title)
    axes.legend(title=lines.title, fontsize=8, title_fontsize=8)
