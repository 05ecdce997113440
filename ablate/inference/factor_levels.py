"""A factor as the numbers see it: names only."""

from dataclasses import dataclass


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
