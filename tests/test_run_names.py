import pytest

from ablate.execution.tracking.run_names import abbreviations, cell_name, factor_columns, run_name

FACTORS = {
    "model.kernel_size": {"title": "input kernel", "levels": [[1, 2], 3], "labels": ["1 and 2", "3"]},
    "loss": {"title": "loss", "levels": [{"kind": "bce"}, {"kind": "mse"}]},
    "training.scheme": {
        "title": "training horizon",
        "levels": [
            {"kind": "teacher_forced", "frames": 10},
            {"kind": "rollout", "context": 6, "horizon": 4},
        ],
        "labels": ["1 step", "4 steps"],
    },
}


@pytest.fixture
def study(small_study):
    """Return a function that makes a study of three factors with titles, with a base kernel of one's choice."""

    def make(base_kernel):
        base = small_study().base.model_dump(mode="json", exclude={"seed"})
        base["model"] |= {"kernel_size": base_kernel, "layers": 2}
        base["loss"] = {"kind": "bce"}
        base["training"]["scheme"] = {"kind": "teacher_forced", "frames": 10}
        return small_study(base=base, factors=FACTORS)

    return make


def test_a_number_has_the_letter_of_its_factor_and_a_word_stands_alone(study):
    levels = {"model.kernel_size": "3", "loss": "mse", "training.scheme": "1 step"}
    assert cell_name(study([1, 2]), levels) == "k3 · mse"


def test_a_range_and_a_number_with_a_unit_are_numbers(study):
    levels = {"model.kernel_size": "1 and 2", "loss": "bce", "training.scheme": "4 steps"}
    assert run_name(study(3), levels, 3) == "k1-2 · h4 · s3"


def test_the_baseline_reads_as_such(study):
    assert run_name(study([1, 2]), study([1, 2]).baseline, 7) == "base · s7"


def test_a_level_that_two_factors_have_names_its_factor(small_study):
    gates = {"levels": ["sigmoid", "hard_sigmoid"], "labels": ["smooth", "relu"]}
    factors = {"model.activation": ["tanh", "relu"], "model.gate_activation": gates}
    study = small_study(factors=factors)
    baseline = study.baseline
    assert cell_name(study, baseline | {"model.activation": "relu"}) == "a=relu"
    assert cell_name(study, baseline | {"model.gate_activation": "relu"}) == "ga=relu"


def test_a_level_that_is_no_word_names_its_factor(small_study):
    study = small_study(factors={"model.peepholes": [False, True]})
    assert cell_name(study, {"model.peepholes": "yes"}) == "p=yes"


@pytest.mark.parametrize(
    ("titles", "letters"),
    [
        ({"training.optimizer.learning_rate": None}, ["lr"]),
        ({"model.kernel_size": None, "model.state_kernel_size": None}, ["k", "sk"]),
        ({"model.layers": None, "loss.kind": None}, ["l", "lo"]),
        ({"a.x": "kernel", "b.x": "input kernel", "c.x": "kernel"}, ["k", "ke", "ker"]),
        ({"a.x": "k", "b.x": "k"}, ["k", "k1"]),
    ],
)
def test_no_two_factors_have_the_same_letters(titles, letters):
    assert list(abbreviations(titles).values()) == letters


def test_a_long_level_is_cut(small_study):
    study = small_study(factors={"model.activation": {"levels": ["tanh", "relu"], "labels": ["tanh", "x" * 60]}})
    assert cell_name(study, {"model.activation": "x" * 60}) == "x" * 23 + "…"


def test_a_heading_is_the_title_or_the_last_part_of_a_path(small_study):
    factors = {"model.kernel_size": {"title": "kernel, input", "levels": [1, 3]}, "model.activation": ["tanh", "relu"]}
    assert list(factor_columns(small_study(factors=factors)).values()) == ["kernel_ input", "activation"]


def test_headings_that_would_be_equal_are_whole_paths(small_study):
    paths = ["data.digits", "model.layers"]
    factors = {path: {"title": "n", "levels": [1, 2]} for path in paths}
    assert list(factor_columns(small_study(factors=factors)).values()) == paths
