"""The figures of docs/calibration.md, from the results of `ablate calibrate --published --json`."""

from collections.abc import Mapping, Sequence
from typing import Any

from ablate.inference.calibration.published.catalog import power_by_seeds
from ablate.report.figure_style import COLORS, DASHES, FAINT, MARKERS, RULE, WIDTH, styled, svg

ROW = 0.19  # inches
PANELS = {"false_alarms": ("false_alarms", "false_mains"), "cleared": ("cleared",), "coverage": ("coverage",)}
TITLES = {"false_alarms": "false factor or pair,\n% of tables", "cleared": "wrongly cleared,\n% of tables"}
TITLES |= {"coverage": "coverage,\n% of intervals"}
LEVEL = 80.0  # percent: the power that plans aim at

Document = Mapping[str, Any]


def limits_figure(documents: Sequence[Document]) -> str:
    """Return a chart as SVG: for each scenario with a limit, the rates of all runs, and the limits as marks."""
    names = [s["name"] for s in documents[0]["scenarios"] if _limited(s)]
    with styled(WIDTH, 1.2 + ROW * len(names)) as figure:
        panels = figure.subplots(1, len(PANELS), sharey=True)
        for axes, (panel, rates) in zip(panels, PANELS.items(), strict=True):
            for run, document in enumerate(documents):
                by_name = {scenario["name"]: scenario for scenario in document["scenarios"]}
                for row, name in enumerate(names):
                    if name in by_name:
                        _draw(axes, by_name[name], rates, row + 0.3 * (run - (len(documents) - 1) / 2), run)
            axes.set_title(TITLES[panel])
            axes.tick_params(axis="y", length=0, labelsize=7)
            axes.grid(axis="x", color=RULE, linewidth=0.6)
            axes.set_axisbelow(True)
        panels[0].set_yticks(range(len(names)), names)
        panels[0].set_ylim(len(names) - 0.4, -0.6)
        seeds = " and ".join(str(document["seed"]) for document in documents)
        figure.supxlabel(f"lines: 95 % intervals, base seeds {seeds}; black marks: limits", fontsize=9, color=FAINT)
        return svg(figure)


def power_figure(document: Document) -> str:
    """Return a chart as SVG: the power over the number of seeds in each layout, with 95 % intervals."""
    by_name = {scenario["name"]: scenario for scenario in document["scenarios"]}
    with styled(WIDTH * 0.7, 3.4) as figure:
        axes = figure.subplots()
        for index, (layout, (title, *_)) in enumerate(power_by_seeds.LAYOUTS.items()):
            seeds = range(power_by_seeds.FEWEST, power_by_seeds.MOST + 1)
            named = {n: by_name.get(power_by_seeds.curve_name(layout, n)) for n in seeds}
            rates = {n: (s["rerun"] or s["rates"])["detected"] for n, s in named.items() if s}
            points = {n: rate for n, rate in rates.items() if rate}
            color, style = COLORS[index], {"marker": MARKERS[index], "linestyle": DASHES[index]}
            axes.plot(list(points), [100 * r["share"] for r in points.values()], color=color, label=title, **style)
            low, high = ([100 * r[bound] for r in points.values()] for bound in ("low", "high"))
            axes.fill_between(list(points), low, high, color=color, alpha=0.15, linewidth=0)
        axes.axhline(LEVEL, color=FAINT, linewidth=0.8, linestyle=DASHES[1])
        axes.axvline(power_by_seeds.FEWEST_RISING - 0.5, color=FAINT, linewidth=0.8)
        axes.set(xlabel="seeds", ylabel="cause named, % of tables", ylim=(0, 101))
        axes.set_title('left of the line: "cause in these seeds"; right: "cause"')
        axes.legend(fontsize=8)
        return svg(figure)


def _limited(scenario: Mapping[str, Any]) -> bool:
    drawn = {rate for rates in PANELS.values() for rate in rates}
    return any(limit["rate"] in drawn for limit in scenario["limits"])


def _draw(axes: Any, scenario: Mapping[str, Any], rates: Sequence[str], row: float, run: int) -> None:
    """Draw the first of these rates that has a limit, and the limit."""
    limits = {limit["rate"]: limit for limit in scenario["limits"]}
    name = next((rate for rate in rates if rate in limits), None)
    rate = (scenario["rerun"] or scenario["rates"])[name] if name else None
    if name is None or rate is None:
        return
    color = COLORS[run]
    axes.plot([100 * rate["low"], 100 * rate["high"]], [row, row], color=color, linewidth=1.8, alpha=0.6)
    axes.plot([100 * rate["share"]], [row], MARKERS[run], color=color, markersize=2.5)
    bounds = [limits[name]["least"], limits[name]["most"]]
    for bound in bounds:
        if 0 < bound < 1 or (bound == 0 and bounds[1] == 0):
            axes.plot([100 * bound], [row], "|", color="black", markersize=5)
