from typing import Any

import pytest
import torch

from ablate.components.models import ConvLSTM
from ablate.components.models.batch_statistics import lacks_statistics, recompute_statistics, statistics
from ablate.components.models.specs import BatchNormalization, GroupNormalization, LayerNormalization


@pytest.fixture
def model():
    return ConvLSTM(layers=2, filters=3, normalization=BatchNormalization()).build()


def videos(count=3):
    draw = torch.Generator().manual_seed(0)
    return [torch.rand(4, 5, 1, 8, 8, generator=draw) for _ in range(count)]


def test_batch_statistics_at_inference_are_those_of_training(model):
    video = videos()[0]
    trained, _ = model.train()(video)
    with statistics(model.eval(), "batch"):
        assert torch.allclose(model(video)[0], trained)


def test_averages_recomputed_over_one_batch_are_those_of_the_batch(model):
    video = videos()[0]
    recompute_statistics(model, [video])
    with statistics(model.eval(), "batch"):
        expected, _ = model(video)
    with statistics(model, "recomputed"):
        assert torch.allclose(model(video)[0], expected, atol=1e-5)


def test_recomputed_averages_pool_all_clips_of_the_first_layer(model):
    seen = []
    model.norms[0].register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0].flatten(0, 1)))
    recompute_statistics(model, videos())
    pooled = torch.cat(seen)
    assert torch.allclose(model.norms[0].recomputed_mean, pooled.mean(dim=(0, 2, 3)), atol=1e-5)
    assert torch.allclose(model.norms[0].recomputed_variance, pooled.var(dim=(0, 2, 3), correction=0), atol=1e-5)


def test_recomputing_leaves_the_moving_averages_alone(model):
    model.train()(videos()[0])
    before = model.norms[0].moving_mean.clone()
    recompute_statistics(model, videos())
    assert torch.equal(model.norms[0].moving_mean, before)


def test_the_choice_holds_within_the_block_only(model):
    with statistics(model, "batch"):
        assert model.norms[0].statistics == "batch"
    assert model.norms[0].statistics == "moving"


def test_inference_by_averages_that_were_never_recomputed_is_an_error(model):
    with statistics(model.eval(), "recomputed"):
        assert lacks_statistics(model)
        with pytest.raises(ValueError, match="never recomputed"):
            model(videos()[0])


def test_averages_of_a_network_that_overflows_count_as_recomputed():
    model: Any = ConvLSTM(layers=2, filters=3, activation="relu", normalization=BatchNormalization()).build()
    with torch.no_grad():
        model.layers[0].bias.fill_(torch.inf)
    recompute_statistics(model.eval(), videos())
    with statistics(model, "recomputed"):
        assert not lacks_statistics(model)
        assert model(videos()[0])[0].isnan().any()


def test_recomputing_over_no_clips_is_an_error(model):
    with pytest.raises(ValueError, match="no clips to recompute statistics over"):
        recompute_statistics(model, [])
    with statistics(model, "recomputed"):
        assert lacks_statistics(model)


def test_an_interrupted_recomputation_does_not_change_the_model(model):
    def broken():
        yield videos()[0]
        raise OSError("the disk is gone")

    with pytest.raises(OSError, match="gone"):
        recompute_statistics(model.train(), broken())
    assert model.training
    assert all(not norm._forward_pre_hooks and norm.never_recomputed for norm in model.norms)


def test_recomputing_keeps_the_mode(model):
    recompute_statistics(model.train(), videos())
    assert model.training


def test_with_batch_statistics_a_prediction_depends_on_later_frames(model):
    frames = videos()[0]
    changed = torch.cat([frames[:, :3], 1 - frames[:, 3:]], dim=1)
    moved = {}
    for choice in ("moving", "batch"):
        with statistics(model.eval(), choice):
            moved[choice] = (model.one_step(frames) - model.one_step(changed))[:, :3].abs().max().item()
    assert moved["moving"] == 0
    assert moved["batch"] > 1e-5


def test_both_sets_of_averages_are_stored_with_the_weights(model):
    recompute_statistics(model, videos())
    restored: Any = ConvLSTM(layers=2, filters=3, normalization=BatchNormalization()).build()
    restored.load_state_dict(model.state_dict())
    assert torch.equal(restored.norms[1].recomputed_mean, model.norms[1].recomputed_mean)
    assert not restored.norms[1].never_recomputed


def test_layer_normalization_gives_every_pixel_mean_zero_over_the_channels():
    norm = ConvLSTM(layers=1, filters=6, normalization=LayerNormalization()).build().norms[0]
    assert torch.allclose(norm(torch.rand(3, 2, 6, 4, 4)).mean(dim=2), torch.zeros(3, 2, 4, 4), atol=1e-6)


def test_group_normalization_treats_every_frame_separately():
    norm = ConvLSTM(layers=1, filters=6, normalization=GroupNormalization(groups=2)).build().norms[0]
    features = torch.rand(3, 2, 6, 4, 4)
    assert torch.allclose(norm(features)[1:2], norm(features[1:2]), atol=1e-6)
