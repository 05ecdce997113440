"""Hooks into every step of a ConvLSTM layer, to observe it or to intervene."""

from dataclasses import dataclass

from ablate.core.tensors import Frame


@dataclass(frozen=True)
class CellState:
    """What a layer carries from one step to the next."""

    hidden: Frame
    cell: Frame


class Tap:
    """Is called in the middle of every step of a layer; this one changes nothing.

    A probe's tap overrides the methods for what it observes or changes. A layer calls them once per step, in the order
    of this class. The first step of a sequence has no state, and so calls neither `before` nor `forget_gate`.
    """

    def before(self, state: CellState) -> CellState:
        """Return the state that the step starts from."""
        return state

    def input_gate(self, gate: Frame) -> Frame:
        """Return the input gate, in [0, 1]."""
        return gate

    def forget_gate(self, gate: Frame) -> Frame:
        """Return the forget gate, in [0, 1]; 1 forgets nothing."""
        return gate

    def after(self, state: CellState) -> CellState:
        """Return the state after the step."""
        return state
