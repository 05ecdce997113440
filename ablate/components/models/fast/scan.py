"""A ConvLSTM layer's way through its steps, forward and backward, in as few passes over memory as it takes.

What backpropagation through time costs beside its convolutions is traffic: autograd keeps some nine tensors a filter
and step, and fills or copies most of them again. Here a step is one convolution, added to gates that the input has
driven for many steps at once, and one pass over these gates; a step back is one pass and one convolution. The
gradients of the weights are convolutions over many steps at once.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from ablate.components.models.fast.canvas import Canvas, turned
from ablate.components.models.fast.fusion import in_one_pass, is_fused
from ablate.components.models.fast.gates import Names, Pulls, advance, retreat

DRIVEN_BYTES, GATHERED_BYTES = 16 << 20, 256 << 20
"""Gates of at most so many bytes are driven at a time, and their gradients gathered, but of at least one step.

What is driven is read again at once, from a cache if it fits; the weights' gradients are quicker the more is gathered.
"""


class Given(NamedTuple):
    """What a scan starts from.

    Without a kernel, features are None and the state alone drives the layer. Without a state the first step has no
    state convolution. Features are (time, batch, channel, height, width), peepholes (3, filter, 1, 1).
    """

    kernel: Tensor | None
    bias: Tensor
    state_kernel: Tensor
    peepholes: Tensor | None
    features: Tensor | None
    hidden: Tensor | None
    cell: Tensor | None


class Kept(NamedTuple):
    """What the way forward leaves for the way back, of all steps (time, batch, channel, height, width).

    The gates are those before activation, on canvases.
    """

    hidden: Tensor
    cells: Tensor
    gates: Tensor


def scan(names: Names, steps: int, given: Given) -> tuple[Tensor, Tensor, Tensor]:
    """Return the hidden state (time, batch, filter, height, width), and hidden state and cell after the last step."""
    result: tuple[Tensor, Tensor, Tensor] = _Scan.apply(names, steps, *given)  # type: ignore[no-untyped-call]
    return result


class _Scan(torch.autograd.Function):
    """The scan as one operation of autograd."""

    @staticmethod
    def forward(ctx: Any, names: Names, steps: int, *given: Tensor | None) -> tuple[Tensor, Tensor, Tensor]:
        learning = any(ctx.needs_input_grad)
        ctx.set_materialize_grads(False)  # torch takes no keyword
        way = _Way(names, steps, Given(*given), fused=learning and is_fused())  # type: ignore[arg-type]
        kept = way.forward(keeping=learning)
        ctx.names, ctx.steps, ctx.fused = names, steps, way.fused
        ctx.save_for_backward(*given, *kept)
        return kept.hidden, kept.hidden[-1].clone(), kept.cells[-1].clone()

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *pulls: Tensor | None) -> tuple[Tensor | None, ...]:
        given, kept = Given(*ctx.saved_tensors[:-3]), Kept(*ctx.saved_tensors[-3:])
        way = _Way(ctx.names, ctx.steps, given, fused=ctx.fused)
        if torch._C._autograd._get_current_graph_task_keep_graph():  # noqa: SLF001  # asked for by retain_graph
            kept = kept._replace(gates=kept.gates.clone())
        return None, None, *_WayBack(way, kept, ctx.needs_input_grad[2:]).gradients(*pulls)


class _Way:
    """The steps in the order of time."""

    def __init__(self, names: Names, steps: int, given: Given, *, fused: bool) -> None:
        self.names, self.steps, self.fused = names, steps, fused
        self.filters = given.state_kernel.shape[1]
        self.canvas = Canvas(max(1 - kernel.shape[-1] % 2 for kernel in given[:3:2] if kernel is not None))
        # a vector register holds 16 floats: fewer filters waste part of it unless pixels lie side by side
        self.layout = torch.contiguous_format if self.filters % 16 else torch.channels_last
        self.given = given = self._prepared(given)
        example = given.hidden if given.features is None else given.features[0]
        assert example is not None, "a layer without input starts from a state"  # noqa: S101  # for the type checker
        self._like = example
        self.shape = (len(example), *example.shape[-2:])
        self.cell = self.images(1, self.filters).zero_()[0] if given.cell is None else self.laid(given.cell)

    def forward(self, *, keeping: bool) -> Kept:
        """Run all steps; unless keeping, leave no cell but the last, and no gates."""
        blocks = self.blocks(DRIVEN_BYTES)
        hiddens = self.images(self.steps, self.filters)
        cells = self.images(self.steps if keeping else 1, self.filters)
        gates = self.images(self.steps if keeping else len(blocks[0]), 4 * self.filters, self.canvas.edge)
        hidden, cell, step = self.given.hidden, self.cell, in_one_pass(advance, self.fused)
        for block in blocks:
            driven = gates[block.start : block.stop] if keeping else gates[: len(block)]
            self._drive(driven, block)
            for waiting, t in zip(driven, block, strict=True):
                if hidden is not None:
                    self.canvas.add_conv2d(waiting, hidden, self.given.state_kernel)
                hidden, after = hiddens[t], cells[t if keeping else 0]
                step(self.names, self.canvas.inner(waiting), (cell, after), self.given.peepholes, hidden)
                cell = after
        return Kept(hiddens, cells, gates)

    def blocks(self, size: int) -> list[range]:
        """Return the steps, cut into blocks whose gates have at most so many bytes."""
        most = max(1, size // (4 * self.cell.nbytes))
        return [range(first, min(first + most, self.steps)) for first in range(0, self.steps, most)]

    def images(self, count: int, channels: int, edge: int = 0) -> Tensor:
        """Return `count` batches of images to be filled, in the layer's layout, as one tensor."""
        batch, height, width = self.shape
        if self.layout is torch.contiguous_format:
            return self._like.new_empty(count, batch, channels, height + edge, width + edge)
        return self._like.new_empty(count, batch, height + edge, width + edge, channels).permute(0, 1, 4, 2, 3)

    def laid(self, images: Tensor) -> Tensor:
        """Return images in the layer's layout, or a kernel; they are only copied if they are in another one."""
        return images.contiguous(memory_format=self.layout)

    def _prepared(self, given: Given) -> Given:
        kernel, hidden = given.kernel, given.hidden
        plain = Given(*(tensor if tensor is None else tensor.detach() for tensor in given))  # type: ignore[arg-type]
        return plain._replace(
            # cloned, because the strides of a kernel with one channel may say neither layout
            kernel=None if kernel is None else kernel.detach().clone(memory_format=self.layout),
            state_kernel=plain.state_kernel.clone(memory_format=self.layout),
            hidden=None if hidden is None else self.laid(hidden.detach()),
        )

    def _drive(self, gates: Tensor, block: range) -> None:
        """Fill the gates of these steps as the input alone drives them."""
        kernel, bias, features = self.given.kernel, self.given.bias, self.given.features
        if kernel is None or features is None:
            gates.copy_(bias.view(-1, 1, 1))
        else:
            images = self.laid(features[block.start : block.stop].flatten(0, 1))
            self.canvas.fill_with_conv2d(gates.flatten(0, 1), images, kernel, bias)


