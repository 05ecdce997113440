import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from ablate.components.losses import MSE, SSIMLoss
from ablate.components.models import ConvLSTM
from ablate.core.errors import DesignError, SpecError
from ablate.study import Factor, RunSpec, StudySpec, changed, level_name


def reordered(tree):
    return {key: reordered(tree[key]) for key in reversed(tree)} if isinstance(tree, dict) else tree


def test_equal_runs_share_their_identity_whatever_the_order_of_keys(small_run):
    again = RunSpec.model_validate(reordered(small_run.model_dump()))
    assert again.identity() == small_run.identity()


def test_a_whole_number_and_the_same_float_are_one_run(small_run):
    one, same = (changed(small_run, {"model.forget_bias": bias}) for bias in (1, 1.0))
    assert one.identity() == same.identity()


@pytest.mark.parametrize(
    ("path", "value"),
    [("seed", 1), ("model.filters", 3), ("training.optimizer.learning_rate", 1e-4), ("loss", {"kind": "mse"})],
)
def test_another_value_makes_another_identity(small_run, path, value):
    assert changed(small_run, {path: value}).identity() != small_run.identity()


def test_a_value_inside_a_block_is_changed_alone(small_run):
    run = changed(small_run, {"model.filters": 5})
    assert isinstance(run.model, ConvLSTM)
    assert run.model.filters == 5
    assert changed(run, {"model.filters": small_run.model.filters}) == small_run


def test_a_part_is_swapped_by_its_whole_block(small_run):
    assert changed(small_run, {"loss": {"kind": "ssim", "window": 7}}).loss == SSIMLoss(window=7)


def test_a_block_is_put_in_before_the_fields_inside_it(small_run):
    settings = {"loss.window": 5, "loss": {"kind": "ssim", "window": 7}}
    assert changed(small_run, settings).loss == SSIMLoss(window=5)


def test_changing_a_run_leaves_the_given_values_alone(small_run):
    block = {"kind": "ssim"}
    changed(small_run, {"loss": block, "loss.window": 5})
    assert block == {"kind": "ssim"}


def test_a_path_that_no_run_has_is_refused_with_a_near_one(small_run):
    with pytest.raises(SpecError, match=r"^model\.filtres: unknown key \(did you mean 'filters'\?\); allowed: activ"):
        changed(small_run, {"model.filtres": 5})


def test_nothing_lies_below_a_number(small_run):
    with pytest.raises(SpecError, match=r"^model\.filters\.first: nothing lies below 'filters'"):
        changed(small_run, {"model.filters.first": 5})


def test_an_error_of_a_change_knows_its_place(small_run):
    with pytest.raises(SpecError) as caught:
        changed(small_run, {"training.steps": -1, "model.layers": "two"})
    assert {fault.loc for fault in caught.value.faults} == {("training", "steps"), ("model", "layers")}


def test_a_scheme_must_be_able_to_train_the_model():
    with pytest.raises(ValidationError, match="'teacher_forced' cannot train model 'encoder_forecaster'"):
        RunSpec.model_validate({"model": {"kind": "encoder_forecaster"}})


def test_clips_must_be_long_enough_for_training_and_evaluation():
    file = {"kind": "moving_mnist_file", "path": "x.npy"}
    with pytest.raises(ValidationError, match="need clips of 22 frames, data 'moving_mnist_file' has 20"):
        RunSpec.model_validate({"data": file, "evaluation": {"context": 12, "horizon": 10}})


def test_a_view_cannot_be_put_beside_frames_before_the_clip():
    views = {"early": {"target_offset": -3}}
    with pytest.raises(ValidationError, match=r"views\.early\.target_offset: -3"):
        RunSpec.model_validate({"evaluation": {"context": 3, "views": views}})


def test_points_are_every_cell_with_every_seed(small_study):
    study = small_study(seeds=[0, 1, 2])
    assert len(study.cells) == 4
    assert len(study.planned_runs) == 12
    assert [planned_run.seed for planned_run in study.planned_runs[:3]] == [0, 1, 2]


def test_points_are_all_different_runs(small_study):
    points = small_study().planned_runs
    assert len({planned_run.id for planned_run in points}) == len(points)


