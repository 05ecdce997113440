"""All steps of a ConvLSTM layer, forward and backward, in as few passes over memory as possible.

Apart from its convolutions, backpropagation through time is bound by memory traffic: autograd keeps about nine tensors
per filter and step, and fills or copies most of them again. Here a step is one convolution, added to gates that were
computed from the input for many steps at once, and one pass over these gates. A step of the backward pass is one pass
and one convolution. The gradients of the weights are convolutions over many steps at once.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from ablate.components.models.fast.gates import ActivationNames, StepGradients, backward_step, forward_step
from ablate.components.models.fast.padded import EdgePadding, adjoint_kernel
from ablate.components.models.fast.switch import compiled_if, gates_are_compiled

INPUT_BLOCK_BYTES = 16 << 20  # gates computed from the input at a time: read again at once, from a cache if they fit
GRADIENT_BLOCK_BYTES = 256 << 20  # gates whose gradients are added up at a time: larger blocks are faster

MIN_CHANNELS_LAST_FILTERS = 4
"""Layers with fewer filters keep pixels next to each other in memory, all others channels.

Four filters have 16 gate channels, which fill a vector register. `python -m benchmarks.speed.layouts` compares both.
"""


class ScanInputs(NamedTuple):
    """Weights, input and first state of a scan.

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


class SavedSteps(NamedTuple):
    """What the forward pass saves for the backward pass, of all steps: (time, batch, channel, height, width).

    The gates are those before activation, with the edge of EdgePadding.
    """

    hidden: Tensor
    cells: Tensor
    gates: Tensor


def scan(names: ActivationNames, steps: int, inputs: ScanInputs) -> tuple[Tensor, Tensor, Tensor]:
    """Return the hidden states (time, batch, filter, height, width), and hidden state and cell after the last step."""
    states: tuple[Tensor, Tensor, Tensor] = _Scan.apply(names, steps, *inputs)  # type: ignore[no-untyped-call]
    return states


class _Scan(torch.autograd.Function):
    """The scan as one operation of autograd."""

    @staticmethod
    def forward(ctx: Any, names: ActivationNames, steps: int, *inputs: Tensor | None) -> tuple[Tensor, Tensor, Tensor]:
        has_gradient = any(ctx.needs_input_grad)
        ctx.set_materialize_grads(False)  # torch takes no keyword
        compiled = has_gradient and gates_are_compiled()
        forward = _ForwardPass(names, steps, ScanInputs(*inputs), compiled=compiled)  # type: ignore[arg-type]
        saved = forward.run(save=has_gradient)
        ctx.names, ctx.steps, ctx.compiled = names, steps, compiled
        ctx.save_for_backward(*inputs, *saved)
        return saved.hidden, saved.hidden[-1].clone(), saved.cells[-1].clone()

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *grad_outputs: Tensor | None) -> tuple[Tensor | None, ...]:
        inputs, saved = ScanInputs(*ctx.saved_tensors[:-3]), SavedSteps(*ctx.saved_tensors[-3:])
        forward = _ForwardPass(ctx.names, ctx.steps, inputs, compiled=ctx.compiled)
        if torch._C._autograd._get_current_graph_task_keep_graph():  # noqa: SLF001  # retain_graph=True
            saved = saved._replace(gates=saved.gates.clone())
        return None, None, *_BackwardPass(forward, saved, ctx.needs_input_grad[2:]).gradients(*grad_outputs)


