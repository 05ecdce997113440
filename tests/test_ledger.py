import math
import warnings

import optuna
import pytest
from optuna.distributions import CategoricalDistribution, IntDistribution
from optuna.importance import PedAnovaImportanceEvaluator, get_param_importances
from optuna_dashboard import get_note, save_note

from ablate.core.errors import AblateError
from ablate.execution.ledger.ledger import Ledger
from ablate.execution.measured_run import measured_run


def next_trial(ledger):
    """Return the number and the point of the next trial, which there is."""
    trial = ledger.next()
    assert trial is not None
    return trial


def as_trial(ledger, number):
    """Return a trial in the form that the dashboard's functions take."""
    return optuna.Trial(ledger._trials, ledger._trials.trials[number]._trial_id)


def importances(trials):
    return get_param_importances(trials, evaluator=PedAnovaImportanceEvaluator())  # that of the dashboard


@pytest.fixture
def trials(store):
    """Return a function that reads the trials as somebody else would."""

    def read(name="small"):
        return optuna.load_study(study_name=name, storage=f"sqlite:///{store.optuna_database}").get_trials()

    return read


@pytest.fixture
def settle(store, made_record):
    """Return a function that runs the next queued trial, with a response of one's choice."""

    def settle(study, ledger, value=0.25, outcome="finished", defined=(1, 2, 3)):
        number, id_ = next_trial(ledger)
        record = made_record(next(run for run in study.planned_runs if run.id == id_), value, outcome, defined)
        record.save(store.study(study.name).run(id_))
        measured = measured_run(study, record)
        ledger.settle(number, measured=measured, record=record, run_id="run-1", artifacts=[])
        return id_

    return settle


@pytest.fixture
def settled_study(store, small_study, settle):
    """Return a study whose every point is settled in the ledger and has its record on disk."""
    study = small_study()
    ledger = Ledger.open(store, study)
    ledger.enqueue(study.planned_runs)
    for position in range(len(study.planned_runs)):
        settle(study, ledger, position / 10)
    return study


def test_points_come_out_in_the_order_they_were_queued(store, small_study):
    study = small_study()
    ledger = Ledger.open(store, study)
    ledger.enqueue(study.planned_runs[::-1])
    popped = [next_trial(ledger)[1] for _ in study.planned_runs]
    assert popped == [planned_run.id for planned_run in study.planned_runs[::-1]]
    assert ledger.next() is None


def test_a_trial_has_the_levels_of_its_run_as_parameters_and_the_seed_as_an_attribute(store, small_study, trials):
    study = small_study()
    ledger = Ledger.open(store, study)
    ledger.enqueue(study.planned_runs[-1:])
    next_trial(ledger)
    assert trials()[0].params == {"model.state_kernel_size": "3", "model.activation": "relu"}
    assert trials()[0].user_attrs == {"run": study.planned_runs[-1].id, "seed": 1}


def tell_as_the_earlier_version(store, study, values):
    """Tell runs with the seed as a parameter, and leave one more waiting."""
    trials = optuna.load_study(study_name=study.name, storage=f"sqlite:///{store.optuna_database}")
    levels = {path: CategoricalDistribution(factor.level_names()) for path, factor in study.factors.items()}
    for planned_run in study.planned_runs[: len(values) + 1]:
        trials.enqueue_trial(
            {**planned_run.levels, "seed": planned_run.seed}, user_attrs={"run": planned_run.id, "outcome": "finished"}
        )
    for value in values:
        trials.tell(trials.ask({**levels, "seed": IntDistribution(0, 2**31 - 1)}), value)
    return trials


def test_trials_with_the_seed_as_a_parameter_stay_and_those_of_today_join_them(store, small_study, settle, trials):
    study = small_study()
    Ledger.open(store, study)
    tell_as_the_earlier_version(store, study, [0.1, 0.2, 0.3])
    ledger = Ledger.open(store, study)
    ledger.enqueue(study.planned_runs[3:])
    for position in range(5):
        settle(study, ledger, 0.4 + position / 10)
    assert [trial.params.get("seed") for trial in trials()] == [0, 1, 0] + [None] * 5
    assert [trial.user_attrs.get("seed") for trial in trials()[3:]] == [1, 0, 1, 0, 1]
    assert [trial.value for trial in trials()] == pytest.approx([0.1 * number for number in range(1, 9)])
    assert [trial.state.name for trial in trials()] == ["COMPLETE"] * 8


