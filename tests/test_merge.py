"""Runs of one study from several machines become one study: each run once, the first one, with its facts."""

import json
import os
import shutil
import signal
import subprocess
import sys
from collections import Counter
from dataclasses import replace

import optuna
import pytest
from mlflow import MlflowClient
from rich.console import Console

from ablate.commands.bundle import BundleOptions, bundle
from ablate.commands.merge import merge
from ablate.commands.report import report
from ablate.core.errors import DataError, SpecError
from ablate.diagnosis.probe_run import probe_run
from ablate.execution.merging import StudyMerge, carry_out, plan_merge, store_sources
from ablate.execution.results import study_table
from ablate.planning.preregistration import preregister
from ablate.storage.exclusions import Exclusion, add_exclusions, exclusions
from ablate.storage.failed_attempts import FailedAttempt, FailedAttempts, failed_attempts
from ablate.storage.looks import RecordedLook, add_look, recorded_looks
from ablate.storage.merges import merges
from ablate.storage.paths import Store
from ablate.storage.records import RunRecord
from ablate.study import study_file
from ablate.study.stored_runs import study_paths
from tests.contained import ablate

QUIET = Console(quiet=True)


@pytest.fixture
def machine(tmp_path, small_study, made_record):
    """Return a function that makes the store of a machine, with records of the runs at some places of the study."""

    def make(name, places, ratio=0.25, study=None, **facts):
        study, store = study or small_study(), Store(tmp_path / name / "mlruns")
        paths = store.study(study.name)
        paths.folder.mkdir(parents=True)
        paths.study_yaml.write_text(study_file.dump(study))
        preregister(paths, study)
        for place in places:
            run = study.planned_runs[place]
            files = paths.run(run.id)
            files.folder.mkdir(parents=True)
            files.run_yaml.write_text(study_file.dump(run.spec))
            files.checkpoint.write_bytes(b"weights")
            record = made_record(run, ghost_ratio=ratio + place / 100)
            scores = record.scores.astype({"value": "float32"})  # as runs store them
            replace(record, scores=scores, facts=record.facts | facts).save(files)
        return store

    return make


@pytest.fixture
def bundled(tmp_path):
    """Return a function that bundles the study of a store."""

    def make(store, **options):
        file = tmp_path / f"{store.root.parent.name}.zip"
        study_yaml = store.study("small").study_yaml
        bundle(study_yaml, store.root, BundleOptions(output=file, **options), QUIET)
        return file

    return make


def planned(sources, store):
    """Return what a merge of stores would do."""
    return plan_merge([source for place in sources for source in store_sources(place.root)], store.study("small"))


def records(store, study):
    paths = study_paths(store, study)
    runs = [run.id for run in study.planned_runs if paths.run(run.id).record.exists()]
    return {run_id: RunRecord.load(paths.run(run_id), run_id) for run_id in runs}


def in_optuna(store):
    trials = optuna.load_study(study_name="small", storage=store.optuna_url).get_trials()
    return Counter(trial.user_attrs["run"] for trial in trials if trial.state.name in ("COMPLETE", "PRUNED"))


def in_mlflow(store):
    client = MlflowClient(store.mlflow_url)
    experiment = client.get_experiment_by_name("small")
    assert experiment is not None
    runs = client.search_runs([experiment.experiment_id], "tags.`ablate.role` = 'run'")
    return Counter(run.data.tags["ablate.run"] for run in runs if run.info.status == "FINISHED")


def test_stores_and_bundles_become_one_study_with_every_run_once(machine, bundled, small_study, tmp_path):
    one, two, target = machine("one", [0, 1, 2], device="a"), machine("two", [2, 3], device="b"), tmp_path / "target"
    merge([bundled(one), two.root], target, None, QUIET)
    store, study = Store(target), small_study()
    first_four = [run.id for run in study.planned_runs[:4]]
    assert [records(store, study)[run_id].facts["device"] for run_id in first_four] == ["a", "a", "a", "b"]
    outcomes = study_table(study, study_paths(store, study)).runs["outcome"].tolist()
    assert outcomes == ["finished"] * 4 + ["missing"] * 4
    assert in_optuna(store) == in_mlflow(store) == Counter(first_four)
    merge([bundled(one), two.root], target, None, QUIET)
    assert in_optuna(store) == in_mlflow(store) == Counter(first_four)


