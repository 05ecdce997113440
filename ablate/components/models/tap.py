"""Looking into a ConvLSTM layer while it runs, and reaching into it."""

from dataclasses import dataclass

from ablate.core.tensors import Frame


@dataclass(frozen=True)
class CellState:
    """What a layer carries from one step to the next."""

    hidden: Frame
    cell: Frame


class Tap:
    """Stands in the middle of every step of a layer; this one lets everything through as it is.

    A probe's own tap overrides what it watches or changes. A layer calls the methods in the order in which they
    stand here, once a step; the first step of a sequence has no state, and so neither `before` nor `keeping`.
    """

    def before(self, state: CellState) -> CellState:
        """Return the state that the step starts from."""
        return state

    def entering(self, gate: Frame) -> Frame:
        """Return the input gate, in [0, 1]."""
        return gate

    def keeping(self, gate: Frame) -> Frame:
        """Return the forget gate, in [0, 1]; 1 forgets nothing."""
        return gate

    def after(self, state: CellState) -> CellState:
        """Return the state that the step ends in."""
        return state
