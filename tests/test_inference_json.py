"""The JSON of an inference: the names that readers rely on, and nothing that JSON cannot hold."""

import json
from itertools import product

import numpy as np
import pandas as pd
import pytest

from ablate.inference.factor_levels import FactorLevels
from ablate.inference.infer import infer
from ablate.inference.run_table import RunTable
from ablate.inference.settings import InferenceSettings
from tests.drawn_tables import crossed, noise
from tests.drawn_tables import table as drawn_table

FACTORS = tuple(FactorLevels(name, name, ("0", "1"), "0") for name in "abc")


def written(lost=(), settings=InferenceSettings(margin=0.1)):  # noqa: B008  # settings are frozen
    generator = np.random.default_rng(0)
    table = pd.DataFrame([(*cell, s) for cell in product("01", repeat=3) for s in range(8)], columns=[*"abc", "s"])
    table["response"] = 3.0 * (table["a"] == table["b"]) + generator.normal(size=len(table))
    table.loc[list(lost), "response"] = np.nan
    return infer(RunTable.of(table, FACTORS, "s"), settings).to_json()


@pytest.fixture(scope="module")
def document():
    return written(lost=range(8))


def test_every_promised_name_is_there(document):
    promised = {
        "verdicts", "interactions", "importance", "variance", "missing_cells", "failed", "warnings", "kind",
        "adjustment", "copies", "lack_of_fit", "settings", "factors", "blocks",
    }  # fmt: skip
    assert promised <= set(document)


def test_the_test_and_its_adjustment_are_named(document):
    assert (document["kind"], document["adjustment"]) == ("seed_flips", "max-T")
    assert document["lack_of_fit"] is None  # with a lost cell, the pairs explain all others
    assert set(written()["lack_of_fit"]) == {"p", "numerator_df", "denominator_df"}


def test_a_verdict_names_its_factor_its_partners_and_the_seeds_it_needs(document):
    promised = {
        "factor", "verdict", "with", "effects", "more_seeds_needed", "reason", "p", "p_adjusted", "untested_pairs",
        "exploratory", "weak_spot", "context_check", "bounds",
    }  # fmt: skip
    assert promised <= set(document["verdicts"][0])
    assert "partners" not in document["verdicts"][0]


def test_an_effect_holds_its_numbers(document):
    promised = {
        "contrast", "estimate", "low", "high", "p", "p_adjusted", "n_blocks", "n_runs", "standardized",
        "prob_improvement", "freedom",
    }  # fmt: skip
    assert promised <= set(document["verdicts"][0]["effects"][0])


def test_an_interaction_holds_its_numbers_and_simple_effects(document):
    promised = {"factors", "p", "p_adjusted", "partial_eta_sq", "simple_effects"}
    assert promised <= set(document["interactions"][0])
    assert document["interactions"][0]["simple_effects"]


def test_importance_and_variance_hold_their_numbers(document):
    assert {"factor", "shapley", "low", "high", "null_high"} <= set(document["importance"][0])
    assert {"factors", "interactions", "seed", "residual"} == set(document["variance"])


def test_verdicts_are_those_of_the_inference(document):
    assert [(verdict["verdict"], verdict["with"]) for verdict in document["verdicts"][:2]] == [
        ("acts only with", ["b"]),
        ("acts only with", ["a"]),
    ]


def test_copies_are_groups_of_seeds():
    rows = crossed((2, 2), 7)
    response = noise(rows, np.random.default_rng(0))
    response[rows[:, -1] == 5] = response[rows[:, -1] == 2]
    assert infer(drawn_table(rows, response), InferenceSettings()).to_json()["copies"] == [["2", "5"]]


@pytest.mark.parametrize("lost", [(), range(8), range(64)], ids=["whole", "a_cell_lost", "all_lost"])
def test_it_is_strict_json(lost):
    document = written(lost)
    assert json.loads(json.dumps(document, allow_nan=False)) == document