def test_optuna_s_importance_is_computed_over_trials_of_both_kinds(store, small_study, settle):
    study = small_study()
    Ledger.open(store, study)
    read = tell_as_the_earlier_version(store, study, [0.1, 0.9, 0.1, 0.9, 0.2])
    ledger = Ledger.open(store, study)
    ledger.enqueue(study.planned_runs[5:])
    for value in (0.8, 0.2, 0.7):
        settle(study, ledger, value)
    shares = importances(read)
    assert set(shares) == {*study.factors, "seed"}  # of the earlier trials alone
    assert sum(shares.values()) == pytest.approx(1)


def test_an_unmeasurable_run_takes_no_part_in_optuna_s_importance(store, small_study, settle):
    study = small_study()
    ledger = Ledger.open(store, study)
    ledger.enqueue(study.planned_runs)
    for value in (0.1, 0.2, 0.4, 0.5, 0.15, 0.25):
        settle(study, ledger, value)
    read = optuna.load_study(study_name="small", storage=f"sqlite:///{store.optuna_database}")
    before = importances(read)
    assert set(before) == set(study.factors)
    settle(study, ledger, 1e-6, defined=(2,))
    settle(study, ledger, math.nan, "diverged")
    assert importances(read) == before
    assert read.best_value == pytest.approx(0.1)


def test_a_settled_trial_holds_response_means_and_run(store, small_study, settle, trials):
    study = small_study()
    ledger = Ledger.open(store, study)
    ledger.enqueue(study.planned_runs)
    id_ = settle(study, ledger, 0.4)
    trial = trials()[0]
    assert (trial.state.name, trial.value) == ("COMPLETE", pytest.approx(0.4))
    assert trial.user_attrs["run"] == id_
    assert trial.user_attrs["mlflow_run"] == "run-1"
    assert trial.user_attrs["seconds"] == 1.5
    assert trial.user_attrs["rollout/mse"] == 40.0
    assert trial.user_attrs["one_step/ghost_ratio"] == pytest.approx(0.4)


@pytest.mark.parametrize("outcome", ["finished", "diverged"])
def test_what_has_no_number_settles_a_point_without_a_value(store, small_study, settle, trials, outcome):
    study = small_study()
    ledger = Ledger.open(store, study)
    ledger.enqueue(study.planned_runs)
    id_ = settle(study, ledger, math.nan, outcome)
    assert ledger.settled() == {id_: {"finished": "unmeasurable", "diverged": "diverged"}[outcome]}
    assert trials()[0].state.name == "PRUNED"


def test_an_unmeasurable_run_is_no_best_trial_and_shows_no_mean_of_its_few_frames(store, small_study, settle, trials):
    study = small_study()
    ledger = Ledger.open(store, study)
    ledger.enqueue(study.planned_runs)
    settle(study, ledger, 0.4)
    id_ = settle(study, ledger, 0.001, defined=(2,))
    unmeasurable = trials()[1]
    assert (unmeasurable.state.name, unmeasurable.value, unmeasurable.user_attrs["run"]) == ("PRUNED", None, id_)
    assert unmeasurable.user_attrs["outcome"] == "unmeasurable"
    assert unmeasurable.user_attrs["reason"].startswith("the ghost ratio is defined in 33.3 % of its frames (2 of 6)")
    assert unmeasurable.user_attrs["defined_share"] == pytest.approx(1 / 3)
    assert "rollout/ghost_ratio" not in unmeasurable.user_attrs
    assert unmeasurable.user_attrs["rollout/mse"] == 40.0
    best = optuna.load_study(study_name="small", storage=f"sqlite:///{store.optuna_database}").best_trial
    assert best.value == pytest.approx(0.4)


def test_another_floor_settles_the_trials_again(store, small_study, settle, trials):
    study = small_study()
    ledger = Ledger.open(store, study)
    ledger.enqueue(study.planned_runs)
    settle(study, ledger, 0.001, defined=(2,))
    low = small_study(response={"measurable_from": 0.3})
    Ledger.open(store, low)
    (trial,) = trials()
    assert (trial.state.name, trial.value, trial.user_attrs["outcome"]) == ("COMPLETE", 0.001, "finished")
    assert "reason" not in trial.user_attrs
    assert trial.user_attrs["rollout/ghost_ratio"] == pytest.approx(0.001)
    Ledger.open(store, study)
    (trial,) = trials()
    assert (trial.state.name, trial.user_attrs["outcome"]) == ("PRUNED", "unmeasurable")
    assert "rollout/ghost_ratio" not in trial.user_attrs


