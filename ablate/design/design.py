"""What the study asks of a design."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from ablate.core.spec_base import Spec
from ablate.design.model_matrix import Pair
from ablate.design.rules import Rules

MOST_CELLS = 10_000


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

    caveat: ClassVar[str] = ""
    """What its effects do not say, whatever the factors; empty where there is nothing of the kind."""

    @abstractmethod
    def cells(self, factors: Sequence[DesignFactor]) -> list[tuple[int, ...]]:
        """Return the distinct cells, each one level index per factor.

        Raises DesignError where the factors do not allow this design.
        """

    def rules(self, factors: Sequence[DesignFactor]) -> Rules:
        """Return which cells may be run. Raises DesignError for restrictions that these factors do not allow."""
        return Rules(tuple(factor.levels for factor in factors))

    def pairs(self, factors: Sequence[DesignFactor]) -> tuple[Pair, ...] | None:  # noqa: ARG002  # of others
        """Return the pairs, by position, whose interactions the cells are chosen to estimate; None: no pair's.

        Raises DesignError for pairs that cannot be estimated.
        """
        return None
