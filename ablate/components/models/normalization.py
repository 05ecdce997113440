"""Normalization of a layer's features."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from ablate.components.models.convlstm_layer import Features
from ablate.components.models.fast.batch_moments import normalize_by_batch
from ablate.components.models.specs import BatchNormalization, Statistics


class BatchNorm(nn.Module):
    """Batch normalization with two sets of averages, from which inference chooses.

    As in Keras, the moving variance is the biased one. The statistics of the current batch span its clips and its
    time. With them a one-step prediction depends on later frames and on other clips, and a rollout, which goes frame
    by frame, normalizes each frame separately.
    """

    moving_mean: Tensor
    moving_variance: Tensor
    recomputed_mean: Tensor
    recomputed_variance: Tensor
    recomputed: Tensor

    def __init__(self, channels: int, spec: BatchNormalization) -> None:
        super().__init__()
        self.weight, self.bias = nn.Parameter(torch.ones(channels)), nn.Parameter(torch.zeros(channels))
        self.register_buffer("moving_mean", torch.zeros(channels))
        self.register_buffer("moving_variance", torch.ones(channels))
        self.register_buffer("recomputed_mean", torch.zeros(channels))
        self.register_buffer("recomputed_variance", torch.ones(channels))
        # no NaN as a mark of missing averages: a network that overflows has NaN averages, and they are valid
        self.register_buffer("recomputed", torch.tensor(False))  # noqa: FBT003  # a buffer's first value
        self.statistics: Statistics = spec.statistics
        self._momentum, self._epsilon = spec.momentum, spec.epsilon

    def forward(self, features: Features) -> Features:
        """Normalize; in training mode by the statistics of the batch, which also update the moving averages."""
        if self.training:
            normalized, mean, variance = self._by_batch(features)
            self.moving_mean.lerp_(mean, 1 - self._momentum)
            self.moving_variance.lerp_(variance, 1 - self._momentum)
            return normalized
        match self.statistics:
            case "batch":
                return self._by_batch(features)[0]
            case "moving":
                return self._by(features, self.moving_mean, self.moving_variance)
            case "recomputed":
                if self.never_recomputed:
                    raise ValueError("statistics 'recomputed' were never recomputed; call recompute_statistics first")
                return self._by(features, self.recomputed_mean, self.recomputed_variance)

    @property
    def never_recomputed(self) -> bool:
        """True if there are no recomputed averages yet."""
        return not self.recomputed

    def set_recomputed(self, mean: Tensor, variance: Tensor) -> None:
        """Store the second set of averages, one value per channel."""
        self.recomputed_mean.copy_(mean)
        self.recomputed_variance.copy_(variance)
        self.recomputed.fill_(True)  # noqa: FBT003  # torch takes no keyword

    def _by(self, features: Features, mean: Tensor, variance: Tensor) -> Features:
        flat = functional.batch_norm(
            features.flatten(0, 1), mean, variance, self.weight, self.bias, training=False, eps=self._epsilon
        )
        return flat.view_as(features)

    def _by_batch(self, features: Features) -> tuple[Features, Tensor, Tensor]:
        """Return the features normalized by their mean and biased variance, the mean, and the variance."""
        normalized, mean, variance = normalize_by_batch(features.flatten(0, 1), self.weight, self.bias, self._epsilon)
        return normalized.view_as(features), mean, variance


class ChannelNorm(nn.Module):
    """Layer normalization over the channels of each pixel."""

    def __init__(self, channels: int, epsilon: float) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(channels, eps=epsilon)

    def forward(self, features: Features) -> Features:
        """Normalize every pixel separately."""
        normalized: Tensor = self.norm(features.movedim(2, -1))
        return normalized.movedim(-1, 2)


class GroupNorm(nn.GroupNorm):
    """Group normalization of each frame separately."""

    def forward(self, features: Features) -> Features:
        """Normalize every frame separately."""
        return super().forward(features.flatten(0, 1)).view_as(features)