@pytest.mark.parametrize(
    "end", [lambda ledger, n: ledger.fail(n, "exception", "why"), lambda ledger, n: ledger.release(n)]
)
def test_a_failed_or_stopped_trial_leaves_its_point_open(store, small_study, trials, end):
    study = small_study()
    ledger = Ledger.open(store, study)
    ledger.enqueue(study.planned_runs[:1])
    number, id_ = next_trial(ledger)
    end(ledger, number)
    assert trials()[0].state.name == "FAIL"
    assert ledger.settled() == {}
    ledger.enqueue(study.planned_runs[:1])
    assert next_trial(ledger) == (1, id_)


def test_a_failure_says_why(store, small_study, trials):
    study = small_study()
    ledger = Ledger.open(store, study)
    ledger.enqueue(study.planned_runs[:1])
    ledger.fail(next_trial(ledger)[0], "lost_worker", "killed by signal 9")
    told = trials()[0].user_attrs
    assert (told["outcome"], told["failure"], told["message"]) == ("failed", "lost_worker", "killed by signal 9")


def test_the_trials_of_a_dead_driver_are_abandoned(store, small_study, trials):
    study = small_study()
    first = Ledger.open(store, study)
    first.enqueue(study.planned_runs)
    first.next()
    Ledger.open(store, study)
    assert trials()[0].state.name == "FAIL"
    assert trials()[0].user_attrs["outcome"] == "abandoned"


def test_what_waits_is_not_queued_twice(store, small_study, trials):
    study = small_study()
    Ledger.open(store, study).enqueue(study.planned_runs)
    Ledger.open(store, study).enqueue(study.planned_runs)
    assert len(trials()) == len(study.planned_runs)


def test_what_waits_for_a_dropped_seed_is_withdrawn(store, small_study, trials):
    Ledger.open(store, small_study()).enqueue(small_study().planned_runs)
    fewer = small_study(seeds=[1])
    ledger = Ledger.open(store, fewer)
    ledger.enqueue(fewer.planned_runs)
    popped = []
    while (queued := ledger.next()) is not None:
        popped.append(queued[1])
    assert sorted(popped) == sorted(planned_run.id for planned_run in fewer.planned_runs)
    assert [trial.user_attrs["outcome"] for trial in trials() if trial.state.name == "FAIL"] == ["withdrawn"] * 4


def test_what_waits_but_is_not_running_for_again_is_withdrawn(store, small_study, trials):
    first, second, *_ = small_study().planned_runs
    Ledger.open(store, small_study()).enqueue([first, second])
    ledger = Ledger.open(store, small_study())
    ledger.enqueue([second])
    assert next_trial(ledger) == (1, second.id)
    assert ledger.next() is None
    assert trials()[0].user_attrs["outcome"] == "withdrawn"


def test_the_latest_trial_of_a_point_counts(store, small_study, settle):
    study = small_study()
    ledger = Ledger.open(store, study)
    for outcome in ("diverged", "finished"):
        ledger.enqueue(study.planned_runs[:1])
        settle(study, ledger, 0.3, outcome)
    assert ledger.settled() == {study.planned_runs[0].id: "finished"}


@pytest.mark.usefixtures("settled_study")
def test_a_superseded_trial_keeps_its_number_and_settles_nothing(store, small_study, trials):
    ledger = Ledger.open(store, small_study())
    before = [(trial.number, trial.value, trial.datetime_complete) for trial in trials()]
    ledger.correct([3], {})
    after = trials()
    assert [(trial.number, trial.value) for trial in after if trial.number != 3] == [
        (number, value) for number, value, _ in before if number != 3
    ]
    assert [trial.datetime_complete for trial in after] == [ended for _, _, ended in before]
    assert (after[3].state.name, after[3].value, after[3].user_attrs["outcome"]) == ("FAIL", None, "superseded")
    assert [entry.id for entry in ledger.entries()] == ["0", "1", "2", "4", "5", "6", "7"]


@pytest.mark.usefixtures("settled_study")
def test_a_study_that_was_rewritten_keeps_what_was_said_of_it(store, small_study):
    ledger = Ledger.open(store, small_study())
    before = [get_note(as_trial(ledger, number)) for number in (1, 3)]
    save_note(ledger._trials, "about the study")
    save_note(as_trial(ledger, 2), "about trial 2")
    attributes = dict(ledger._trials.user_attrs)
    ledger.correct([3], {})
    assert ledger._trials.user_attrs == attributes
    assert ledger._trials.metric_names == ["ghost ratio (rollout, steps 1 to 3)"]
    assert get_note(ledger._trials) == "about the study"
    assert [get_note(as_trial(ledger, number)) for number in (1, 2, 3)] == [before[0], "about trial 2", before[1]]


