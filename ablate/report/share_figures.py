"""How much of the variance belongs to what."""

from collections.abc import Mapping, Sequence

from ablate.inference.inference import Importance, Variance
from ablate.report.figure_style import COLORS, FAINT, INK, RULE, WIDTH, styled, svg

ROW = 0.46  # inches
HATCHES = ("", "//", "..", "xx")
NARROW = 0.04  # of the bar; a part below that has no room for its number


def importance_figure(importance: Sequence[Importance], titles: Mapping[str, str]) -> str:
    """Return a row for every factor: its Shapley share as a dot with its interval, over the band that no effect gives.

    A share within the hatched band is what a factor without any effect reaches too.
    """
    with styled(WIDTH, 1.0 + ROW * len(importance)) as figure:
        axes = figure.subplots()
        nulls = [100 * one.null_high for one in importance]
        rows = range(len(importance))
        axes.barh(rows, nulls, height=0.7, facecolor=RULE, edgecolor=FAINT, hatch="//", linewidth=0, alpha=0.7)
        for row, one in enumerate(importance):
            if one.low is not None and one.high is not None:
                axes.plot([100 * one.low, 100 * one.high], [row, row], color=COLORS[0], linewidth=3, alpha=0.55)
            axes.plot([100 * one.shapley], [row], "o", color=COLORS[0], markersize=8, markeredgecolor="white")
        axes.set_yticks(rows, [titles[one.factor] for one in importance])
        axes.tick_params(axis="y", length=0, labelcolor=INK)
        axes.set_ylim(len(importance) - 0.5, -0.5)
        axes.set_xlim(left=0)
        axes.set_xlabel("share of the variance between cells, in %")
        return svg(figure)


def variance_figure(variance: Variance) -> str:
    """Return one bar of all variance, cut into factors, two-factor interactions, seeds, and the rest."""
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
            if share >= NARROW:
                box = {"facecolor": "white", "edgecolor": "none", "pad": 1.5}
                axes.text(start + share / 2, 0, f"{100 * share:.0f} %", ha="center", va="center", color=INK, bbox=box)
            start += share
        axes.set_xlim(0, 1)
        axes.set_axis_off()
        figure.legend(loc="outside lower left", ncols=len(parts), fontsize=9)
        return svg(figure)


def variance_parts(variance: Variance) -> dict[str, float]:
    """Return the shares by what they belong to, in words."""
    return {
        "factors": variance.factors,
        "two-factor interactions": variance.interactions,
        "seeds": variance.seed,
        "the rest": variance.residual,
    }
