"""The chart of a sequential study: the statistic of each factor and its boundary over the seeds."""

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from ablate.analysis.sequential_looks import ShownPath
from ablate.report.figure_style import COLORS, FAINT, INK, WIDTH, styled, svg

PANELS_PER_ROW = 4
PANEL = 2.3  # inches
HEADROOM = 1.15  # of the axis above its highest point


def paths_figure(paths: Sequence[ShownPath]) -> str:
    """Return one panel per hypothesis: dots are its statistic after each seed, dashes the boundary in force.

    The dot at which a hypothesis is named is large. Where there are no dashes, too little alpha was spent for a name,
    or the hypothesis was named before. All panels have the same axes.
    """
    columns = min(PANELS_PER_ROW, len(paths))
    rows = -(-len(paths) // columns)
    with styled(WIDTH, 0.5 + PANEL * rows) as figure:
        panels = list(figure.subplots(rows, columns, squeeze=False, sharex=True, sharey=True).flat)
        for axes, line in zip(panels, paths, strict=False):
            _panel(axes, line)
        for axes in panels[len(paths) :]:
            axes.set_visible(False)
        panels[0].set_ylim(0, HEADROOM * max((_highest(line) for line in paths), default=1.0))
        figure.supxlabel("seeds", fontsize=10)
        figure.supylabel("-log P of the statistic", fontsize=10)
        figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower right", ncols=2, fontsize=9)
        return svg(figure)


def _panel(axes: Axes, line: ShownPath) -> None:
    looks, named_at = line.path.looks, line.path.named_at
    observed = [(look.seeds, look.statistic) for look in looks if look.statistic is not None]
    boundary = [(look.seeds, look.boundary) for look in looks if look.boundary is not None]
    axes.plot(
        *_columns(boundary), linestyle=(0, (4, 2)), marker="_", markersize=9, color=INK, linewidth=1.2, label="boundary"
    )
    axes.plot(*_columns(observed), marker="o", markersize=4, color=COLORS[0], linewidth=1.4, label="statistic")
    if named_at is not None:
        height = dict(observed)[named_at]
        axes.plot([named_at], [height], marker="o", markersize=9, color=COLORS[1], linestyle="none")
    axes.set_title(line.title if named_at is None else f"{line.title}: named at {named_at}", fontsize=9)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=6))
    axes.tick_params(colors=FAINT, labelbottom=True)


def _columns(points: Sequence[tuple[int, float]]) -> tuple[list[int], list[float]]:
    return [seeds for seeds, _ in points], [height for _, height in points]


def _highest(line: ShownPath) -> float:
    heights = [value for look in line.path.looks for value in (look.statistic, look.boundary) if value is not None]
    return max(heights, default=1.0)
