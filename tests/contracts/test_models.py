import pytest
import torch

from ablate.components.models import MODELS, ConvLSTM, EncoderForecaster
from ablate.components.models.forecaster import NextFrameModel, TrainableForecaster
from ablate.components.models.specs import BatchNormalization, GroupNormalization, LayerNormalization

NORMALIZATIONS = (BatchNormalization(), LayerNormalization(), GroupNormalization())
SMALL = [
    *(ConvLSTM(layers=2, filters=3, head=head) for head in ("frame", "conv3d", "causal3d")),
    *(ConvLSTM(layers=2, filters=4, normalization=norm) for norm in NORMALIZATIONS),
    ConvLSTM(layers=2, filters=(3, 2), kernel_size=(1, 2), state_kernel_size=(2, 5), activation="relu", peepholes=True),
    EncoderForecaster(layers=2, filters=(3, 2), kernel_size=3),
    *(model() for model in MODELS if not model.trainable),
]
every_model = pytest.mark.parametrize("spec", SMALL, ids=lambda spec: f"{spec.kind}-{getattr(spec, 'head', '')}")


def build(spec):
    with torch.random.fork_rng():
        torch.manual_seed(0)  # noqa: TID251  # layers draw from torch's global state
        return spec.build().eval()


def video(seed=0, time=6):
    return torch.rand(2, time, 1, 8, 8, generator=torch.Generator().manual_seed(seed))


def test_every_model_is_under_contract():
    assert {type(spec) for spec in SMALL} == set(MODELS)


@every_model
def test_a_forecast_has_the_length_of_the_horizon_and_values_from_0_to_1(spec):
    forecast = build(spec).forecast(video(), 4)
    assert forecast.shape == (2, 4, 1, 8, 8)
    assert forecast.min() >= 0
    assert forecast.max() <= 1


@every_model
def test_a_longer_forecast_begins_with_the_shorter_one(spec):
    model = build(spec)
    assert torch.allclose(model.forecast(video(), 5)[:, :2], model.forecast(video(), 2), atol=1e-6)


@every_model
def test_there_is_a_prediction_at_every_position(spec):
    assert build(spec).one_step(video()).shape == video().shape


@every_model
def test_the_last_prediction_of_a_history_is_the_first_frame_of_its_forecast(spec):
    model = build(spec)
    assert torch.allclose(model.one_step(video())[:, -1:], model.forecast(video(), 1), atol=1e-6)


@every_model
def test_a_clip_does_not_depend_on_other_clips_of_its_batch(spec):
    model = build(spec)
    assert torch.allclose(model.forecast(video()[:1], 3), model.forecast(video(), 3)[:1], atol=1e-6)


@every_model
def test_only_the_head_with_leakage_depends_on_later_frames(spec):
    model, frames = build(spec), video()
    changed = frames.clone()
    changed[:, 3:] = video(1)[:, 3:]
    difference = (model.one_step(frames) - model.one_step(changed))[:, :3].abs().max().item()
    assert (difference > 1e-6) == (getattr(spec, "head", None) == "conv3d")


@every_model
def test_the_same_weights_are_drawn_from_the_same_state(spec):
    first, second = build(spec).state_dict(), build(spec).state_dict()
    assert all(torch.equal(first[name], second[name]) for name in first)


@every_model
def test_every_weight_has_a_gradient_through_the_forecast(spec):
    model = build(spec)
    if not spec.trainable:
        assert list(model.parameters()) == []
        return
    model.logits(video(), 3).square().sum().backward()
    gradients = {name: parameter.grad for name, parameter in model.named_parameters()}
    assert [name for name, gradient in gradients.items() if gradient is None or not gradient.any()] == []
    assert all(gradient.isfinite().all() for gradient in gradients.values())


@every_model
def test_a_spec_says_without_torch_what_its_model_can_do(spec):
    model = build(spec)
    assert spec.trainable == isinstance(model, TrainableForecaster)
    assert spec.predicts_next_frame == isinstance(model, NextFrameModel)


@pytest.mark.parametrize("filters", [3, 4])
@pytest.mark.parametrize("kind", ["none", "batch", "layer", "group"])
def test_a_model_whose_spec_is_accepted_can_be_built(kind, filters):
    try:
        spec = ConvLSTM.model_validate({"layers": 1, "filters": filters, "normalization": {"kind": kind}})
    except ValueError:
        assert (kind, filters) == ("group", 3)
    else:
        build(spec)
