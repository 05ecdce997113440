"""The gates of a ConvLSTM cell, forward and backward, each in one pass over memory where a compiler is at hand.

Everything here is (batch, channel, height, width). The gates before activation have four channels a filter: input,
forget, candidate, output. Peepholes are (3, filter, 1, 1).
"""

from typing import NamedTuple

import torch
from torch import Tensor

from ablate.components.models.activation import ACTIVATIONS


class Names(NamedTuple):
    """The activation of candidate and output, and that of the gates: keys of ACTIVATIONS."""

    activation: str
    gate: str


class Pulls(NamedTuple):
    """The gradients that reach a step's hidden state, from above and from the next step, and its cell."""

    above: Tensor
    later: Tensor
    cell: Tensor


def advance(
    names: Names, gates: Tensor, cells: tuple[Tensor, Tensor], peepholes: Tensor | None, hidden: Tensor
) -> None:
    """Write the hidden state after a step into `hidden`, and the cell after it over the second of `cells`."""
    activation, gate = ACTIVATIONS[names.activation], ACTIVATIONS[names.gate]
    cell, _ = cells
    i, f, candidate, o = gates.chunk(4, dim=1)
    if peepholes is not None:
        i, f = i + peepholes[0] * cell, f + peepholes[1] * cell
    after = gate(f) * cell + gate(i) * activation(candidate)
    if peepholes is not None:
        o = o + peepholes[2] * after
    hidden.copy_(gate(o) * activation(after))
    cells[1].copy_(after)


def retreat(
    names: Names, gates: Tensor, cells: tuple[Tensor, Tensor], peepholes: Tensor | None, pulls: Pulls
) -> Tensor:
    """Write the gradients of a step's gates over the gates, and return that of the cell before it.

    `cells` are the one before the step and the one after.

    The gates are activated once more, which is cheaper than to keep them.
    """
    activation, gate = ACTIVATIONS[names.activation], ACTIVATIONS[names.gate]
    before, after = cells
    i, f, candidate, o = gates.chunk(4, dim=1)
    if peepholes is not None:
        i, f, o = i + peepholes[0] * before, f + peepholes[1] * before, o + peepholes[2] * after
    entering, keeping, drive, leaving = gate(i), gate(f), activation(candidate), gate(o)
    shown, of_hidden = activation(after), pulls.above + pulls.later
    of_o = of_hidden * shown * gate.slope(o, leaving)
    of_cell = pulls.cell + of_hidden * leaving * activation.slope(after, shown)
    if peepholes is not None:
        of_cell = of_cell + of_o * peepholes[2]
    of_i = of_cell * drive * gate.slope(i, entering)
    of_f = of_cell * before * gate.slope(f, keeping)
    of_candidate = of_cell * entering * activation.slope(candidate, drive)
    of_before = of_cell * keeping
    if peepholes is not None:
        of_before = of_before + of_i * peepholes[0] + of_f * peepholes[1]
    gates.copy_(torch.cat([of_i, of_f, of_candidate, of_o], dim=1))
    return of_before
