"""What the study asks of a design."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

from ablate.component import Spec


@dataclass(frozen=True)
class DesignFactor:
    """A factor as a design sees it: the names of its levels, and which of them the base run has (None: none)."""

    name: str
    names: tuple[str, ...]
    baseline: int | None

    @property
    def levels(self) -> int:
        """How many levels there are."""
        return len(self.names)


class Design(Spec, ABC):
    """Chooses which combinations of levels are run."""

    @abstractmethod
    def cells(self, factors: Sequence[DesignFactor]) -> list[tuple[int, ...]]:
        """Return the distinct cells, each one level index per factor.

        Raises DesignError where the factors do not allow this design.
        """