def test_a_point_runs_its_own_levels_and_seed(small_study):
    for planned_run in small_study().planned_runs:
        assert str(planned_run.spec.model.state_kernel_size) == planned_run.levels["model.state_kernel_size"]
        assert planned_run.spec.model.activation == planned_run.levels["model.activation"]
        assert planned_run.spec.seed == planned_run.seed
        assert planned_run.spec.identity() == planned_run.id


def test_adding_a_level_or_a_seed_keeps_the_points_there_are(small_study):
    before = small_study()
    factors = {"model.state_kernel_size": [1, 3, 5], "model.activation": ["tanh", "relu"]}
    after = small_study(factors=factors, seeds=[0, 1, 2])
    assert {run.id for run in before.planned_runs} < {run.id for run in after.planned_runs}


def test_the_baseline_is_the_level_of_the_base_run_else_the_first(small_study):
    factors = {"model.activation": ["relu", "tanh"], "model.state_kernel_size": [1, 5]}
    assert small_study(factors=factors).baseline == {"model.activation": "tanh", "model.state_kernel_size": "1"}


def test_a_point_is_titled_by_what_differs_from_the_baseline(small_study):
    factors = {"model.activation": ["tanh", "relu"], "model.layers": {"levels": [1, 2], "title": "depth"}}
    titles = [planned_run.title for planned_run in small_study(factors=factors, seeds=[4]).planned_runs]
    assert titles == [
        "baseline, seed 4",
        "depth 2, seed 4",
        "activation relu, seed 4",
        "activation relu, depth 2, seed 4",
    ]


def test_a_study_without_factors_runs_its_base_alone(small_study):
    study = small_study(factors={}, seeds=[7])
    assert [planned_run.spec for planned_run in study.planned_runs] == [study.base.model_copy(update={"seed": 7})]


def test_one_at_a_time_runs_the_base_and_each_other_level(small_study):
    factors = {
        "model.state_kernel_size": [3, 1, 5],
        "model.activation": ["tanh", "relu"],
        "loss": [{"kind": "bce"}, {"kind": "mse"}],
    }
    base = small_study().base.model_dump(exclude={"seed"}) | {
        "model": {"kind": "convlstm", "layers": 1, "state_kernel_size": 3}
    }
    study = small_study(base=base, factors=factors, design={"kind": "one_at_a_time"})
    assert len(study.cells) == 1 + 2 + 1 + 1
    assert study.cells[0].spec == study.base
    assert study.cells[-1].spec.loss == MSE()


def test_one_at_a_time_refuses_a_factor_without_the_base_runs_value(small_study):
    study = small_study(factors={"model.layers": [2, 3]}, design={"kind": "one_at_a_time"})
    with pytest.raises(DesignError, match=r"'model\.layers' is not among its levels"):
        study.cells  # noqa: B018  # building them is the test


def test_levels_that_fit_only_together_make_their_combinations(small_study):
    base = {"model": {"kind": "convlstm", "layers": 2, "kernel_size": [3, 3]}}
    one_layer = {"kind": "convlstm", "layers": 1, "kernel_size": 3}
    factors = {"model": [one_layer, one_layer | {"kernel_size": 5}], "model.filters": [4, 8]}
    assert len(small_study(base=base, factors=factors).cells) == 4


def test_a_combination_that_is_no_run_is_named(small_study):
    study = small_study(factors={"model.layers": [1, 2], "model.kernel_size": [3, [3, 5]]})
    with pytest.raises(SpecError, match=r"\{model.layers: 1, model.kernel_size: 3-5\} is no valid run: .* 1 layers$"):
        study.cells  # noqa: B018  # as above


def test_two_levels_that_mean_the_same_are_refused(small_study):
    with pytest.raises(SpecError, match=r"levels\[1\]: means the same as level '1'"):
        small_study(factors={"model.forget_bias": [1, 1.0]}).cells  # noqa: B018  # as above


def test_two_combinations_that_mean_the_same_are_refused(small_study):
    kernels = [{"kind": "convlstm", "layers": 1, "filters": filters} for filters in (4, 8)]
    with pytest.raises(SpecError, match="are the same run"):
        small_study(factors={"model": kernels, "model.filters": [4, 8]}).cells  # noqa: B018  # as above


def test_a_response_must_be_measured_in_every_cell(small_study):
    study = small_study(factors={"evaluation.horizon": [3, 2]}, response={"last_step": 3})
    with pytest.raises(SpecError, match=r"response\.last_step: found 3; must be at most the horizon, 2"):
        study.cells  # noqa: B018  # as above