class _ForwardPass:
    """The steps in the order of time."""

    def __init__(self, names: ActivationNames, steps: int, inputs: ScanInputs, *, compiled: bool) -> None:
        self.names, self.steps, self.compiled = names, steps, compiled
        self.filters = inputs.state_kernel.shape[1]
        self.padding = EdgePadding(max(1 - kernel.shape[-1] % 2 for kernel in inputs[:3:2] if kernel is not None))
        is_wide = self.filters >= MIN_CHANNELS_LAST_FILTERS
        self.layout = torch.channels_last if is_wide else torch.contiguous_format
        self.inputs = inputs = self._in_layout(inputs)
        example = inputs.hidden if inputs.features is None else inputs.features[0]
        assert example is not None, "a layer without input starts from a state"  # noqa: S101  # for the type checker
        self._like = example
        self.shape = (len(example), *example.shape[-2:])
        self.cell = self.new_images(1, self.filters).zero_()[0] if inputs.cell is None else self.laid_out(inputs.cell)

    def run(self, *, save: bool) -> SavedSteps:
        """Run all steps; without `save`, keep only the last cell and no gates."""
        blocks = self.blocks(INPUT_BLOCK_BYTES)
        hiddens = self.new_images(self.steps, self.filters)
        cells = self.new_images(self.steps if save else 1, self.filters)
        gates = self.new_images(self.steps if save else len(blocks[0]), 4 * self.filters, self.padding.edge)
        hidden, cell, step = self.inputs.hidden, self.cell, compiled_if(forward_step, self.compiled)
        for block in blocks:
            block_gates = gates[block.start : block.stop] if save else gates[: len(block)]
            self._fill_from_input(block_gates, block)
            for step_gates, t in zip(block_gates, block, strict=True):
                if hidden is not None:
                    self.padding.add_conv2d(step_gates, hidden, self.inputs.state_kernel)
                hidden, after = hiddens[t], cells[t if save else 0]
                step(self.names, self.padding.inner(step_gates), (cell, after), self.inputs.peepholes, hidden)
                cell = after
        return SavedSteps(hiddens, cells, gates)

    def blocks(self, size: int) -> list[range]:
        """Return the steps, split into blocks whose gates have at most `size` bytes; a block has at least one step."""
        most = max(1, size // (4 * self.cell.nbytes))
        return [range(first, min(first + most, self.steps)) for first in range(0, self.steps, most)]

    def new_images(self, count: int, channels: int, edge: int = 0) -> Tensor:
        """Return `count` batches of uninitialized images as one tensor, in the layer's memory layout."""
        batch, height, width = self.shape
        if self.layout is torch.contiguous_format:
            return self._like.new_empty(count, batch, channels, height + edge, width + edge)
        return self._like.new_empty(count, batch, height + edge, width + edge, channels).permute(0, 1, 4, 2, 3)

    def laid_out(self, images: Tensor) -> Tensor:
        """Return images or a kernel in the layer's memory layout; copies them only if they have another one."""
        return images.contiguous(memory_format=self.layout)

    def _in_layout(self, inputs: ScanInputs) -> ScanInputs:
        kernel, hidden = inputs.kernel, inputs.hidden
        detached = ScanInputs(*(tensor if tensor is None else tensor.detach() for tensor in inputs))  # type: ignore[arg-type]
        return detached._replace(
            # cloned, because the strides of a kernel with one channel may fit both layouts
            kernel=None if kernel is None else kernel.detach().clone(memory_format=self.layout),
            state_kernel=detached.state_kernel.clone(memory_format=self.layout),
            hidden=None if hidden is None else self.laid_out(hidden.detach()),
        )

    def _fill_from_input(self, gates: Tensor, block: range) -> None:
        """Fill the gates of these steps with what the input and the bias contribute."""
        kernel, bias, features = self.inputs.kernel, self.inputs.bias, self.inputs.features
        if kernel is None or features is None:
            gates.copy_(bias.view(-1, 1, 1))
        else:
            images = self.laid_out(features[block.start : block.stop].flatten(0, 1))
            self.padding.fill_with_conv2d(gates.flatten(0, 1), images, kernel, bias)


class _BackwardPass:
    """The steps in reverse order of time, and the sums of their gradients."""

    def __init__(self, forward: _ForwardPass, saved: SavedSteps, needs_gradient: Sequence[bool]) -> None:
        self._forward, self._saved = forward, saved
        self._needs_gradient = ScanInputs(*needs_gradient)  # type: ignore[arg-type]
        self._sums: dict[str, Tensor] = {}
        self._adjoint = adjoint_kernel(forward.inputs.state_kernel, forward.layout)
        self._grad_features: list[Tensor] = []
        forward.padding.clear_edge(saved.gates)

    def gradients(
        self, grad_hidden: Tensor | None, grad_last_hidden: Tensor | None, grad_last_cell: Tensor | None
    ) -> ScanInputs:
        """Return the gradient of each input; a gradient that is None counts as 0."""
        forward, needs_gradient, zeros = self._forward, self._needs_gradient, torch.zeros_like(self._forward.cell)
        next_hidden = zeros if grad_last_hidden is None else forward.laid_out(grad_last_hidden)
        grad_cell = zeros if grad_last_cell is None else forward.laid_out(grad_last_cell)
        for block in reversed(forward.blocks(GRADIENT_BLOCK_BYTES)):
            for t in reversed(block):
                output = zeros if grad_hidden is None else forward.laid_out(grad_hidden[t])
                grad_cell = self._step_back(t, StepGradients(output, next_hidden, grad_cell))
                if t or needs_gradient.hidden:
                    next_hidden = forward.laid_out(forward.padding.images_gradient(self._saved.gates[t], self._adjoint))
            grad_gates = self._saved.gates[block.start : block.stop]
            self._add_up_state(block, grad_gates)
            self._add_up_input(block, grad_gates)
        return ScanInputs(
            kernel=self._sums.get("kernel"),
            bias=self._sums.get("bias"),  # type: ignore[arg-type]  # None where there is no gradient
            state_kernel=self._sums.get("state_kernel"),  # type: ignore[arg-type]
            peepholes=self._sums.get("peepholes"),
            features=_concatenated(self._grad_features[::-1]),
            hidden=next_hidden if needs_gradient.hidden else None,
            cell=grad_cell if needs_gradient.cell else None,
        )

    def _step_back(self, t: int, gradients: StepGradients) -> Tensor:
        """Overwrite the gates of a step with their gradients, and return the gradient of the cell before the step."""
        forward = self._forward
        gates = forward.padding.inner(self._saved.gates[t])
        before, after = self._saved.cells[t - 1] if t else forward.cell, self._saved.cells[t]
        step = compiled_if(backward_step, forward.compiled)
        grad_cell = step(forward.names, gates, (before, after), forward.inputs.peepholes, gradients)
        if forward.inputs.peepholes is not None:
            i, f, _, o = gates.chunk(4, dim=1)
            products = torch.stack([i * before, f * before, o * after])
            self._add("peepholes", products.sum((1, 3, 4))[..., None, None])
        return grad_cell

    def _add_up_state(self, block: range, grad_gates: Tensor) -> None:
        """Add the gradient of the state kernel over the steps of a block."""
        first, earlier = self._forward.inputs.hidden, self._saved.hidden[max(block.start - 1, 0) : block.stop - 1]
        if block.start == 0 and first is not None:
            self._add_state_kernel(grad_gates[0], first)
        if len(earlier):
            self._add_state_kernel(grad_gates[-len(earlier) :].flatten(0, 1), earlier.flatten(0, 1))

    def _add_state_kernel(self, grad_gates: Tensor, hidden: Tensor) -> None:
        forward = self._forward
        self._add("state_kernel", forward.padding.kernel_gradient(grad_gates, hidden, forward.inputs.state_kernel))

    def _add_up_input(self, block: range, grad_gates: Tensor) -> None:
        """Add the gradients of bias, kernel and features over the steps of a block."""
        forward, kernel, features = self._forward, self._forward.inputs.kernel, self._forward.inputs.features
        self._add("bias", grad_gates.sum((0, 1, 3, 4)))
        if kernel is None or features is None:
            return
        images = forward.laid_out(features[block.start : block.stop].flatten(0, 1))
        grad_images = grad_gates.flatten(0, 1)
        self._add("kernel", forward.padding.kernel_gradient(grad_images, images, kernel))
        if self._needs_gradient.features:
            gradient = forward.padding.images_gradient(grad_images, adjoint_kernel(kernel, forward.layout))
            self._grad_features.append(gradient.view(len(block), -1, *gradient.shape[1:]))

    def _add(self, name: str, gradient: Tensor) -> None:
        self._sums[name] = self._sums[name] + gradient if name in self._sums else gradient


def _concatenated(blocks: Sequence[Tensor]) -> Tensor | None:
    """Return blocks of steps as one tensor, without a copy if there is only one; None if there are none."""
    return torch.cat(list(blocks)) if len(blocks) > 1 else next(iter(blocks), None)
