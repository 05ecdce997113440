"""Whether the head makes the ghost: the same features, read by a head that is fitted anew."""

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from typing import ClassVar, final

import torch
from torch import Tensor, nn
from torch.nn import functional

from ablate.components.models.convlstm import ConvLSTMNetwork
from ablate.components.models.convlstm_layer import Features
from ablate.components.models.head import OutputHead, TimeHead, build_head
from ablate.components.models.specs import Head
from ablate.core.tensors import Video
from ablate.diagnosis.probes.change import LEFT_OUT, change_of, said
from ablate.diagnosis.probes.probe import Probe, Subject
from ablate.storage.findings import Finding

WORDS: dict[Head, str] = {
    "frame": "a fresh 1x1 head",
    "causal3d": "a fresh head over the past",
    "conv3d": "a fresh head that looks ahead",
}
BLIND = "its own head, cut off from the next frame"
CLIPS = 16  # some million pixels: far more than a head has weights
ITERATIONS = 60  # of L-BFGS; the loss is convex in the head, and by then within half a percent of its least


@final
class HeadSwap(Probe):
    """Fits heads to the frozen features of training clips, and forecasts through them.

    Each is fitted by next-frame binary cross-entropy, in which the loss is convex, from zero: nothing is drawn. The
    head's own kind is fitted too: what that changes is due to fitting alone. A head that looks ahead is also tried
    as it is, without the look: a forecast has no next frame to show it, so only its training can have used one.
    """

    name: ClassVar[str] = "head_swap"

    def applies_to(self, subject: Subject) -> bool:
        """See Probe: it takes a head of ours, and clips to fit another."""
        return isinstance(subject.model, ConvLSTMNetwork) and subject.training is not None

    def ask(self, subject: Subject) -> Finding:
        """See Probe."""
        model, training = subject.model, subject.training
        assert isinstance(model, ConvLSTMNetwork), "applies_to said so"  # noqa: S101  # for the type checker
        assert training is not None, "applies_to said so"  # noqa: S101  # for the type checker
        forecasts = {}
        for words, head in _heads(model, training[:CLIPS]).items():
            with _swapped(model, head):
                forecasts[words] = subject.rollout()
        changes = [change for words, forecast in forecasts.items() for change in change_of(subject, words, forecast)]
        return Finding(
            probe=self.name,
            title="Is it the head?",
            intervention="The layers stayed as they are, and new heads were fitted to their features of training clips."
            + LEFT_OUT,
            sentences=(
                *said(changes, len(subject.clips)),
                f"Its own head was of the kind {WORDS[model.head_kind].removeprefix('a fresh ')!r}.",
            ),
            numbers={"own_head": model.head_kind},
            changes=tuple(changes),
        )


def _heads(model: ConvLSTMNetwork, training: Video) -> dict[str, OutputHead]:
    """Return what takes the place of the model's own head, by what it is called."""
    features, future = _features(model, training[:, :-1]), training[:, 1:]
    kinds: tuple[Head, ...] = (model.head_kind, "frame", "causal3d")
    heads: dict[str, OutputHead] = {WORDS[kind]: fitted_head(kind, features, future) for kind in dict.fromkeys(kinds)}
    if model.head_kind == "conv3d" and isinstance(model.head, TimeHead):
        heads[BLIND] = cut_off(model.head)
    return heads


def fitted_head(kind: Head, features: Features, future: Video) -> OutputHead:
    """Return a head of this kind, fitted to guess the frame after each of the features' steps."""
    with torch.random.fork_rng(devices=[]):  # its first weights are drawn, and thrown away
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
    """Return a copy of a head that looks one frame ahead, its weights on that frame at zero."""
    blind = copy.deepcopy(head)
    blind.conv.weight[:, :, -1] = 0
    return blind


@torch.no_grad()
def _features(model: ConvLSTMNetwork, frames: Video) -> Features:
    """Return what the head gets to see."""
    seen: list[Features] = []
    hook = model.head.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    try:
        model.one_step(frames)
    finally:
        hook.remove()
    return seen[0]


@contextmanager
def _swapped(model: ConvLSTMNetwork, head: OutputHead) -> Iterator[None]:
    own = model.head
    model.head = head
    try:
        yield
    finally:
        model.head = own