@pytest.mark.parametrize(
    ("response", "message"),
    [
        ({"metric": "ghost"}, "unknown metric 'ghost'"),
        ({"view": "rolout"}, r"response\.view: unknown view 'rolout' \(did you mean 'rollout'\?\)"),
        ({"first_step": 4}, r"response\.first_step: found 4; must be at most the horizon, 3"),
        ({"first_step": 3, "last_step": 2}, "last_step: found 2; must be at least first_step, 3"),
    ],
)
def test_a_response_that_is_not_measured_is_refused(small_study, response, message):
    with pytest.raises(ValidationError, match=message):
        small_study(response=response)


def test_a_number_of_seeds_counts_from_zero(small_study):
    assert small_study(seeds=3).seeds == [0, 1, 2]


@pytest.mark.parametrize("seeds", [0, -1, True, [], [0, 0], [-1], 2**31, 10**9, [0.5], "3"])
def test_other_seeds_are_refused(small_study, seeds):
    with pytest.raises(ValidationError, match="seeds"):
        small_study(seeds=seeds)


def test_a_list_is_short_for_a_factor_with_these_levels(small_study):
    short, long = (small_study(factors={"model.layers": levels}) for levels in ([1, 2], {"levels": [1, 2]}))
    assert short == long


def test_labels_name_the_levels(small_study):
    study = small_study(factors={"model.layers": {"levels": [1, 2], "labels": ["flat", "deep"]}})
    assert [cell.levels for cell in study.cells] == [{"model.layers": "flat"}, {"model.layers": "deep"}]


@pytest.mark.parametrize(
    ("factor", "message"),
    [
        ({"levels": [1]}, "at least 2 items"),
        ({"levels": [1, 1]}, "levels: found '1' 2 times"),
        ({"levels": [1, 2], "labels": ["a"]}, "labels: 1 of them for 2 levels"),
        ({"levels": [1, 2], "labels": ["a", "a"]}, "labels: found 'a' 2 times"),
    ],
)
def test_levels_need_names_of_their_own(factor, message):
    with pytest.raises(ValidationError, match=message):
        Factor.model_validate(factor)


@pytest.mark.parametrize(
    ("level", "name"),
    [
        (3, "3"),
        (0.001, "0.001"),
        ("relu", "relu"),
        (None, "none"),
        (True, "yes"),
        ([1, 2, 1], "1-2-1"),
        ({"kind": "mse"}, "mse"),
        ({"kind": "ssim", "window": 7}, "ssim window=7"),
        ({"steps": [1, 2]}, "steps=1-2"),
    ],
)
def test_a_level_is_named_in_a_few_characters(level, name):
    assert level_name(level) == name


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    )
)
def test_every_level_has_a_name(level):
    assert isinstance(level_name(level), str)


def test_a_study_is_frozen(small_study):
    with pytest.raises(ValidationError, match="frozen"):
        small_study().name = "other"


def test_cells_are_built_once(small_study):
    study = small_study()
    assert study.cells is study.cells


def test_the_seed_of_the_base_is_refused(small_study):
    with pytest.raises(ValidationError, match="seeds are set by 'seeds'"):
        small_study(base={"seed": 3})


def test_the_seed_is_no_factor(small_study):
    with pytest.raises(SpecError, match=r"factors\.seed: seeds are set by 'seeds'"):
        small_study(factors={"seed": [0, 1]}).cells  # noqa: B018  # as above


def test_a_study_needs_a_question():
    with pytest.raises(ValidationError, match="question"):
        StudySpec.model_validate({"name": "x", "factors": {}, "seeds": 1})


SMALL_CANVAS = {"kind": "moving_mnist", "frame_size": 24}


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ({"model": {"kind": "encoder_forecaster", "patch": 5}}, "model.patch: 5 does not divide frames of 64 x 64"),
        (
            {"loss": {"kind": "ssim", "window": 31}, "data": {"kind": "moving_mnist", "frame_size": 24}},
            "loss.window: 31 does not fit frames of 24",
        ),
    ],
)
def test_what_cannot_work_on_frames_of_this_size_is_refused(parts, message):
    with pytest.raises(ValidationError, match=message):
        RunSpec.model_validate({"training": {"scheme": {"kind": "rollout"}}} | parts)
