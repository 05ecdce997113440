import pytest
import torch
from torch import nn

from ablate.core.errors import DataError
from ablate.diagnosis.foreign_torch import load_torch

SOURCE = """
import torch
from torch import nn
from beside import OFFSET

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv3d(1, 1, 1)
        self.dropout = nn.Dropout(0.5)

    def forward(self, frames):
        return self.dropout(self.conv(frames.transpose(1, 2)).transpose(1, 2)) + OFFSET

class Wide(nn.Module):
    def __init__(self, width):
        super().__init__()

instance = Net()

def build():
    return Net()

def parallel():
    return nn.DataParallel(Net())

def last_frame(frames):
    return frames[:, -1:]

def broken():
    raise RuntimeError("no GPU here\\nand a second line")

def number():
    return 3

three = 3
"""


@pytest.fixture
def file(tmp_path):
    (tmp_path / "beside.py").write_text("OFFSET = 0.25\n")
    path = tmp_path / "my_model.py"
    path.write_text(SOURCE)
    return path


WEIGHTS = {"conv.weight": torch.full((1, 1, 1, 1, 1), 0.5), "conv.bias": torch.tensor([0.125])}
FRAMES = torch.ones(2, 3, 1, 4, 4)


@pytest.fixture
def saved(tmp_path):
    """Return a function that saves a checkpoint."""

    def save(content):
        torch.save(content, tmp_path / "weights.pt")
        return tmp_path / "weights.pt"

    return save


@pytest.mark.parametrize("name", ["Net", "build", "instance"])
@pytest.mark.parametrize(
    "content",
    [
        WEIGHTS,
        {"state_dict": WEIGHTS, "epoch": 3},
        {"model": WEIGHTS, "optimizer": {"lr": 0.1}},
        {"model_state_dict": WEIGHTS},
        {f"module.{name}": value for name, value in WEIGHTS.items()},
        {"state_dict": {f"module.{name}": value for name, value in WEIGHTS.items()}},
    ],
)
def test_every_way_to_name_a_model_and_to_wrap_its_weights(file, saved, name, content):
    model = load_torch(f"{file}:{name}", saved(content))
    assert torch.equal(model(FRAMES), torch.full_like(FRAMES, 0.5 + 0.125 + 0.25))


def test_a_module_infers_and_a_parallel_one_takes_names_without_its_prefix(file, saved):
    model = load_torch(f"{file}:parallel", saved(WEIGHTS))
    assert isinstance(model, nn.DataParallel)
    assert not any(module.training for module in model.modules())
    assert model.module.conv.bias.item() == 0.125


def test_a_function_on_frames_is_the_model(file):
    assert load_torch(f"{file}:last_frame", None)(FRAMES).shape == (2, 1, 1, 4, 4)


class OwnConfig:
    pass


FAULTS = [
    ("nowhere.py:build", None, "nowhere.py: no such file"),
    ("my_model.py", None, "a Python file and a name in it"),
    ("my_model.py:nothing", None, "it defines Net, Wide, instance, build, parallel, last_frame, broken, number"),
    ("my_model.py:three", None, "found int"),
    ("my_model.py:Wide", None, "needs 1 argument;"),
    ("my_model.py:number", None, "returned int"),
    ("my_model.py:broken", None, "building it failed: RuntimeError: no GPU here"),
    ("my_model.py:last_frame", WEIGHTS, "needs a torch.nn.Module"),
    ("my_model.py:build", {"conv.weight": WEIGHTS["conv.weight"]}, "lacks conv.bias"),
    ("my_model.py:build", WEIGHTS | {"extra": torch.zeros(1)}, "has, unlike the model, extra"),
    ("my_model.py:build", WEIGHTS | {"conv.bias": torch.zeros(2)}, "in another shape conv.bias (2,) for (1,)"),
    ("my_model.py:build", WEIGHTS | {f"x{i}": torch.zeros(1) for i in range(5)}, "x0, x1, x2 and 2 more"),
    ("my_model.py:build", {"state_dict": WEIGHTS, "config": OwnConfig()}, "save model.state_dict() alone"),
    ("my_model.py:build", [1, 2], "found no mapping of names to tensors"),
]


@pytest.mark.parametrize(("target", "content", "told"), FAULTS, ids=[told for *_, told in FAULTS])
def test_every_fault_is_told_in_one_line(file, saved, target, content, told):
    with pytest.raises(DataError) as caught:
        load_torch(str(file.parent / target), None if content is None else saved(content))
    assert told in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("ending", ["raise ValueError('first\\nsecond')", "import sys; sys.exit(2)", "def ("])
def test_a_file_that_cannot_be_imported_is_told_in_one_line(file, ending):
    file.write_text(SOURCE + ending)
    with pytest.raises(DataError, match="importing it failed") as caught:
        load_torch(f"{file}:build", None)
    assert "\n" not in str(caught.value)


def test_a_missing_and_a_damaged_checkpoint_are_told(file, tmp_path):
    with pytest.raises(DataError, match="there is no such file"):
        load_torch(f"{file}:build", tmp_path / "none.pt")
    (tmp_path / "text.pt").write_text("hello")
    with pytest.raises(DataError, match="no checkpoint of plain weights"):
        load_torch(f"{file}:build", tmp_path / "text.pt")
