"""The runs of a study as arrays: the input of every estimate and test."""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float, Int

from ablate.core.errors import TableError
from ablate.inference.factor_levels import FactorLevels


@dataclass(frozen=True, eq=False)
class RunTable:
    """One row per planned run. `levels` and `block` are positions in the factors' levels and in `blocks`.

    `response` is NaN if a run has none, and `outcome` says how the run ended. `mediators` are other metrics of the same
    runs. Each cell (combination of levels) occurs once in a block. `notes` are sentences on what was changed in the
    table when it was read.
    """

    factors: tuple[FactorLevels, ...]
    blocks: tuple[str, ...]
    levels: Int[np.ndarray, "run factor"]
    block: Int[np.ndarray, " run"]
    response: Float[np.ndarray, " run"]
    outcome: tuple[str, ...] = ()
    mediators: Mapping[str, Float[np.ndarray, " run"]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @classmethod
    def of(
        cls, runs: pd.DataFrame, factors: Sequence[FactorLevels], block: str, mediators: Sequence[str] = ()
    ) -> "RunTable":
        """Take the runs from a data frame: a column of level names for each factor's path, the block, `response`.

        A column `outcome` is used if there is one. Blocks are in the order of their sorted names (numbers by value).
        Raises TableError for a level that its factor does not have, and for a cell that occurs twice in a block.
        """
        blocks = tuple(str(name) for name in sorted(runs[block].unique()))
        position = {name: index for index, name in enumerate(blocks)}
        table = cls(
            factors=tuple(factors),
            blocks=blocks,
            levels=np.column_stack([np.empty((len(runs), 0), int), *(_positions(runs, factor) for factor in factors)]),
            block=runs[block].map(lambda name: position[str(name)]).to_numpy(int),
            response=runs["response"].to_numpy(float),
            outcome=tuple(map(str, runs["outcome"])) if "outcome" in runs else (),
            mediators={name: runs[name].to_numpy(float) for name in mediators},
        )
        table._refuse_repeated_cells()
        return table

    @cached_property
    def derived(self) -> dict[Hashable, Any]:
        """Intermediate results of this table by function and arguments, so that each is computed once."""
        return {}

    @cached_property
    def defined(self) -> Bool[np.ndarray, " run"]:
        """Which runs have a response."""
        defined: np.ndarray = np.isfinite(self.response)
        return defined

    @cached_property
    def cell(self) -> Int[np.ndarray, " run"]:
        """The number of each run's cell, counted over the cells that occur."""
        if not self.factors:
            return np.zeros(len(self.block), int)
        return np.unique(self.levels, axis=0, return_inverse=True)[1].reshape(-1)

    @cached_property
    def measured_blocks(self) -> int:
        """The number of blocks with a response."""
        return len(np.unique(self.block[self.defined]))

    def with_responses(self) -> "RunTable":
        """Return the table without the levels that have no response in any run, and without the runs of these levels.

        A factor that loses its baseline is compared with the first level that is left. A table without any response
        is returned as it is.
        """
        if not self.defined.any():
            return self
        left = [np.unique(self.levels[self.defined, position]) for position in range(len(self.factors))]
        if all(len(levels) == len(factor.levels) for levels, factor in zip(left, self.factors, strict=True)):
            return self
        has_level = [np.isin(self.levels[:, position], levels) for position, levels in enumerate(left)]
        table = self.only(np.all(has_level, axis=0))
        columns = [np.searchsorted(levels, table.levels[:, position]) for position, levels in enumerate(left)]
        factors = tuple(factor.only(levels.tolist()) for factor, levels in zip(self.factors, left, strict=True))
        return replace(table, factors=factors, levels=np.column_stack(columns))

    def at(self, factor: int, level: int) -> "RunTable":
        """Return the runs with this level of the factor at this position."""
        key = ("at", factor, level)
        if key not in self.derived:
            self.derived[key] = self.only(self.levels[:, factor] == level)
        table: RunTable = self.derived[key]
        return table

    def only(self, chosen: Bool[np.ndarray, " run"]) -> "RunTable":
        """Return the chosen runs, with all factors and blocks of the table."""
        return replace(
            self,
            levels=self.levels[chosen],
            block=self.block[chosen],
            response=self.response[chosen],
            outcome=tuple(np.array(self.outcome)[chosen]) if self.outcome else (),
            mediators={name: values[chosen] for name, values in self.mediators.items()},
        )

    def _refuse_repeated_cells(self) -> None:
        keys = pd.DataFrame({"cell": self.cell, "block": self.block})
        if keys.duplicated().any():
            row = int(np.flatnonzero(keys.duplicated())[0])
            names = {f.path: f.levels[i] for f, i in zip(self.factors, self.levels[row], strict=True)}
            raise TableError(
                f"the runs of {names} occur more than once in block {self.blocks[self.block[row]]!r}; give every "
                "combination of levels one row in a block, or name more factors"
            )


def _positions(runs: pd.DataFrame, factor: FactorLevels) -> Int[np.ndarray, " run"]:
    position = {level: index for index, level in enumerate(factor.levels)}
    names = runs[factor.path].map(str)
    if not (known := names.isin(position)).all():
        raise TableError(
            f"factor {factor.path!r} has a level {names[~known].iloc[0]!r} in the table; its levels are "
            f"{list(factor.levels)}"
        )
    return names.map(position).to_numpy(int)
