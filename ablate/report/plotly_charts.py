"""The chart of effects and the chart of importance in Plotly's JSON, for the Optuna dashboard; loads no plotly."""

from collections.abc import Sequence
from typing import Any

from ablate.inference.inference import Effect
from ablate.report.figure_style import COLORS, FAINT, INK, RULE
from ablate.report.shown_inference import ShownInference
from ablate.report.words import contrast_words, number

MOST_ROWS = 14  # the dashboard gives every plot 450 pixels of height
PlotlyFigure = dict[str, Any]
"""`data` and `layout` of a Plotly figure, plain enough for JSON."""


def effects_plot(inference: ShownInference) -> PlotlyFigure | None:
    """Return one row per effect: the seeds as dots, the estimate as a diamond, its confidence interval as a bar.

    A filled diamond is significant; the shaded band is the equivalence margin. The strongest factors come first. None
    without any effect.
    """
    rows = [(verdict.title, effect) for verdict in inference.verdicts for effect in verdict.effects]
    if not rows:
        return None
    drawn, confidence = rows[:MOST_ROWS], f"{100 * (1 - inference.inference.settings.alpha):g} %"
    labels = [f"<b>{title}</b><br>{contrast_words(effect)}" for title, effect in drawn]
    effects = [effect for _, effect in drawn]
    seeds = [(value, label) for label, effect in zip(labels, effects, strict=True) for value in effect.by_block]
    estimates = {
        **_points("effect", [effect.estimate for effect in effects], labels),
        "error_x": _bars([(effect.estimate, effect.low, effect.high) for effect in effects], COLORS[1]),
        "marker": {
            "symbol": ["diamond" if inference.is_filled(effect) else "diamond-open" for effect in effects],
            "size": 12,
            "color": COLORS[1],
        },
        "hovertext": [_numbers(effect, inference, confidence) for effect in effects],
        "hoverinfo": "text",
    }
    by_seed = {
        **_points("one seed", [value for value, _ in seeds], [label for _, label in seeds]),
        "marker": {"symbol": "circle", "size": 5, "color": INK, "opacity": 0.45},
    }
    margin, title = inference.inference.settings.margin, f"Effects on the {inference.response}"
    if len(rows) > MOST_ROWS:
        title += f" (the first {MOST_ROWS} of {len(rows)}; the report has all)"
    axis = f"difference in {inference.response}, with {confidence} confidence interval"
    if margin is not None:
        axis += f"<br>shaded: the equivalence margin, ±{margin:g}"
    layout = _layout(title, axis, labels)
    layout["shapes"] = [_vertical_line(), *([] if margin is None else [_band(margin)])]
    return {"data": [by_seed, estimates], "layout": layout}


def importance_plot(inference: ShownInference) -> PlotlyFigure | None:
    """Return one row per factor: its Shapley share with its confidence interval, over the null band.

    A factor without any effect also reaches a share within the band. None where no shares were computed.
    """
    factors = inference.importance[:MOST_ROWS]
    if not factors:
        return None
    labels = [f"<b>{inference.titles[factor.factor]}</b>" for factor in factors]
    band = {
        "type": "bar",
        "orientation": "h",
        "name": "reached without any effect",
        "x": [100 * factor.null_high for factor in factors],
        "y": labels,
        "marker": {"color": RULE, "line": {"color": FAINT, "width": 1}},
    }
    shares = {
        **_points("share of the factor", [100 * factor.shapley for factor in factors], labels),
        "error_x": _bars([_in_percent(factor.shapley, factor.low, factor.high) for factor in factors], COLORS[0]),
        "marker": {"symbol": "circle", "size": 11, "color": COLORS[0]},
    }
    axis = "share of the variance between cells, in %"
    layout = _layout("Importance of the factors, by the analysis of ablate", axis, labels)
    return {"data": [band, shares], "layout": layout}


def _points(name: str, values: Sequence[float], labels: Sequence[str]) -> dict[str, Any]:
    return {"type": "scatter", "mode": "markers", "name": name, "x": list(values), "y": list(labels)}


def _bars(estimates: Sequence[tuple[float, float | None, float | None]], color: str) -> dict[str, Any]:
    """Return the distances from each estimate to the ends of its interval; null draws no bar."""
    return {
        "type": "data",
        "symmetric": False,
        "array": [None if high is None else high - estimate for estimate, _, high in estimates],
        "arrayminus": [None if low is None else estimate - low for estimate, low, _ in estimates],
        "color": color,
        "thickness": 3,
        "width": 0,
    }


def _in_percent(share: float, low: float | None, high: float | None) -> tuple[float, float | None, float | None]:
    return 100 * share, None if low is None else 100 * low, None if high is None else 100 * high


def _numbers(effect: Effect, inference: ShownInference, confidence: str) -> str:
    digits = inference.digits
    words = f"{contrast_words(effect)}: {number(effect.estimate, digits, signed=True)}"
    if effect.low is not None and effect.high is not None:
        ends = f"{number(effect.low, digits, signed=True)}, {number(effect.high, digits, signed=True)}"
        words += f" [{ends}], {confidence} confidence interval"
    return words


def _layout(title: str, axis: str, labels: Sequence[str]) -> dict[str, Any]:
    return {
        "title": {"text": title, "font": {"size": 15}},
        "xaxis": {"title": {"text": axis}, "zeroline": False, "automargin": True},
        "yaxis": {
            "type": "category",
            "categoryorder": "array",
            "categoryarray": list(labels),
            "autorange": "reversed",
            "automargin": True,
        },
        "legend": {"orientation": "h", "y": -0.32},
        "margin": {"t": 50, "r": 20, "b": 60, "l": 20},
    }


def _vertical_line() -> dict[str, Any]:
    return {
        "type": "line",
        "x0": 0,
        "x1": 0,
        "yref": "paper",
        "y0": 0,
        "y1": 1,
        "line": {"color": FAINT, "dash": "dash"},
    }


def _band(margin: float) -> dict[str, Any]:
    place = {"type": "rect", "x0": -margin, "x1": margin, "yref": "paper", "y0": 0, "y1": 1}
    return {**place, "fillcolor": RULE, "opacity": 0.6, "line": {"width": 0}, "layer": "below"}