def test_a_report_of_a_bundles_runs_is_that_of_the_whole_ones(machine, bundled, tmp_path):
    original = machine("one", range(8))
    study_yaml, target = original.study("small").study_yaml, tmp_path / "target"
    report(study_yaml, (), original.root, QUIET)
    merge([bundled(original)], target, None, QUIET)
    numbers = []
    for root in (original.root, target):
        report(study_yaml, (), root, QUIET)
        paths = Store(root).study("small")
        numbers.append(json.loads(paths.report_json.read_text()))
    for tree in numbers:
        del tree["warnings"], tree["first_screen"]["next_steps"]  # the original has no databases, and another folder
    assert numbers[0] == numbers[1]
    assert Store(target).study("small").runs_csv.read_bytes() == original.study("small").runs_csv.read_bytes()


def test_a_report_without_the_frames_of_its_runs_has_no_picture_of_them(machine, bundled, tmp_path):
    original, target = machine("one", range(8)), tmp_path / "target"
    merge([bundled(original, frames=0)], target, None, QUIET)
    paths = Store(target).study("small")
    paths.comparison.write_bytes(b"of other runs")
    report(paths.study_yaml, (), target, QUIET)
    assert not paths.comparison.exists()
    assert "Forecasts of the worst" not in paths.report_html.read_text()


def test_frames_of_a_bundle_are_drawn_again(machine, bundled, small_study, tmp_path):
    target = tmp_path / "target"
    merge([bundled(machine("one", [0]))], target, None, QUIET)
    files = Store(target).study("small").run(small_study().planned_runs[0].id)
    assert files.frame_grid("rollout").read_bytes().startswith(b"\x89PNG")
    assert files.animation("rollout").exists()


def test_nothing_about_the_runs_is_a_deviation(machine, bundled, tmp_path):
    target = tmp_path / "target"
    merge([bundled(machine("one", range(8)))], target, None, QUIET)
    report(Store(target).study("small").study_yaml, (), target, QUIET)
    assert json.loads(Store(target).study("small").report_json.read_text())["deviations"] == []


def test_a_run_that_was_edited_after_the_merge_is_a_deviation(machine, bundled, small_study, tmp_path, made_record):
    study, target = small_study(), tmp_path / "target"
    merge([bundled(machine("one", range(8)))], target, None, QUIET)
    paths, run = Store(target).study("small"), study.planned_runs[0]
    made_record(run, ghost_ratio=0.9).save(paths.run(run.id))
    report(paths.study_yaml, (), target, QUIET)
    (sentence,) = json.loads(paths.report_json.read_text())["deviations"]
    assert "was changed after the run had ended" in sentence


def test_a_run_that_was_edited_before_the_merge_is_a_deviation(machine, small_study, tmp_path, made_record):
    study, first, target = small_study(), tmp_path / "first", tmp_path / "target"
    merge([machine("one", range(8)).root], first, None, QUIET)
    run = study.planned_runs[0]
    made_record(run, ghost_ratio=0.9).save(Store(first).study("small").run(run.id))
    file = tmp_path / "edited.zip"
    bundle(Store(first).study("small").study_yaml, first, BundleOptions(output=file), QUIET)
    merge([file], target, None, QUIET)
    report(Store(target).study("small").study_yaml, (), target, QUIET)
    (sentence,) = json.loads(Store(target).study("small").report_json.read_text())["deviations"]
    assert sentence.startswith(f"{file}: ")
    assert run.id in sentence


