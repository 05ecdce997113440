"""The chart of `ablate calibrate`: one row per scenario, one panel per rate."""

from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes

from ablate.inference.calibration.criteria import COVERAGE_SLACK, COVERED, POWER
from ablate.inference.calibration.rates import Rate, Rates
from ablate.report.figure_style import COLORS, DASHES, FAINT, INK, RULE, WIDTH, styled, svg

ROW = 0.34
PANELS = {
    "false_alarms": "family-wise errors,\n% of studies",
    "cleared": 'wrong "not a cause",\n% of studies',
    "detected": "power,\n% of studies",
    "coverage": "coverage,\n% of intervals",
}


def calibration_figure(by_scenario: Mapping[str, Rates], titles: Mapping[str, str], alpha: float) -> str:
    """Return a dot with its confidence interval for every rate; the required range of each row is shaded."""
    scenarios = list(by_scenario.values())
    with styled(WIDTH, 1.3 + ROW * len(scenarios)) as figure:
        panels = figure.subplots(1, len(PANELS), sharey=True)
        for axes, (name, title) in zip(panels, PANELS.items(), strict=True):
            _panel(axes, [getattr(rates, name) for rates in scenarios], title)
        _shade(panels[0], scenarios, ("no_effect",), 0.0, alpha)
        _shade(panels[2], scenarios, ("pure_interaction",), POWER, 1.0)
        _shade(panels[3], scenarios, COVERED, 1 - alpha - COVERAGE_SLACK, 1 - alpha + COVERAGE_SLACK)
        for axes in panels[:2]:
            axes.axvline(100 * alpha, color=FAINT, linewidth=1, linestyle=DASHES[1])
        panels[0].set_yticks(range(len(scenarios)), [titles[rates.scenario] for rates in scenarios])
        panels[0].set_ylim(len(scenarios) - 0.5, -0.5)
        panels[0].tick_params(axis="y", labelcolor=INK)
        figure.supxlabel("gray: required range; dashed: alpha", fontsize=9, color=FAINT)
        return svg(figure)


def _panel(axes: Axes, rates: Sequence[Rate | None], title: str) -> None:
    for row, rate in enumerate(rates):
        if rate is not None:
            axes.plot([100 * rate.low, 100 * rate.high], [row, row], color=COLORS[0], linewidth=2.5, alpha=0.55)
            axes.plot([100 * rate.share], [row], "o", color=COLORS[0], markersize=5)
    axes.set_title(title)
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    axes.grid(axis="x", color=RULE, linewidth=0.6)
    axes.set_axisbelow(True)
    axes.margins(x=0.08)


def _shade(axes: Axes, scenarios: Sequence[Rates], names: Sequence[str], low: float, high: float) -> None:
    """Shade the required range in the rows of these scenarios."""
    for row, rates in enumerate(scenarios):
        if rates.scenario in names:
            axes.fill_betweenx([row - 0.4, row + 0.4], 100 * low, 100 * high, color=FAINT, alpha=0.2, linewidth=0)
