"""A factor as the numbers see it: names only."""

from collections.abc import Sequence
from dataclasses import dataclass, replace


@dataclass(frozen=True)
class FactorLevels:
    """A factor: its path in the run, what people call it, the names of its levels, and which one is the baseline.

    Where `ordered`, the levels stand in their order, and trends over them are estimated too.
    """

    path: str
    title: str
    levels: tuple[str, ...]
    baseline: str
    ordered: bool = False

    def only(self, positions: Sequence[int]) -> "FactorLevels":
        """Return the factor with the levels at these positions; its baseline is the first where its own is not left."""
        levels = tuple(self.levels[position] for position in positions)
        first = levels[0] if levels else self.baseline
        return replace(self, levels=levels, baseline=self.baseline if self.baseline in levels else first)
