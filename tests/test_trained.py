"""What was trained, from records: the line, the time in which runs were under way, and every setting."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from ablate.analysis import analyze
from ablate.execution.results import study_table
from ablate.execution.train_and_score import carry_out
from ablate.report.trained import trained_networks
from ablate.study.stored_runs import study_paths

START = datetime(2026, 3, 4, 5, 6, 0, tzinfo=UTC)


@pytest.fixture
def trained(small_study, made_record, store):
    """Return a function that stores records of a study with these facts by run, and says what was trained."""

    def make(facts, **changes):
        study = small_study(**changes)
        paths = study_paths(store, study)
        for position, run in enumerate(study.planned_runs):
            record = made_record(run, 0.2 + 0.01 * position)
            replace(record, facts=record.facts | facts(position)).save(paths.run(run.id))
        return trained_networks(study, analyze(study_table(study, paths), study.settings), paths)

    return make


def ended(seconds_after_start, seconds):
    return {"ended_at": (START + timedelta(seconds=seconds_after_start)).isoformat(), "seconds": float(seconds)}


def test_the_time_is_that_in_which_a_run_was_under_way_without_overlap_and_without_pauses(trained):
    # Two runs at a time for 10 s, twice, with a pause of 1,000 s; then two more one after the other.
    ends = [10, 10, 1020, 1020, 1030, 1040, 1040, 1040]
    networks = trained(lambda position: ended(ends[position], 10))
    assert networks.networks == 8
    assert networks.seconds == 80
    assert networks.elapsed == pytest.approx(10 + 10 + 10 + 10)
    assert networks.last_result == "2026-03-04T05:23:20+00:00"
    assert networks.cost(16) == "about 80 s at the pace of this study"


def test_a_factor_of_the_line_has_all_its_levels(trained):
    networks = trained(lambda _: {}, factors={"model.filters": [2, 3], "training.steps": [4, 5, 6, 7]}, seeds=[0])
    assert networks.parts == ("16x16", "one digit", "1 layer x 2 filters or 1 layer x 3 filters", "4 steps and others")


def test_a_model_without_training_is_not_called_trained(trained):
    networks = trained(
        lambda _: {},
        base={"model": {"kind": "planted"}, "data": {"kind": "moving_mnist", "digits": 1}},
        factors={"model.culprit": [False, True], "model.partner_a": [False, True]},
    )
    assert networks.sentence.startswith("Scored without training: 8 networks, 64x64, one digit, model planted, CPU, ")


def test_every_setting_of_the_base_run_is_listed_with_the_levels_of_the_factors(trained):
    networks = trained(
        lambda _: {}, factors={"loss": [{"kind": "bce"}, {"kind": "mse"}], "model.activation": ["tanh", "relu"]}
    )
    settings = {setting.path: setting for setting in networks.settings}
    assert settings["loss"].levels == ("bce", "mse")
    assert settings["model.activation"].levels == ("tanh", "relu")
    assert settings["training.optimizer.learning_rate"].value == "0.001"  # the default of Keras' Adam
    assert settings["training.clip_norm"].value == "none"
    assert settings["seeds"].value == "0, 1"
    assert not any(path.startswith("loss.") for path in settings)


def test_a_run_records_when_it_ended(small_study, store):
    (run, *_) = small_study().planned_runs
    before = datetime.now(UTC).replace(microsecond=0)
    record = carry_out(run, store.study("small").run(run.id), lambda *_: None)
    assert before <= datetime.fromisoformat(str(record.facts["ended_at"])) <= datetime.now(UTC)
