"""Each kind of change of the schema keeps older trees valid: renamed, a new default, a removed field, a new field."""

import json
from pathlib import Path

import pytest

from ablate.core.errors import SpecError
from ablate.storage.records import SCHEMA, identity
from ablate.study import RunSpec, StudySpec, study_file
from ablate.study.schema import STEPS, NewDefault, NewValue, Removal, Rename, Step, current_path, schema_number
from ablate.study.schema_upgrade import OlderVersionError, upgrade_run, upgrade_study
from tests.stored_results import STORED

IDS = json.loads((STORED / "run_ids.json").read_text())


def test_the_newest_step_is_the_schema_that_files_are_written_in():
    assert max(STEPS) == SCHEMA


def test_every_renamed_field_of_a_run_exists():
    for step in STEPS.values():
        for change in step.run:
            if isinstance(change, Rename):
                first, *_, last = change.path.split(".")
                assert first in RunSpec.model_fields
                assert change.name in json.dumps(RunSpec().model_dump(mode="json"))
                assert f'"{last}"' not in json.dumps(RunSpec().model_dump(mode="json"))


@pytest.mark.filterwarnings("ignore::ablate.core.errors.OldNamesWarning")
@pytest.mark.parametrize("name", sorted(IDS))
def test_the_runs_of_the_studies_shipped_with_schema_1_keep_their_ids(name):
    study = study_file.load(STORED / "studies_schema_1" / f"{name}.yaml")
    assert [run.id for run in study.planned_runs] == IDS[name]


def test_a_renamed_key_is_renamed_wherever_it_stands():
    steps = {3: Step(run=(Rename("model.head", "output"), Rename("evaluation.views.*.count", "clips_shown")))}
    tree = {
        "base": {"model": {"head": "frame", "filters": 8}, "evaluation": {"views": {"a": {"count": 3}, "b": {}}}},
        "factors": {"model.head": ["frame", "conv3d"], "model": [{"kind": "convlstm", "head": "frame"}]},
        "design": {
            "kind": "foldover",
            "of": {"kind": "leave_one_out", "complete": {"model.head": "frame"}},
            "factors": ["model.head"],
        },
        "analysis": {"interactions": [["model.head", "loss"]]},
    }
    upgrade = upgrade_study(tree, 2, steps=steps)
    assert upgrade.tree == {
        "base": {
            "model": {"output": "frame", "filters": 8},
            "evaluation": {"views": {"a": {"clips_shown": 3}, "b": {}}},
        },
        "factors": {"model.output": ["frame", "conv3d"], "model": [{"kind": "convlstm", "output": "frame"}]},
        "design": {
            "kind": "foldover",
            "of": {"kind": "leave_one_out", "complete": {"model.output": "frame"}},
            "factors": ["model.output"],
        },
        "analysis": {"interactions": [["model.output", "loss"]]},
    }
    assert upgrade.renamed == {"head": "output", "count": "clips_shown"}


def test_the_order_of_the_keys_stays():
    tree = {"model": {"kernel_size": 3, "head": "frame", "filters": 8}}
    renamed = upgrade_run(tree, 2, {3: Step(run=(Rename("model.head", "output"),))}).tree
    assert list(renamed["model"]) == ["kernel_size", "output", "filters"]


def test_a_renamed_value_is_renamed_in_the_base_and_in_every_level():
    steps = {3: Step(run=(NewValue("model.kind", "convlstm", "conv_lstm"),))}
    tree = {
        "base": {"model": {"kind": "convlstm"}},
        "factors": {"model.kind": ["convlstm", "blank"], "model": [{"kind": "convlstm"}, {"kind": "blank"}]},
        "design": {"kind": "full_factorial", "only_when": {"loss": {"model.kind": ["convlstm"]}}},
    }
    assert upgrade_study(tree, 2, steps=steps).tree == {
        "base": {"model": {"kind": "conv_lstm"}},
        "factors": {"model.kind": ["conv_lstm", "blank"], "model": [{"kind": "conv_lstm"}, {"kind": "blank"}]},
        "design": {"kind": "full_factorial", "only_when": {"loss": {"model.kind": ["conv_lstm"]}}},
    }


def test_a_new_default_leaves_an_older_run_its_old_one():
    steps = {3: Step(run=(NewDefault("training.optimizer.epsilon", 1e-7),))}
    tree = {"training": {"optimizer": {"learning_rate": 0.1}}}
    assert upgrade_run(tree, 2, steps).tree == {"training": {"optimizer": {"learning_rate": 0.1, "epsilon": 1e-7}}}
    assert upgrade_run({}, 2, steps).tree == {"training": {"optimizer": {"epsilon": 1e-7}}}


