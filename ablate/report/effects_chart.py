"""The small chart of a report's first screen: all effects with the equivalence margin, as SVG with live text."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from matplotlib.ticker import MaxNLocator

from ablate.analysis.factor_sentences import FactorSentence
from ablate.analysis.phrases import signed
from ablate.analysis.verdict_sentences import differences
from ablate.inference.inference import Effect
from ablate.report.shown_inference import ShownInference
from ablate.report.words import contrast_words

WIDTH, EDGE = 460, 14  # units of the drawing, which are pixels on a screen of 1200; the edge holds half a tick's label
ROW, AXIS = 36, 38
MOST_ROWS = 8  # more would push the pictures off the first screen; the full chart has them all
LABEL = 44  # characters that fit beside the numbers
ROUNDING = 1e-9  # a step of 0.1 is not exactly a power of ten
PAD = 0.04  # share of the range; keeps the ends of the bars off the edge


@dataclass(frozen=True)
class EffectRow:
    """One effect: label, numbers, link, and its places on the axis; `start` and `end` are None without an interval."""

    label: str
    full_label: str
    numbers: str
    anchor: str
    top: int
    place: float
    start: float | None
    end: float | None
    filled: bool


@dataclass(frozen=True)
class EffectsChart:
    """The chart in units of the drawing; `ticks` are places with their text, `margin` the ends of the margin's band."""

    rows: tuple[EffectRow, ...]
    height: int
    zero: float
    ticks: tuple[tuple[float, str], ...]
    margin: tuple[float, float] | None
    description: str
    left_out: int
    width: int = WIDTH


def effects_chart(
    sentences: Sequence[FactorSentence], inference: ShownInference, anchors: Mapping[tuple[str, str], str]
) -> EffectsChart | None:
    """Return the chart of all differences in the order of the sentences; None without any estimate.

    `anchors` holds the place of each effect in the page by its factor and its contrast.
    """
    effects = _effects(sentences, inference)
    if not effects:
        return None
    chosen, margin = effects[:MOST_ROWS], inference.inference.settings.margin
    ends = [0.0, *([] if margin is None else [-margin, margin])]
    ends += [end for _, effect in chosen for end in (effect.estimate, effect.low, effect.high) if end is not None]
    low, high = min(ends), max(ends)
    spread = (high - low) or 1.0
    low, high = low - PAD * spread, high + PAD * spread

    def place(value: float) -> float:
        return round(EDGE + (WIDTH - 2 * EDGE) * (value - low) / (high - low), 1)

    steps = MaxNLocator(5, steps=[1, 2, 5, 10])  # steps of one digit, so that their labels need no rounding
    ticks = [tick for tick in steps.tick_values(low, high) if low <= tick <= high]
    digits = max(0, -math.floor(math.log10(ticks[1] - ticks[0]) + ROUNDING)) if len(ticks) > 1 else 2
    rows = [_row(number, title, effect, inference, anchors, place) for number, (title, effect) in enumerate(chosen)]
    return EffectsChart(
        rows=tuple(rows),
        height=ROW * len(rows) + AXIS,
        zero=place(0.0),
        ticks=tuple((place(tick), f"{tick + 0.0:.{digits}f}") for tick in ticks),
        margin=None if margin is None else (place(-margin), place(margin)),
        description="; ".join(f"{row.full_label} {row.numbers}" for row in rows),
        left_out=len(effects) - len(chosen),
    )


def _effects(sentences: Sequence[FactorSentence], inference: ShownInference) -> list[tuple[str, Effect]]:
    by_factor = {verdict.factor: differences(verdict) for verdict in inference.verdicts}
    return [(sentence.title, effect) for sentence in sentences for effect in by_factor[sentence.factor]]


def _row(
    number: int,
    title: str,
    effect: Effect,
    inference: ShownInference,
    anchors: Mapping[tuple[str, str], str],
    place: Callable[[float], float],
) -> EffectRow:
    label = f"{title}: {contrast_words(effect)}"
    return EffectRow(
        label=label if len(label) <= LABEL else f"{label[: LABEL - 1]}\N{HORIZONTAL ELLIPSIS}",
        full_label=label,
        numbers=signed(effect, inference.digits),
        anchor=anchors[effect.factor, effect.contrast],
        top=ROW * number,
        place=place(effect.estimate),
        start=None if effect.low is None else place(effect.low),
        end=None if effect.high is None else place(effect.high),
        filled=inference.is_filled(effect),
    )
