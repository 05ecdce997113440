"""What a simulated study is asked to hold: the truth that is planted, and the noise that hides it."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from jaxtyping import Bool, Float

from ablate.inference.calibration.layout import Layout

Runs = Float[np.ndarray, "cell block"]
Marked = Bool[np.ndarray, "cell block"]


@dataclass(frozen=True)
class Sizes:
    """How large what is planted is, in standard deviations of a run about its cell and seed.

    `effect` lies between a cause's baseline and its furthest level; `interaction` is what changing one factor of a pair
    does at one end of the other, and undoes at its other end; a factor is no cause within `margin`.
    """

    effect: float = 1.0
    interaction: float = 2.0
    margin: float = 0.5


@dataclass(frozen=True, eq=False)
class Planted:
    """The truth: the mean of every cell, and the positions of the factors that move it alone, or only as a pair."""

    means: Float[np.ndarray, " cell"]
    causes: tuple[int, ...] = ()
    pair: tuple[int, int] | None = None


class Scenario(ABC):
    """Plants a truth in a layout and draws the noise around it: independent, normal, with standard deviation 1."""

    name: ClassVar[str]
    title: ClassVar[str]

    def fits(self, layout: Layout) -> bool:  # noqa: ARG002  # every layout does, unless a scenario says otherwise
        """Say whether it can be planted in this layout."""
        return True

    def laid_out(self, layout: Layout, generator: np.random.Generator) -> Layout:  # noqa: ARG002  # as it is given
        """Return the layout that is simulated."""
        return layout

    @abstractmethod
    def plant(self, layout: Layout, sizes: Sizes, generator: np.random.Generator) -> Planted:
        """Choose what is true of the study."""

    def noise(self, layout: Layout, planted: Planted, generator: np.random.Generator) -> Runs:  # noqa: ARG002  # as below
        """Draw what lies between a run and the sum of its cell's mean and its seed's effect."""
        return generator.standard_normal((len(layout.cells), layout.blocks))

    def lost(self, layout: Layout, planted: Planted, generator: np.random.Generator) -> Marked:  # noqa: ARG002  # none is
        """Draw which runs end without a response."""
        return np.zeros((len(layout.cells), layout.blocks), bool)


def cause(layout: Layout, size: float, generator: np.random.Generator) -> Planted:
    """Plant one cause, a factor drawn at random: 0 at its baseline, rising evenly over its other levels to `size`."""
    factor = int(generator.integers(len(layout.factors)))
    order = layout.baseline_first(factor)
    rise = np.empty(len(order))
    rise[order] = np.linspace(0, size, len(order))
    return Planted(rise[layout.cells[:, factor]], causes=(factor,))


def bystander(layout: Layout, planted: Planted, generator: np.random.Generator) -> int:
    """Draw a factor that is no cause; the cause itself where the layout has no other."""
    others = [position for position in range(len(layout.factors)) if position not in planted.causes]
    return int(generator.choice(others or list(planted.causes)))