def test_a_new_default_changes_nothing_that_names_its_value_or_is_newer():
    steps = {3: Step(run=(NewDefault("training.steps", 600),))}
    assert upgrade_run({"training": {"steps": 5}}, 2, steps).tree == {"training": {"steps": 5}}
    assert upgrade_run({"training": {}}, 3, steps).tree == {"training": {}}


def test_a_new_default_of_one_kind_changes_no_other_kind():
    steps = {3: Step(run=(NewDefault("loss.window", 11, kind="ssim", is_default_kind=False),))}
    assert upgrade_run({"loss": {"kind": "bce"}}, 2, steps).tree == {"loss": {"kind": "bce"}}
    assert upgrade_run({}, 2, steps).tree == {}
    study = {"factors": {"loss": [{"kind": "bce"}, {"kind": "ssim"}]}}
    assert upgrade_study(study, 2, steps=steps).tree["factors"]["loss"] == [
        {"kind": "bce"},
        {"kind": "ssim", "window": 11},
    ]


def test_a_block_that_is_left_out_is_written_out_with_its_kind():
    steps = {3: Step(run=(NewDefault("model.layers", 4, kind="convlstm"),))}
    study = {"name": "x", "factors": {}}
    upgrade = upgrade_study(study, 2, steps=steps)
    assert upgrade.tree["base"] == {"model": {"kind": "convlstm", "layers": 4}}


def test_a_part_that_gets_a_kind_has_it_in_older_trees():
    steps = {3: Step(run=(NewDefault("training.optimizer.kind", "adam"),))}
    tree = {"training": {"optimizer": {"learning_rate": 0.1}}}
    assert upgrade_run(tree, 2, steps).tree == {"training": {"optimizer": {"learning_rate": 0.1, "kind": "adam"}}}


def test_a_removed_field_vanishes_at_its_default():
    steps = {3: Step(run=(Removal("model.peepholes", default=False),))}
    assert upgrade_run({"model": {"peepholes": False, "filters": 8}}, 2, steps).tree == {"model": {"filters": 8}}


def test_a_removed_field_at_another_value_is_of_an_older_version():
    steps = {3: Step(run=(Removal("model.peepholes", default=False),))}
    with pytest.raises(OlderVersionError, match=r"model\.peepholes: found True; this version has no such field"):
        upgrade_run({"model": {"peepholes": True}}, 2, steps)


def test_a_new_field_at_its_default_keeps_the_identity_of_a_run(small_run):
    class Wider(RunSpec):
        dropout: float = 0.0

    wider = Wider.model_validate(small_run.model_dump())
    assert wider.identity() == small_run.identity()
    assert Wider.model_validate(small_run.model_dump() | {"dropout": 0.1}).identity() != small_run.identity()


def test_the_settings_that_differ_from_the_defaults_make_the_run_again(small_study):
    for run in small_study().planned_runs:
        assert RunSpec.model_validate(run.spec.non_defaults()) == run.spec


def test_runs_of_two_kinds_with_equal_fields_differ():
    ids = {identity(RunSpec.model_validate({"loss": {"kind": kind}}).non_defaults()) for kind in ("bce", "mse", "l1")}
    assert len(ids) == 3


def test_a_path_of_an_override_is_that_of_today():
    assert current_path("model.normalisation.kind") == "model.normalization.kind"
    assert current_path("evaluation.views.rollout.truth_offset") == "evaluation.views.rollout.target_offset"
    assert current_path("response.measure", of_study=True) == "response.metric"


@pytest.mark.parametrize("number", [0, SCHEMA + 1, "2", True, None])
def test_an_unknown_schema_number_is_refused(number):
    with pytest.raises(SpecError, match=r"schema: found .*; (this version reads|must be a whole number from) 1 to"):
        schema_number({"schema": number})


def test_a_file_of_a_newer_schema_is_refused_at_its_line(tmp_path):
    file = tmp_path / "study.yaml"
    file.write_text(f"name: x\nschema: {SCHEMA + 1}\n")
    with pytest.raises(SpecError, match=rf"study\.yaml:2:1: schema: found {SCHEMA + 1}"):
        study_file.load(file)


@pytest.mark.filterwarnings("ignore::ablate.core.errors.OldNamesWarning")
@pytest.mark.parametrize("name", ["case", "ghost"])  # whose runs have not changed since
def test_a_shipped_study_means_what_its_copy_of_schema_1_means(name):
    older = study_file.load(STORED / "studies_schema_1" / f"{name}.yaml")
    newer = study_file.load(Path("studies") / f"{name}.yaml")
    assert isinstance(newer, StudySpec)
    assert older.base == newer.base
    assert [run.id for run in older.planned_runs] == [run.id for run in newer.planned_runs]
