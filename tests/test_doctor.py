import json
from collections import Counter
from importlib.resources import files
from io import StringIO
from itertools import combinations
from pathlib import Path
from typing import Any, cast

import numpy as np
import pandas as pd
import pytest
import torch
from rich.console import Console
from scipy import stats
from typer.testing import CliRunner

from ablate.cli import app
from ablate.commands import doctor, run
from ablate.components.models import Planted
from ablate.components.models.specs import SWITCHES
from ablate.core.errors import DataError
from ablate.inference.infer import infer
from ablate.inference.inference import Effect, FactorVerdict, Inference, Interaction, SimpleEffect
from ablate.inference.inference import Test as Randomization
from ablate.inference.kind_of_test import KindOfTest
from ablate.inference.run_table import RunTable
from ablate.inference.verdict import Verdict
from ablate.study import study_file
from ablate.training.fit import initial_model

A, B = "model.partner_a", "model.partner_b"
MODEL = Planted(cause=0.1, pair=0.08)
SURE = Randomization(0.001, 0.001)
STUDY = study_file.load(Path(str(files("ablate.commands") / "doctor.yaml")))
PLANTED = cast("Planted", STUDY.base.model)
FACTORS = STUDY.factor_levels
TITLES = {factor.path.removeprefix("model."): factor.title for factor in FACTORS}


def verdict(switch, kind, *partners, estimate=0.0):
    effect = Effect(
        factor=f"model.{switch}", contrast="on - off", level="on", baseline="off", trend=None,
        estimate=estimate, low=estimate - 0.01, high=estimate + 0.01, p=0.001, p_adjusted=0.001,
        freedom=2.0, n_blocks=3, n_runs=96, standardized=1.0, prob_improvement=0.5, equivalent=None, by_block=(),
    )  # fmt: skip
    path, title = f"model.{switch}", TITLES[switch]
    return FactorVerdict(path, title, Verdict(kind), partners, (effect,), SURE, 0.001, None, "")


def simple(factor, beside, at, estimate):
    low, high = estimate - 0.02, estimate + 0.02
    return SimpleEffect(factor, "on - off", "on", "off", beside, at, estimate, low, high, 0.001)


RIGHT = {
    "culprit": verdict("culprit", "cause", estimate=0.09),
    "partner_a": verdict("partner_a", "acts only with", B),
    "partner_b": verdict("partner_b", "acts only with", A),
    "bystander_a": verdict("bystander_a", "not a cause"),
    "bystander_b": verdict("bystander_b", "undecided"),
}
TOGETHER = Interaction(
    (A, B), ("partner A", "partner B"), SURE, 0.001, 0.5, ((0.3, 0.2), (0.2, 0.3)),
    tuple(simple(*pair, at, size) for pair in ((A, B), (B, A)) for at, size in (("off", -0.07), ("on", 0.09))),
)  # fmt: skip


def inferred(**verdicts):
    """The inference that finds exactly what was planted, but for the named verdicts."""
    return Inference(
        settings=STUDY.settings, kind=KindOfTest.SEED_FLIPS, factors=FACTORS, blocks=("0", "1", "2"),
        verdicts=tuple((RIGHT | verdicts).values()),
        interactions=(TOGETHER,), importance=(), variance=None, mediation=(), failure_rates=(), failed=(),
        missing_cells=(), warnings=(),
    )  # fmt: skip


def wrong(inference):
    return {check.factor.removeprefix("model.") for check in doctor.judge(inference, MODEL) if not check.right}


def test_exactly_the_planted_causes_are_right():
    assert wrong(inferred()) == set()


@pytest.mark.parametrize("kind", ["undecided", "not a cause"])
def test_a_missed_culprit_is_wrong(kind):
    assert wrong(inferred(culprit=verdict("culprit", kind))) == {"culprit"}


def test_a_culprit_that_is_said_to_act_with_another_is_wrong():
    assert wrong(inferred(culprit=verdict("culprit", "acts only with", A))) == {"culprit"}


@pytest.mark.parametrize("accused", [verdict("bystander_b", "cause"), verdict("bystander_b", "acts only with", A)])
def test_an_accused_bystander_is_wrong(accused):
    assert wrong(inferred(bystander_b=accused)) == {"bystander_b"}


@pytest.mark.parametrize(
    "found",
    [
        verdict("partner_a", "cause"),
        verdict("partner_a", "undecided"),
        verdict("partner_a", "acts only with", "model.culprit"),
        verdict("partner_a", "acts only with", B, "model.bystander_a"),
    ],
)
def test_a_partner_that_is_not_found_with_its_partner_alone_is_wrong(found):
    assert wrong(inferred(partner_a=found)) == {"partner_a"}


def changes(switch):
    checks = {check.title: check for check in doctor.judge(inferred(), MODEL)}
    return [(effect.beside, effect.planted, effect.measured) for effect in checks[TITLES[switch]].changes]


def test_the_planted_change_stands_beside_the_measured_one():
    assert changes("culprit") == [("average over all other switches", 0.1, 0.09)]
    assert changes("bystander_a") == [("average over all other switches", 0.0, 0.0)]


@pytest.mark.parametrize(("partner", "other"), [("partner_a", "partner B"), ("partner_b", "partner A")])
def test_a_partners_changes_are_told_beside_each_setting_of_the_other(partner, other):
    assert changes(partner) == [(f"{other} off", -0.08, -0.07), (f"{other} on", 0.08, 0.09)]