@pytest.mark.parametrize(("ratio", "differs"), [(0.2502, False), (0.2504, True)])
def test_a_run_in_both_is_kept_once_and_a_difference_beyond_a_thousandth_is_listed(
    machine, small_study, ratio, differs
):
    target, other = machine("target", [0], 0.25), machine("other", [0, 1], ratio)
    study_merge = planned([other], target)
    run = small_study().planned_runs[0]
    assert (list(study_merge.runs), study_merge.in_both) == ([small_study().planned_runs[1].id], 1)
    sentences = study_merge.differences[str(other.root)]
    assert len(sentences) == differs
    assert all(run.id in sentence and "0.25 and" in sentence for sentence in sentences)
    before = target.study("small").run(run.id).scores.read_bytes()
    carry_out(study_merge)
    assert target.study("small").run(run.id).scores.read_bytes() == before


def test_responses_near_zero_differ_by_rounding_alone(machine):
    target, other = machine("target", [0], 0.0), machine("other", [0], 5e-7)
    assert planned([other], target).differences == {str(other.root): []}


def test_a_difference_of_outcomes_is_listed(machine, small_study, made_record):
    target, other, run = machine("target", [0]), machine("other", [0]), small_study().planned_runs[0]
    made_record(run, outcome="diverged").save(other.study("small").run(run.id))
    (sentence,) = planned([other], target).differences[str(other.root)]
    assert "ended as finished in one place and as diverged in the other" in sentence


def test_differences_are_caveats_of_the_report(machine):
    target, other = machine("target", range(8)), machine("other", [0], 0.5)
    carry_out(planned([other], target))
    report(target.study("small").study_yaml, (), target.root, QUIET)
    warnings = json.loads(target.study("small").report_json.read_text())["warnings"]
    assert any("has two values of the ghost ratio: 0.25 and 0.5" in warning for warning in warnings)


def test_of_two_sources_the_first_one_counts(machine, tmp_path):
    one, two, target = machine("one", [0], 0.1), machine("two", [0], 0.4), Store(tmp_path / "target")
    study_merge = planned([one, two], target)
    assert [source.name for source in study_merge.runs.values()] == [str(one.root)]
    assert len(study_merge.differences[str(two.root)]) == 1


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({"seeds": [0, 1, 2]}, "seeds is 0, 1, 2 there and 0, 1 here"),
        ({"question": "Another one?"}, "question is Another one"),
        ({"analysis": {"alpha": 0.01}}, "analysis.alpha is 0.01 there and 0.05 here"),
        ({"factors": {"model.state_kernel_size": [1, 3]}}, "factors.model.activation.levels is"),
    ],
)
def test_another_plan_is_refused_with_what_differs_and_nothing_is_written(machine, small_study, changes, found):
    target, other = machine("target", [0]), machine("other", [1], study=small_study(**changes))
    before = sorted(target.root.rglob("*"))
    with pytest.raises(SpecError) as refused:
        merge([other.root], target.root, None, QUIET)
    assert found in str(refused.value)
    assert sorted(target.root.rglob("*")) == before


def test_settings_that_change_no_result_may_differ(machine, small_study):
    target = machine("target", [0])
    other = machine("other", [1], study=small_study(budget={"workers": 7}))
    assert len(planned([other], target).runs) == 1


def test_a_damaged_record_is_refused_and_nothing_is_written(machine, small_study, tmp_path):
    one = machine("one", [0, 1])
    one.study("small").run(small_study().planned_runs[1].id).scores.write_bytes(b"")
    with pytest.raises(DataError, match="damaged"):
        merge([one.root], tmp_path / "target", None, QUIET)
    assert not (tmp_path / "target").exists()


def test_a_store_is_not_merged_into_itself(machine):
    one = machine("one", [0])
    with pytest.raises(SpecError, match="found the store that gets the runs"):
        merge([one.root], one.root, None, QUIET)


def test_one_study_of_several_is_merged_alone(machine, small_study, tmp_path):
    one = machine("one", [0])
    shutil.copytree(
        machine("two", [0], study=small_study(name="large")).study("large").folder, one.study("large").folder
    )
    merge([one.root], tmp_path / "target", "large", QUIET)
    assert [files.folder.name for files in Store(tmp_path / "target").studies()] == ["large"]
    with pytest.raises(SpecError, match="no study 'tiny'"):
        merge([one.root], tmp_path / "target", "tiny", QUIET)