CALLS_OF_A_REWRITE = 4
"""Studies that a rewrite creates or deletes: the copy, the former one, the new one, and the copy again."""


@pytest.mark.parametrize("last", range(1, CALLS_OF_A_REWRITE + 1))
@pytest.mark.parametrize("is_done", [False, True])
@pytest.mark.usefixtures("settled_study")
def test_a_driver_killed_while_it_rewrites_the_trials_loses_none(
    store, small_study, trials, monkeypatch, last, is_done
):
    ledger = Ledger.open(store, small_study())
    before = {(trial.number, trial.user_attrs["run"]) for trial in trials()}
    calls = iter(range(1, CALLS_OF_A_REWRITE + 1))

    def dying(name):
        original = getattr(optuna, name)

        def call(*args, **kwargs):
            is_last = next(calls) == last
            if is_last and not is_done:
                raise KeyboardInterrupt
            result = original(*args, **kwargs)
            if is_last:
                raise KeyboardInterrupt
            return result

        return call

    with monkeypatch.context() as patch:
        for name in ("copy_study", "delete_study", "create_study"):
            patch.setattr(optuna, name, dying(name))
        with pytest.raises(KeyboardInterrupt):
            ledger.correct([3], {})
    Ledger.open(store, small_study())
    assert {(trial.number, trial.user_attrs["run"]) for trial in trials()} == before
    assert optuna.get_all_study_names(f"sqlite:///{store.optuna_database}") == ["small"]


@pytest.mark.usefixtures("settled_study")
def test_a_driver_killed_between_two_trials_that_it_writes_loses_none(store, small_study, trials, monkeypatch):
    ledger = Ledger.open(store, small_study())
    before = {(trial.number, trial.user_attrs["run"]) for trial in trials()}
    add_trials = optuna.Study.add_trials

    def add_three(study, added):
        add_trials(study, added[:3])
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(optuna.Study, "add_trials", add_three)
        with pytest.raises(KeyboardInterrupt):
            ledger.correct([3], {})
    Ledger.open(store, small_study())
    assert {(trial.number, trial.user_attrs["run"]) for trial in trials()} == before


def test_a_trial_that_somebody_else_added_is_left_alone(store, small_study, settled_study, trials):
    added = optuna.create_trial(state=optuna.trial.TrialState.PRUNED)
    optuna.load_study(study_name="small", storage=f"sqlite:///{store.optuna_database}").add_trial(added)
    ledger = Ledger.open(store, small_study())
    assert set(ledger.settled()) == {planned_run.id for planned_run in settled_study.planned_runs}
    assert [entry.run for entry in ledger.entries() if entry.id == "8"] == [""]
    assert len(trials()) == 9


@pytest.mark.usefixtures("settled_study")
def test_added_seeds_keep_the_trials(store, small_study, trials):
    before = [trial.number for trial in trials()]
    more = Ledger.open(store, small_study(seeds=[0, 1, 2**31 - 1]))
    more.enqueue(small_study(seeds=[2**31 - 1]).planned_runs[:1])
    number, _ = next_trial(more)
    assert number == len(before)
    assert trials()[number].user_attrs["seed"] == 2**31 - 1


def test_an_added_level_keeps_what_was_settled(store, small_study, settled_study, trials):
    before = {trial.user_attrs["run"]: trial.value for trial in trials()}
    ended = [trial.datetime_complete for trial in trials()]
    wider = small_study(factors={"model.state_kernel_size": [1, 3, 5], "model.activation": ["tanh", "relu"]})
    ledger = Ledger.open(store, wider)
    assert set(ledger.settled()) == {planned_run.id for planned_run in settled_study.planned_runs}
    assert {trial.user_attrs["run"]: trial.value for trial in trials()} == pytest.approx(before)
    assert [trial.datetime_complete for trial in trials()] == ended
    new = [planned_run for planned_run in wider.planned_runs if planned_run.levels["model.state_kernel_size"] == "5"]
    ledger.enqueue(new)
    assert next_trial(ledger)[1] == new[0].id


@pytest.mark.usefixtures("settled_study")
def test_a_removed_level_drops_its_trials_alone(store, small_study, trials):
    narrower = small_study(factors={"model.state_kernel_size": [3, 5], "model.activation": ["tanh", "relu"]})
    ledger = Ledger.open(store, narrower)
    assert {trial.params["model.state_kernel_size"] for trial in trials()} == {"3"}
    assert len(ledger.settled()) == 4


