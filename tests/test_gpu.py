import copy

import pytest
import torch

from ablate.components.models.convlstm_layer import ConvLSTMLayer
from ablate.components.models.fast.switch import compiled_gates
from ablate.components.models.specs import CellSettings
from ablate.study import changed
from ablate.training.evaluation import evaluate, score_table
from ablate.training.fit import fit

pytestmark = [pytest.mark.gpu, pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")]


def train(run, device):
    return fit(run, run.data.build(run.seed), torch.device(device), lambda *_: None)


def test_training_on_cuda_follows_training_on_the_cpu(small_run):
    losses = [train(small_run, device).curve["loss"].to_numpy() for device in ("cpu", "cuda")]
    assert losses[1] == pytest.approx(losses[0], rel=1e-3)


@pytest.mark.parametrize("precision", ["tf32", "bfloat16"])
def test_lower_precision_stays_near_float32(small_run, precision):
    exact = train(small_run, "cuda").curve["loss"].iloc[-1]
    lower = train(changed(small_run, {"training.precision": precision}), "cuda").curve["loss"].iloc[-1]
    assert lower == pytest.approx(exact, rel=0.05)


def test_a_model_on_cuda_is_evaluated(small_run):
    trained = train(small_run, "cuda")
    scores = score_table(evaluate(trained.model, small_run, small_run.data.build(0), torch.device("cuda")))
    assert scores["value"].notna().any()


@pytest.mark.parametrize("kernel_size", [3, 2])
def test_a_compiled_layer_on_cuda_equals_that_of_the_cpu(kernel_size):
    layer = ConvLSTMLayer(
        2, 16, kernel_size, kernel_size, CellSettings("tanh", "sigmoid", 1.0, "torch", peepholes=True)
    )
    features = torch.rand(4, 2, 2, 12, 12)

    def gradients(device):
        moved = copy.deepcopy(layer).to(device)
        with compiled_gates(enabled=True):
            hidden, _ = moved(features.to(device))
        hidden.square().sum().backward()
        gradients = [parameter.grad for parameter in moved.parameters()]
        return [hidden.detach().cpu(), *(gradient.cpu() for gradient in gradients if gradient is not None)]

    for on_cpu, on_cuda in zip(gradients("cpu"), gradients("cuda"), strict=True):
        assert torch.allclose(on_cpu, on_cuda, rtol=1e-3, atol=1e-3 * float(on_cpu.abs().max()))