class _WayBack:
    """The steps against the order of time, with the sums of what they pull at."""

    def __init__(self, way: _Way, kept: Kept, wanted: Sequence[bool]) -> None:
        self._way, self._kept, self._wanted = way, kept, Given(*wanted)  # type: ignore[arg-type]
        self._sums: dict[str, Tensor] = {}
        self._turned = turned(way.given.state_kernel, way.layout)
        self._of_features: list[Tensor] = []
        way.canvas.clear_edge(kept.gates)

    def gradients(self, of_hidden: Tensor | None, of_last_hidden: Tensor | None, of_last_cell: Tensor | None) -> Given:
        """Return the gradients of what was given; None pulls at nothing."""
        way, wanted, nothing = self._way, self._wanted, torch.zeros_like(self._way.cell)
        later = nothing if of_last_hidden is None else way.laid(of_last_hidden)
        of_cell = nothing if of_last_cell is None else way.laid(of_last_cell)
        for block in reversed(way.blocks(GATHERED_BYTES)):
            for t in reversed(block):
                above = nothing if of_hidden is None else way.laid(of_hidden[t])
                of_cell = self._retreat(t, Pulls(above, later, of_cell))
                if t or wanted.hidden:
                    later = way.laid(way.canvas.images_gradient(self._kept.gates[t], self._turned))
            of_gates = self._kept.gates[block.start : block.stop]
            self._gather_state(block, of_gates)
            self._gather_input(block, of_gates)
        return Given(
            kernel=self._sums.get("kernel"),
            bias=self._sums.get("bias"),  # type: ignore[arg-type]  # None where nothing pulls
            state_kernel=self._sums.get("state_kernel"),  # type: ignore[arg-type]
            peepholes=self._sums.get("peepholes"),
            features=_joined(self._of_features[::-1]),
            hidden=later if wanted.hidden else None,
            cell=of_cell if wanted.cell else None,
        )

    def _retreat(self, t: int, pulls: Pulls) -> Tensor:
        """Turn a step's gates into their gradients, and return that of the cell before it."""
        way = self._way
        gates = way.canvas.inner(self._kept.gates[t])
        before, after = self._kept.cells[t - 1] if t else way.cell, self._kept.cells[t]
        of_cell = in_one_pass(retreat, way.fused)(way.names, gates, (before, after), way.given.peepholes, pulls)
        if way.given.peepholes is not None:
            i, f, _, o = gates.chunk(4, dim=1)
            seen = torch.stack([i * before, f * before, o * after])
            self._add("peepholes", seen.sum((1, 3, 4))[..., None, None])
        return of_cell

    def _gather_state(self, block: range, of_gates: Tensor) -> None:
        """Add up what the gates of a block pull at through the states before its steps."""
        first, seen = self._way.given.hidden, self._kept.hidden[max(block.start - 1, 0) : block.stop - 1]
        if block.start == 0 and first is not None:
            self._add_state_kernel(of_gates[0], first)
        if len(seen):
            self._add_state_kernel(of_gates[-len(seen) :].flatten(0, 1), seen.flatten(0, 1))

    def _add_state_kernel(self, of_gates: Tensor, seen: Tensor) -> None:
        way = self._way
        self._add("state_kernel", way.canvas.kernel_gradient(of_gates, seen, way.given.state_kernel))

    def _gather_input(self, block: range, of_gates: Tensor) -> None:
        """Add up what the gates of a block pull at through the input of its steps."""
        way, kernel, features = self._way, self._way.given.kernel, self._way.given.features
        self._add("bias", of_gates.sum((0, 1, 3, 4)))
        if kernel is None or features is None:
            return
        pulling, seen = of_gates.flatten(0, 1), way.laid(features[block.start : block.stop].flatten(0, 1))
        self._add("kernel", way.canvas.kernel_gradient(pulling, seen, kernel))
        if self._wanted.features:
            images = way.canvas.images_gradient(pulling, turned(kernel, way.layout))
            self._of_features.append(images.view(len(block), -1, *images.shape[1:]))

    def _add(self, name: str, gradient: Tensor) -> None:
        self._sums[name] = self._sums[name] + gradient if name in self._sums else gradient


def _joined(blocks: Sequence[Tensor]) -> Tensor | None:
    """Return blocks of steps as one tensor, which a single block is already."""
    return torch.cat(list(blocks)) if len(blocks) > 1 else next(iter(blocks), None)