@pytest.mark.usefixtures("settled_study")
def test_an_added_factor_keeps_the_points_it_leaves_as_they_were(store, small_study, trials):
    factors = {"model.state_kernel_size": [1, 3], "model.activation": ["tanh", "relu"], "training.batch": [4, 2]}
    assert len(Ledger.open(store, small_study(factors=factors)).settled()) == 8
    assert {trial.params["training.batch"] for trial in trials()} == {"4"}


def test_a_damaged_record_keeps_no_study_from_another_response(store, small_study, settled_study, trials):
    store.study("small").run(settled_study.planned_runs[2].id).scores.write_bytes(b"damaged")
    Ledger.open(store, small_study(response={"metric": "mse"}))
    assert [trial.value for trial in trials()] == [40.0] * 7


@pytest.mark.usefixtures("settled_study")
def test_another_response_values_every_trial_anew(store, small_study, trials):
    Ledger.open(store, small_study(response={"metric": "mse", "view": "one_step"}))
    assert [trial.value for trial in trials()] == [40.0] * 8


def test_a_better_measure_is_maximized(store, small_study):
    Ledger.open(store, small_study(response={"metric": "ssim"}))
    study = optuna.load_study(study_name="small", storage=f"sqlite:///{store.optuna_database}")
    assert study.direction.name == "MAXIMIZE"


def test_pictures_become_artifacts_and_outlive_a_new_layout(store, small_study, made_record, tmp_path, trials):
    study, picture = small_study(), tmp_path / "frames_rollout.png"
    picture.write_bytes(b"\x89PNG")
    ledger = Ledger.open(store, study)
    ledger.enqueue(study.planned_runs[:1])
    number, id_ = next_trial(ledger)
    record = made_record(study.planned_runs[0])
    record.save(store.study("small").run(id_))
    measured = measured_run(study, record)
    ledger.settle(number, measured=measured, record=record, run_id="run-1", artifacts=[picture])
    Ledger.open(store, small_study(response={"metric": "mse"}))
    storage = optuna.storages.RDBStorage(f"sqlite:///{store.optuna_database}")
    (meta,) = optuna.artifacts.get_all_artifact_meta(trials()[0], storage=storage)
    assert (meta.filename, meta.mimetype) == ("frames_rollout.png", "image/png")
    assert [file.name for file in store.optuna_artifacts.iterdir()] == [meta.artifact_id]
    assert (store.optuna_artifacts / meta.artifact_id).read_bytes() == b"\x89PNG"


def test_the_study_says_what_it_asks(store, small_study):
    Ledger.open(store, small_study())
    study = optuna.load_study(study_name="small", storage=f"sqlite:///{store.optuna_database}")
    assert study.user_attrs["question"] == "Does the state kernel make a ghost?"
    assert study.user_attrs["plan"] == "full_factorial: 4 cells x 2 seeds"
    assert study.metric_names == ["ghost ratio (rollout, steps 1 to 3)"]


def test_opening_warns_of_nothing(store, small_study):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        Ledger.open(store, small_study())


def test_a_file_that_is_no_database_is_named(store, small_study):
    store.root.mkdir()
    store.optuna_database.write_text("not a database, and long enough to be taken for one" * 100)
    with pytest.raises(AblateError, match=r"optuna\.db cannot be used .*; close .* move it away; then give the same"):
        Ledger.open(store, small_study())


def test_a_point_whose_trial_was_taken_while_the_database_went_away_is_handed_out_all_the_same(small_study, store):
    study = small_study()
    ledger = Ledger.open(store, study)
    ledger.enqueue(study.planned_runs[:1])
    ledger._trials.ask(ledger._distributions)  # its answer never arrives
    assert next_trial(ledger)[1] == study.planned_runs[0].id
    states = [trial.state.name for trial in ledger._trials.get_trials()]
    assert sorted(states) == ["FAIL", "RUNNING"]


def test_an_end_that_was_told_already_may_be_told_again(small_study, store):
    study = small_study()
    ledger = Ledger.open(store, study)
    ledger.enqueue(study.planned_runs[:1])
    number, _ = next_trial(ledger)
    trial = ledger._running[number]
    ledger.fail(number, "exception", "first")
    ledger._running[number] = trial  # its answer never arrived
    ledger.fail(number, "exception", "again")
    assert ledger._trials.trials[number].user_attrs["message"] == "first"