def strengths(model):
    """A table of runs whose response is the ghost that the model would lay, without laying it."""
    rows = []
    for planned in STUDY.planned_runs:
        switched = planned.spec.model.model_copy(update={"cause": model.cause, "pair": model.pair})
        network: Any = initial_model(planned.spec.model_copy(update={"model": switched}), torch.device("cpu"))
        rows.append({**planned.levels, "seed": planned.seed, "response": network.strength.item()})
    return RunTable.of(pd.DataFrame(rows), FACTORS, "seed")


def test_the_noise_of_the_packaged_study_imitates_no_effect():
    table = strengths(PLANTED.model_copy(update={"cause": 0.0, "pair": 0.0}))
    seed_means = np.array([table.response[table.block == block].mean() for block in range(len(table.blocks))])
    noise, signs = table.response - seed_means[table.block], 2 * table.levels - 1
    for term in [*combinations(range(len(SWITCHES)), 1), *combinations(range(len(SWITCHES)), 2)]:
        sign = signs[:, term].prod(axis=1)
        assert stats.ttest_ind(noise[sign > 0], noise[sign < 0]).pvalue > 0.05, term


@pytest.mark.parametrize(
    ("changed", "expected"),
    [({}, set()), ({"cause": 0.0}, {"culprit"}), ({"pair": 0.0}, {"partner_a", "partner_b"})],
)
def test_what_is_inferred_from_known_strengths_is_right_where_they_are_as_promised(changed, expected):
    found = infer(strengths(PLANTED.model_copy(update=changed)), STUDY.settings)
    wrong = {check.factor.removeprefix("model.") for check in doctor.judge(found, PLANTED) if not check.right}
    assert wrong == expected


def test_the_packaged_study_has_every_combination_of_two_switches_equally_often():
    assert set(STUDY.factors) == set(doctor.planted_causes(PLANTED)) == {factor.path for factor in FACTORS}
    for pair in combinations(STUDY.factors, 2):
        counts = Counter(tuple(cell.levels[path] for path in pair) for cell in STUDY.cells)
        assert sorted(counts.values()) == [len(STUDY.cells) // 4] * 4
    assert all(factor.level_names() == ["off", "on"] for factor in STUDY.factors.values())


@pytest.fixture
def examined(monkeypatch, tmp_path):
    """Return a function that examines with a given inference and exit code in place of the study's run."""

    def examine(inference, code=0):
        monkeypatch.setattr(run, "run", lambda *_: code)
        monkeypatch.setattr(doctor, "_inferred", lambda *_: inference)
        text = StringIO()
        code = doctor.examine(tmp_path / "store", None, tmp_path / "doctor.json", Console(file=text, width=100))
        return code, text.getvalue(), tmp_path / "doctor.json"

    return examine


def test_all_right_ends_with_exit_code_0(examined):
    code, said, _ = examined(inferred())
    assert code == 0
    assert "partner A    acts only with partner B  acts only with partner B  right" in said
    assert "+0.090 [+0.080, +0.100]" in said
    assert "exactly the planted causes were found" in said


def test_anything_wrong_ends_with_exit_code_1_and_says_what_and_what_to_do(examined):
    code, said, file = examined(inferred(culprit=verdict("culprit", "undecided")))
    assert code == 1
    assert "culprit      cause                     undecided                 WRONG" in said
    assert "the verdicts on culprit are wrong" in said
    assert f"report it with {file}" in said


def test_a_study_without_a_folder_is_thrown_away(monkeypatch, capsys):
    stores = []

    def record_store(_file, _overrides, root, *_):
        stores.append(root)
        return 0

    monkeypatch.setattr(run, "run", record_store)
    monkeypatch.setattr(doctor, "_inferred", lambda *_: inferred())
    assert doctor.examine(None, None, None, Console()) == 0
    assert not stores[0].exists()
    assert "--store FOLDER keeps them" in capsys.readouterr().out


@pytest.mark.parametrize("code", [1, 130])
def test_a_study_that_did_not_end_is_not_judged(examined, code):
    assert examined(None, code)[0] == code


def test_the_json_holds_what_was_planted_found_and_inferred(examined):
    found = json.loads(examined(inferred())[2].read_text())
    assert found["right"] is True
    (change,) = found["switches"][0]["changes"]
    assert change.pop("beside") == "average over all other switches"
    assert change == pytest.approx({"planted": 0.1, "measured": 0.09, "low": 0.08, "high": 0.1})
    assert found["inference"]["verdicts"][0]["verdict"] == "cause"


def test_a_folder_with_an_earlier_self_test_is_refused(tmp_path):
    (tmp_path / "studies" / "doctor").mkdir(parents=True)
    with pytest.raises(DataError, match="holds an earlier self-test; name a folder without one"):
        doctor.examine(tmp_path, None, None, Console(quiet=True))


@pytest.mark.slow
def test_the_self_test_finds_exactly_what_was_planted(tmp_path):
    done = CliRunner().invoke(app, ["doctor", "--store", str(tmp_path), "--json", str(tmp_path / "doctor.json")])
    assert done.exit_code == 0, done.output
    assert json.loads((tmp_path / "doctor.json").read_text())["right"] is True
    assert (tmp_path / "studies" / "doctor" / "report.html").exists()