def test_an_unfinished_run_in_the_store_is_replaced_by_a_record(machine, small_study):
    target, other, run = machine("target", []), machine("other", [0]), small_study().planned_runs[0]
    files = target.study("small").run(run.id)
    FailedAttempts().note(run.id, FailedAttempt(0, "exception", "ValueError: here"), files)
    files.log.write_text("Traceback")
    files.training_state.write_bytes(b"state")
    FailedAttempts().note(run.id, FailedAttempt(1, "timeout", "there"), other.study("small").run(run.id))
    carry_out(planned([other], target))
    assert files.record.exists()
    assert not files.log.exists()
    assert not files.training_state.exists()
    assert [attempt.kind for attempt in failed_attempts(files)] == ["exception", "timeout"]


def test_links_in_a_store_are_not_followed(machine, small_study, tmp_path):
    target, other, run = machine("target", []), machine("other", [0]), small_study().planned_runs[0]
    (tmp_path / "secret").write_text("secret")
    (other.study("small").run(run.id).folder / "link.txt").symlink_to(tmp_path / "secret")
    carry_out(planned([other], target))
    assert not (target.study("small").run(run.id).folder / "link.txt").exists()


def look(seeds):
    return RecordedLook(
        at="now", seeds=seeds, planned_seeds=2, runs=4, is_planned=False, stops=False, verdicts={}, tests=(), plan=None
    )


def test_looks_and_exclusions_of_every_source_are_added_at_the_end(machine, small_study):
    target, other, run = machine("target", [0]), machine("other", [1]), small_study().planned_runs[0]
    mine, theirs = (Exclusion(run.id, run.title, "exclude", reason, "now", 1) for reason in ("first", "second"))
    for store, exclusion, seeds in ((target, mine, 1), (other, theirs, 2)):
        add_exclusions(store.study("small"), [exclusion])
        add_look(store.study("small"), look(seeds))
    for _ in range(2):
        carry_out(planned([other], target))
    assert exclusions(target.study("small")) == (mine, theirs)
    assert recorded_looks(target.study("small")) == (look(1), look(2))
    assert [merge.runs for merge in merges(target.study("small"))] == [(small_study().planned_runs[1].id,), ()]


def test_the_plan_of_the_first_machine_goes_along(machine, tmp_path):
    one, target = machine("one", [0]), Store(tmp_path / "target")
    carry_out(planned([one], target))
    assert target.study("small").plan.read_bytes() == one.study("small").plan.read_bytes()


def test_a_run_that_the_databases_know_by_another_result_is_entered_again(machine, small_study, tmp_path):
    study, target, run = small_study(), tmp_path / "target", small_study().planned_runs[0]
    merge([machine("one", range(8), 0.1).root], target, None, QUIET)
    shutil.rmtree(Store(target).study("small").run(run.id).folder)
    merge([machine("two", [0], 0.4).root], target, None, QUIET)
    report(Store(target).study("small").study_yaml, (), target, QUIET)
    assert json.loads(Store(target).study("small").report_json.read_text())["deviations"] == []
    assert in_mlflow(Store(target)) == Counter(planned_run.id for planned_run in study.planned_runs)


def test_probes_say_that_a_bundle_left_the_checkpoint_out(machine, bundled, small_study, tmp_path):
    merge([bundled(machine("one", [0]))], tmp_path / "target", None, QUIET)
    files = Store(tmp_path / "target").study("small").run(small_study().planned_runs[0].id)
    with pytest.raises(DataError, match=r"no checkpoint is here.*--checkpoints"):
        probe_run(files, "a run", "ablate probe", 2, lambda _: None)


def test_a_bundle_of_merged_runs_can_be_merged(machine, bundled, small_study, tmp_path):
    one, study = machine("one", [0, 1]), small_study()
    merge([bundled(one)], tmp_path / "two" / "mlruns", None, QUIET)
    merge([bundled(Store(tmp_path / "two" / "mlruns"))], tmp_path / "three", None, QUIET)
    second, third = records(Store(tmp_path / "two" / "mlruns"), study), records(Store(tmp_path / "three"), study)
    assert {run: record.digest for run, record in second.items()} == {
        run: record.digest for run, record in third.items()
    }
    assert {record.whole_digest for record in third.values()} == {
        record.digest for record in records(one, study).values()
    }


