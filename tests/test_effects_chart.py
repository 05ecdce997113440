"""The small chart of effects: every mark is where its number says."""

from itertools import pairwise

import pytest

from ablate.analysis.factor_sentences import factor_sentences
from ablate.inference.infer import infer
from ablate.inference.run_table import RunTable
from ablate.inference.settings import InferenceSettings
from ablate.report import effects_chart as chart_module
from ablate.report.effects_chart import WIDTH, effects_chart
from ablate.report.shown_inference import ShownInference
from tests.two_factors import KERNEL, NORM, ghosts


@pytest.fixture(scope="module")
def inference():
    return infer(RunTable.of(ghosts(), (NORM, KERNEL), "seed"), InferenceSettings(margin=0.05))


@pytest.fixture(scope="module")
def chart(inference):
    shown = ShownInference(inference, "ghost ratio", decided=True)
    sentences = factor_sentences(inference, "ghost ratio", decided=True)
    return effects_chart(sentences, shown, shown.anchors("effects"))


def value_at(chart, place):
    """Return the value at a place of the axis, from its first and last tick."""
    (first, low), (last, high) = ((place, float(text)) for place, text in (chart.ticks[0], chart.ticks[-1]))
    return low + (place - first) * (high - low) / (last - first)


def test_every_effect_has_a_row_in_the_order_of_the_sentences(chart):
    assert [row.full_label for row in chart.rows] == [
        'kernel size: "1" vs "3"',
        'kernel size: "5" vs "3"',
        'normalization: "none" vs "layer"',
    ]


def test_every_mark_is_where_its_number_says(chart, inference):
    effects = {
        f'{verdict.title}: "{effect.level}" vs "{effect.baseline}"': effect
        for verdict in inference.verdicts
        for effect in verdict.effects
    }
    for row in chart.rows:
        effect = effects[row.full_label]
        for place, value in ((row.place, effect.estimate), (row.start, effect.low), (row.end, effect.high)):
            assert value_at(chart, place) == pytest.approx(value, abs=0.0005)  # places are rounded to 0.1 of 460
            assert 0 <= place <= WIDTH
    assert value_at(chart, chart.zero) == pytest.approx(0, abs=0.0005)
    assert [value_at(chart, end) for end in chart.margin] == pytest.approx([-0.05, 0.05], abs=0.0005)


def test_ticks_are_at_equal_distances_and_their_labels_are_exact(chart):
    places = [place for place, _ in chart.ticks]
    steps = [after - before for before, after in pairwise(places)]
    assert max(steps) - min(steps) <= 0.2
    values = [float(text) for _, text in chart.ticks]
    differences = [after - before for before, after in pairwise(values)]
    assert differences == pytest.approx([differences[0]] * len(differences))


def test_significant_effects_are_filled(chart):
    filled = {row.full_label for row in chart.rows if row.filled}
    assert 'kernel size: "1" vs "3"' in filled
    assert 'normalization: "none" vs "layer"' not in filled


def test_effects_beyond_the_first_rows_are_counted(inference, monkeypatch):
    monkeypatch.setattr(chart_module, "MOST_ROWS", 2)
    shown = ShownInference(inference, "ghost ratio", decided=True)
    chart = effects_chart(factor_sentences(inference, "ghost ratio", decided=True), shown, shown.anchors("effects"))
    assert chart is not None
    assert (len(chart.rows), chart.left_out) == (2, 1)
