"""The runs of a study as arrays: what every estimate and test is made from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Self

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float, Int

from ablate.core.errors import TableError
from ablate.inference.factor_levels import FactorLevels


@dataclass(frozen=True, eq=False)
class RunTable:
    """One row a planned run. `levels` and `block` are positions in the factors' levels and in `blocks`.

    `response` is NaN where a run gave none, and `outcome` says how it ended. `mediators` are other measures of the same
    runs. A combination of levels occurs once in a block.
    """

    factors: tuple[FactorLevels, ...]
    blocks: tuple[str, ...]
    levels: Int[np.ndarray, "run factor"]
    block: Int[np.ndarray, " run"]
    response: Float[np.ndarray, " run"]
    outcome: tuple[str, ...] = ()
    mediators: Mapping[str, Float[np.ndarray, " run"]] = field(default_factory=dict)

    @classmethod
    def of(cls, runs: pd.DataFrame, factors: Sequence[FactorLevels], block: str, mediators: Sequence[str] = ()) -> Self:
        """Take the runs from a table: a column for each factor's path, with names of levels, the block, `response`.

        A column `outcome` is taken where there is one. Blocks stand in the order of their sorted names (numbers by
        value). Raises TableError for a level that its factor does not have, and for a combination of levels that
        occurs twice in a block.
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
        table._refuse_twins()
        return table

    @cached_property
    def defined(self) -> Bool[np.ndarray, " run"]:
        """Which runs have a response."""
        defined: np.ndarray = np.isfinite(self.response)
        return defined

    @cached_property
    def cell(self) -> Int[np.ndarray, " run"]:
        """The number of each run's combination of levels, counted over the combinations that occur."""
        if not self.factors:
            return np.zeros(len(self.block), int)
        return np.unique(self.levels, axis=0, return_inverse=True)[1].reshape(-1)

    @property
    def measured(self) -> "RunTable":
        """The same runs without the levels that no run with a response has, and the runs that have one of those.

        A factor whose baseline is gone is compared with the first level that is left. Without any response all stay.
        """
        if not self.defined.any():
            return self
        left = [np.unique(self.levels[self.defined, position]) for position in range(len(self.factors))]
        if all(len(own) == len(factor.levels) for own, factor in zip(left, self.factors, strict=True)):
            return self
        kept = np.all([np.isin(self.levels[:, i], own) for i, own in enumerate(left)], axis=0)
        return RunTable(
            factors=tuple(factor.only(own.tolist()) for factor, own in zip(self.factors, left, strict=True)),
            blocks=self.blocks,
            levels=np.column_stack([np.searchsorted(own, self.levels[kept, i]) for i, own in enumerate(left)]),
            block=self.block[kept],
            response=self.response[kept],
            outcome=tuple(np.array(self.outcome)[kept]) if self.outcome else (),
            mediators={name: values[kept] for name, values in self.mediators.items()},
        )

    def at(self, factor: int, level: int) -> "RunTable":
        """Return the runs with this level of the factor at this position."""
        kept = self.levels[:, factor] == level
        return replace(
            self,
            levels=self.levels[kept],
            block=self.block[kept],
            response=self.response[kept],
            outcome=tuple(np.array(self.outcome)[kept]) if self.outcome else (),
            mediators={name: values[kept] for name, values in self.mediators.items()},
        )

    def _refuse_twins(self) -> None:
        keys = pd.DataFrame({"cell": self.cell, "block": self.block})
        if keys.duplicated().any():
            row = int(np.flatnonzero(keys.duplicated())[0])
            names = {f.path: f.levels[i] for f, i in zip(self.factors, self.levels[row], strict=True)}
            raise TableError(
                f"the runs of {names} occur more than once in block {self.blocks[self.block[row]]!r}; give every "
                "combination of levels one row in a block, or name more factors"
            )


def _positions(runs: pd.DataFrame, factor: FactorLevels) -> np.ndarray:
    position = {level: index for index, level in enumerate(factor.levels)}
    found = runs[factor.path].map(str)
    if not (known := found.isin(position)).all():
        raise TableError(
            f"factor {factor.path!r} has a level {found[~known].iloc[0]!r} in the table; its levels are "
            f"{list(factor.levels)}"
        )
    return found.map(position).to_numpy(int)