def test_checkpoints_that_were_requested_arrive(machine, bundled, small_study, tmp_path):
    merge([bundled(machine("one", [0]), checkpoints=True)], tmp_path / "target", None, QUIET)
    files = Store(tmp_path / "target").study("small").run(small_study().planned_runs[0].id)
    assert files.checkpoint.read_bytes() == b"weights"


def test_the_command_says_what_it_merged(machine, tmp_path):
    machine("one", [0, 1, 2])
    done = ablate("merge", "one/mlruns", "--into", "target", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert "small: 3 runs merged from one/mlruns" in done.stdout
    assert "3 of 8 runs have a result" in done.stdout


@pytest.mark.parametrize("place", ["nowhere", "empty"])
def test_a_place_without_a_study_is_refused(tmp_path, place):
    (tmp_path / "empty").mkdir()
    assert ablate("merge", place, "--into", "target", cwd=tmp_path).returncode == 2
    assert not (tmp_path / "target").exists()


def test_a_plan_is_needed_in_every_source(machine, tmp_path):
    one = machine("one", [0])
    one.study("small").plan.unlink()
    with pytest.raises(DataError, match=r"no plan\.json"):
        merge([one.root], tmp_path / "target", None, QUIET)


def test_a_merge_is_made_of_the_sources_in_their_order(machine, tmp_path):
    one, two = machine("one", [0]), machine("two", [1])
    study_merge = planned([one, two], Store(tmp_path / "target"))
    assert isinstance(study_merge, StudyMerge)
    assert carry_out(study_merge) == {str(one.root): 1, str(two.root): 1}


def run_until(study_yaml, store, lines=None):
    """Start `ablate run` in a process; kill it after some lines, or wait until it ends."""
    words = ["run", str(study_yaml), "--store", str(store), "--workers", "1"]
    command = [sys.executable, "-m", "ablate", *words]
    driver = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True)
    assert driver.stdout is not None
    if lines is not None:
        for _ in range(lines):
            driver.stdout.readline()
        os.killpg(driver.pid, signal.SIGKILL)
    driver.communicate(timeout=280)
    return driver.returncode


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_study_that_was_begun_in_one_folder_ends_in_another_with_the_same_verdicts(small_study, tmp_path):
    response = {"metric": "mse", "view": "rollout"}  # networks of four steps show no digit, so they have no ghost ratio
    study = small_study(seeds=[0, 1, 2, 3, 4, 5], exploratory=False, response=response, analysis={"margin": 0.5})
    study_yaml = tmp_path / "study.yaml"
    study_yaml.write_text(study_file.dump(study))
    undisturbed, begun, ended = (tmp_path / name / "mlruns" for name in ("undisturbed", "begun", "ended"))
    assert run_until(study_yaml, undisturbed) == 0
    assert run_until(study_yaml, begun, lines=12) == -signal.SIGKILL
    file = tmp_path / "half.zip"
    bundle(study_yaml, begun, BundleOptions(output=file), QUIET)
    merge([file], ended, None, QUIET)
    assert 11 <= len(records(Store(ended), study)) < 24
    assert run_until(study_yaml, ended) == 0
    results = [Store(root).study("small") for root in (undisturbed, ended)]
    assert results[0].runs_csv.read_bytes() == results[1].runs_csv.read_bytes()
    first, second = (json.loads(paths.report_json.read_text()) for paths in results)
    assert first["verdicts"] == second["verdicts"] != []
    for tree in (first, second):
        del tree["first_screen"], tree["probes"]  # they name the folder, the date and the seconds
    assert first == second
    run_ids = Counter(run.id for run in study.planned_runs)
    assert in_optuna(Store(ended)) == in_mlflow(Store(ended)) == run_ids
