"""What the study asks of a design."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

from ablate.component import Spec


@dataclass(frozen=True)
class DesignFactor:
    """A factor as a design sees it: how many levels, and which of them the base run has (None: none of them)."""

    name: str
    levels: int
    baseline: int | None


class Design(Spec, ABC):
    """Chooses which combinations of levels are run."""

    @abstractmethod
    def cells(self, factors: Sequence[DesignFactor]) -> list[tuple[int, ...]]:
        """Return the distinct cells, each one level index per factor.

        Raises DesignError where the factors do not allow this design.
        """
