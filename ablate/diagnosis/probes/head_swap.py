"""Whether the output head makes the ghost: new heads are fitted to the same features."""

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from typing import ClassVar, final

import torch
from torch import Tensor, nn
from torch.nn import functional

from ablate.components.models.convlstm import ConvLSTMNetwork
from ablate.components.models.convlstm_layer import Hidden
from ablate.components.models.head import OutputHead, TimeHead, build_head
from ablate.components.models.specs import Head
from ablate.core.tensors import Video
from ablate.diagnosis.probes.metric_changes import EXCLUDED_FRAMES, change_sentences, changes_from_baseline
from ablate.diagnosis.probes.probe import Probe, Subject
from ablate.storage.findings import Finding, MetricChange

HEADS: dict[Head, str] = {
    "frame": "1x1 head",
    "causal3d": "head over the past",
    "conv3d": "head that looks ahead",
}
CUT_OFF = "the present head, cut off from the next frame"
CLIPS = 16  # millions of pixels: far more than a head has weights
ITERATIONS = 60  # of L-BFGS: the loss is convex in the head, and then within 0.5 % of its minimum


@final
class HeadSwap(Probe):
    """Fits heads to the frozen features of training clips, and forecasts through them.

    Each is fitted from zero by next-frame binary cross-entropy, which is convex in the head, so nothing is random. The
    present kind of head is fitted too: its change is due to fitting alone. A head that looks ahead is also tried with
    its weights on the next frame at zero: a forecast has no next frame, so only training can have used one.
    """

    name: ClassVar[str] = "head_swap"

    def applies_to(self, subject: Subject) -> bool:
        """See Probe: it needs a ConvLSTM network of this package, and training clips to fit a head."""
        return isinstance(subject.model, ConvLSTMNetwork) and subject.training is not None

    def apply(self, subject: Subject) -> Finding:
        """See Probe."""
        model, training = subject.model, subject.training
        assert isinstance(model, ConvLSTMNetwork), "applies_to said so"  # noqa: S101  # for the type checker
        assert training is not None, "applies_to said so"  # noqa: S101  # for the type checker
        changes: list[MetricChange] = []
        for condition, head in _heads(model, training[:CLIPS]).items():
            with _swapped(model, head):
                forecast = subject.rollout()
            changes += changes_from_baseline(subject, condition, forecast)
        return Finding(
            probe=self.name,
            title="Does the output head make the ghost?",
            intervention="New heads were fitted to the unchanged layers' features of training clips." + EXCLUDED_FRAMES,
            sentences=(
                *change_sentences(changes, len(subject.clips)),
                f"The present head is a {HEADS[model.head_kind]}.",
            ),
            numbers={"own_head": model.head_kind},
            changes=tuple(changes),
        )


def _heads(model: ConvLSTMNetwork, training: Video) -> dict[str, OutputHead]:
    """Return the heads that replace the model's, by the description of the intervention."""
    features, future = _features(model, training[:, :-1]), training[:, 1:]
    kinds: tuple[Head, ...] = (model.head_kind, "frame", "causal3d")
    heads: dict[str, OutputHead] = {
        f"a new {HEADS[kind]}": fitted_head(kind, features, future) for kind in dict.fromkeys(kinds)
    }
    if model.head_kind == "conv3d" and isinstance(model.head, TimeHead):
        heads[CUT_OFF] = cut_off(model.head)
    return heads


def fitted_head(kind: Head, features: Hidden, future: Video) -> OutputHead:
    """Return a head of this kind, fitted to predict the frame after each step of the features."""
    with torch.random.fork_rng(devices=[]):  # its initial weights are random, and overwritten
        head = build_head(kind, features.shape[2], "keras").to(features.device)
    for parameter in head.parameters():
        nn.init.zeros_(parameter)
    target = future.transpose(0, 1)
    optimizer = torch.optim.LBFGS(head.parameters(), max_iter=ITERATIONS, line_search_fn="strong_wolfe")

    def loss() -> Tensor:
        optimizer.zero_grad()
        value = functional.binary_cross_entropy_with_logits(head(features, None)[0], target)
        value.backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
        return value

    optimizer.step(loss)  # type: ignore[no-untyped-call]  # torch leaves it untyped
    return head


@torch.no_grad()
def cut_off(head: TimeHead) -> TimeHead:
    """Return a copy of a head that looks one frame ahead, with its weights on that frame at zero."""
    causal = copy.deepcopy(head)
    causal.conv.weight[:, :, -1] = 0
    return causal


@torch.no_grad()
def _features(model: ConvLSTMNetwork, frames: Video) -> Hidden:
    """Return the input of the head."""
    inputs_seen: list[Hidden] = []
    hook = model.head.register_forward_pre_hook(lambda _, inputs: inputs_seen.append(inputs[0]))
    try:
        model.one_step(frames)
    finally:
        hook.remove()
    return inputs_seen[0]


@contextmanager
def _swapped(model: ConvLSTMNetwork, head: OutputHead) -> Iterator[None]:
    former = model.head
    model.head = head
    try:
        yield
    finally:
        model.head = former
