"""Copies that pass for replication are one block; equal responses that chance explains are not copies."""

import numpy as np
import pytest

from ablate.inference.equal_blocks import without_copies
from ablate.inference.infer import infer
from ablate.inference.kind_of_test import KindOfTest
from ablate.inference.settings import InferenceSettings
from tests.drawn_tables import crossed, noise, own_seeds, table

MARGIN = InferenceSettings(margin=0.5)


def response_of(rows, draw=0, effect=0.0):
    return noise(rows, np.random.default_rng(draw)) + effect * rows[:, 0]


def copied(rows, response, copies):
    """Return the runs with those of some seeds once more; `copies` maps the names of new seeds to existing ones."""
    more = [(rows[rows[:, -1] == seed], response[rows[:, -1] == seed], name) for name, seed in copies.items()]
    renamed = [np.column_stack([runs[:, :-1], np.full(len(runs), name)]) for runs, _, name in more]
    return np.vstack([rows, *renamed]), np.concatenate([response, *(values for _, values, _ in more)])


def test_ten_copies_of_one_run_are_one_seed_and_show_no_cause():
    # Training ignores its seed: each cell has the same response in all ten seeds.
    rows = crossed((2, 2, 2), 10)
    response = np.random.default_rng(0).normal(size=8)[rows[:, :3] @ [4, 2, 1]]
    result = infer(table(rows, response), MARGIN)
    assert result.copies == (tuple(map(str, range(10))),)
    assert {verdict.verdict for verdict in result.verdicts} == {"undecided"}
    assert any("copies are no replication" in warning for warning in result.warnings)


def test_five_seeds_that_occur_twice_under_other_names_are_five_seeds():
    rows = crossed((2, 2, 2), 5)
    response = response_of(rows, effect=4.0)
    twice = table(*copied(rows, response, {seed + 5: seed for seed in range(5)}))
    result, expected = infer(twice, MARGIN), infer(table(rows, response), MARGIN)
    assert result.copies == tuple((str(seed), str(seed + 5)) for seed in range(5))
    assert result.kind is expected.kind is KindOfTest.F_TEST
    assert [(v.verdict, v.test.p) for v in result.verdicts] == [(v.verdict, v.test.p) for v in expected.verdicts]


def test_one_copied_seed_among_others_changes_no_p():
    rows = crossed((2, 2), 8)
    response = response_of(rows)
    result = infer(table(*copied(rows, response, {8: 3})), MARGIN)
    expected = infer(table(rows, response), MARGIN)
    assert result.copies == (("3", "8"),)
    assert [v.p_adjusted for v in result.verdicts] == [v.p_adjusted for v in expected.verdicts]
    assert [v.effects[0].n_blocks for v in result.verdicts] == [8, 8]


def test_copies_of_runs_that_share_no_seed_are_one_run():
    rows = own_seeds((2, 2), 80, np.random.default_rng(0))
    rows[40:, :-1] = rows[:40, :-1]
    response = np.tile(np.random.default_rng(1).normal(size=40), 2)
    result = infer(table(rows, response), MARGIN)
    expected = infer(table(rows[:40], response[:40]), MARGIN)
    assert len(result.copies) == 40
    assert result.kind is KindOfTest.RUN_FLIPS
    assert [v.effects[0].n_runs for v in result.verdicts] == [v.effects[0].n_runs for v in expected.verdicts]
    assert [v.p_adjusted for v in result.verdicts] == [v.p_adjusted for v in expected.verdicts]


def test_copies_with_lost_runs_are_found():
    rows = crossed((2, 2, 2), 7)
    response = response_of(rows)
    response[[0, 9]] = np.nan
    response[rows[:, -1] == 6] = response[rows[:, -1] == 2]
    assert without_copies(table(rows, response))[1] == (("2", "6"),)


def test_seeds_that_lost_the_same_runs_and_differ_elsewhere_are_no_copies():
    rows = crossed((2, 2), 7)
    response = np.where(rows[:, 0] == 1, np.nan, response_of(rows))
    assert without_copies(table(rows, response))[1] == ()


@pytest.mark.parametrize("draw", range(5))
@pytest.mark.parametrize(
    "measured",
    [
        np.round,
        lambda response: np.maximum(response - 1, 0),
        lambda response: np.maximum(response - 2.5, 0),
        lambda response: (response > 0) * 1.0,
        np.zeros_like,
    ],
    ids=["rounded", "many_zeros", "nearly_all_zero", "passed_or_not", "all_equal"],
)
def test_equal_responses_that_chance_explains_are_no_copies(measured, draw):
    for rows in (crossed((2, 2), 12), own_seeds((2, 2), 60, np.random.default_rng(draw))):
        assert without_copies(table(rows, measured(response_of(rows, draw))))[1] == ()


def test_a_table_without_copies_is_returned_unchanged():
    rows = crossed((2, 2), 6)
    runs = table(rows, response_of(rows))
    assert without_copies(runs)[0] is runs


def test_copies_that_each_lost_another_run_are_found():
    rows = crossed((2, 4), 8)
    copied = response_of(rows)[rows[:, -1] == 0]
    response = np.empty(len(rows))
    for seed in range(8):
        response[rows[:, -1] == seed] = np.where(np.arange(8) == seed, np.nan, copied)
    merged, copies = without_copies(table(rows, response))
    assert copies == (tuple(map(str, range(8))),)
    assert int(merged.defined.sum()) == 8


def test_copies_that_differ_by_rounding_are_found():
    rows = crossed((2, 3), 8)
    response = np.resize(response_of(rows)[rows[:, -1] == 0], len(rows))
    for seed in range(8):
        response[rows[:, -1] == seed] = response_of(rows)[rows[:, -1] == 0]
    response *= 1 + 1e-7 * np.random.default_rng(0).normal(size=len(rows))
    assert without_copies(table(rows, response))[1] == (tuple(map(str, range(8))),)


def test_seeds_of_which_each_run_passes_or_fails_by_its_level_are_no_copies():
    rows = crossed((2, 2, 2), 8)
    flipped = np.random.default_rng(0).random(len(rows)) < 0.04
    response = np.where(flipped, 1 - rows[:, 0], rows[:, 0]).astype(float)
    assert without_copies(table(rows, response))[1] == ()
