from pathlib import Path

import pytest

from ablate.components.data import MovingMNIST
from ablate.components.models import ConvLSTM
from ablate.study import study_file

ROOT = Path(__file__).parent.parent
STUDIES = sorted((ROOT / "studies").glob("*.yaml"))
SIMULATED = sorted((ROOT / "benchmarks").glob("*.yaml"))
every_study = pytest.mark.parametrize("file", STUDIES, ids=lambda file: file.stem)
every_file = pytest.mark.parametrize("file", [*STUDIES, *SIMULATED], ids=lambda file: file.stem)


@every_file
def test_a_shipped_study_loads_and_every_cell_of_it_is_a_valid_run(file):
    assert len(study_file.load(file).cells) > 0


@every_file
def test_a_shipped_study_is_named_as_its_file(file):
    assert study_file.load(file).name == file.stem


@every_study
def test_an_editor_finds_the_schema_of_a_shipped_study(file):
    assert file.read_text().startswith("# yaml-language-server: $schema=./study.schema.json\n")


def load(name):
    return study_file.load(next(file for file in STUDIES if file.stem == name))


def test_the_quick_study_can_decide_on_four_suspects():
    quick = load("quick")
    assert set(quick.factors) == {"model.kernel_size", "model.normalization", "loss", "training.scheme"}
    assert not quick.exploratory
    assert quick.analysis.margin is not None  # without one, nothing is "not a cause"
    assert len(quick.seeds) >= 7  # six can just be significant


def test_two_cells_of_the_quick_study_differ_in_one_factor():
    quick = load("quick")
    base, *others = (cell.levels for cell in quick.cells)
    assert [sum(cell[path] != base[path] for path in base) for cell in others] == [1] * len(quick.factors)


@pytest.mark.parametrize("name", ["quick", "posted", "ghost", "ghost_cpu"])
def test_a_study_asks_about_the_view_of_the_posted_pictures_first(name):
    study = load(name)
    assert study.response.view == "one_step"
    assert next(iter(study.base.evaluation.views)) == "one_step"


@pytest.mark.parametrize("name", ["quick", "ghost_cpu", "posted", "ghost", "case"])
def test_digits_have_strokes_of_two_pixels_or_more(name):
    data = load(name).base.data
    assert isinstance(data, MovingMNIST)
    assert data.digit_side >= 20  # MNIST's strokes are 3 of 28 pixels wide


def test_the_posted_study_is_the_case_with_fewer_filters():
    case, posted = load("case").base, load("posted").base
    assert posted.model == case.model.model_copy(update={"filters": 16})
    assert (posted.data, posted.loss) == (case.data, case.loss)
    assert posted.training.model_copy(update={"report_every": 6}) == case.training


def test_the_case_is_the_posted_network():
    model = load("case").base.model
    assert isinstance(model, ConvLSTM)
    assert model.shapes() == [(64, 1, 1), (64, 2, 2), (64, 1, 1), (64, 2, 2)]
    assert (model.activation, model.gate_activation, model.normalization.kind) == ("relu", "hard_sigmoid", "batch")


def test_the_case_trains_100_epochs_of_six_steps():
    base = load("case").base
    assert base.data.train_clips == 95
    assert base.training.batch == 16
    assert base.training.steps == 100 * -(-95 // 16)


def test_each_habit_of_the_case_is_mended_alone():
    views = load("case").base.evaluation.views
    posted = views["as_posted"].model_dump()
    for name, view in views.items():
        if name.startswith("mended_"):
            changed = {field for field, value in view.model_dump().items() if value != posted[field]}
            assert len(changed - {"first"}) == 1, f"{name} changes {changed}"
    assert sum(name.startswith("mended_") for name in views) == 5


@pytest.mark.parametrize("name", ["ghost", "ghost_cpu"])
def test_the_full_studies_vary_every_suspect(name):
    suspects = {
        "model.state_kernel_size",
        "model.kernel_size",
        "model.activation",
        "model.forget_bias",
        "model.normalization",
        "model.head",
        "loss",
        "training.scheme",
        "training.steps",
        "data.train_clips",
        "data.binarize",
    }
    assert suspects <= set(load(name).factors)
