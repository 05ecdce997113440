"""The linear model of a table of runs: blocks, main effects, and the chosen interactions.

For tables whose runs do not make up matched sets: fractions of a factorial, and factorials with many holes.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Self

import numpy as np
from jaxtyping import Float, Int
from scipy import stats

from ablate.design.model_matrix import Pair, columns, model_matrix
from ablate.inference.block_effects import within
from ablate.inference.estimate import Estimate, spread_of_blocks
from ablate.inference.inference import Unit
from ablate.inference.monte_carlo import Draws, reached
from ablate.inference.permutation import sign_p
from ablate.inference.run_table import RunTable

TINY = 1e-9  # relative to the largest singular value: columns that others make up


@dataclass(frozen=True, eq=False)
class LinearModel:
    """Least squares of the runs with a response, columns and responses less their blocks' means.

    That is what a column for every block does (Frisch & Waugh 1933, doi:10.2307/1907330), however many they are.
    """

    matrix: Float[np.ndarray, "run parameter"]
    response: Float[np.ndarray, " run"]
    block: Int[np.ndarray, " run"]
    places: dict[tuple[int, ...], slice]
    blocks: int

    @classmethod
    def of(cls, table: RunTable, pairs: Sequence[Pair]) -> Self:
        """Lay out the model with the interactions of the pairs of factors at these positions."""
        own = table.defined
        counts, block = [len(factor.levels) for factor in table.factors], table.block[own]
        matrix = within(model_matrix(table.levels[own], counts, pairs), block)
        response = within(table.response[own], block)
        return cls(matrix, response, block, columns(counts, pairs), len(table.blocks))

    @cached_property
    def _svd(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        left, sizes, right = np.linalg.svd(self.matrix, full_matrices=False)
        rank = int((sizes > TINY * sizes.max(initial=0)).sum())
        return left[:, :rank], sizes[:rank], right[:rank]

    @property
    def freedom(self) -> int:
        """Degrees of freedom of the residuals."""
        return len(self.response) - len(np.unique(self.block)) - len(self._svd[1])

    @cached_property
    def fitted(self) -> Float[np.ndarray, " run"]:
        """The fitted responses, less their blocks' means."""
        left = self._svd[0]
        fitted: np.ndarray = left @ (left.T @ self.response)
        return fitted

    @cached_property
    def variance(self) -> float:
        """The variance of the residuals; NaN without degrees of freedom."""
        return float(((self.response - self.fitted) ** 2).sum()) / self.freedom if self.freedom > 0 else np.nan

    def term(self, *factors: int) -> Float[np.ndarray, "contrast parameter"]:
        """Return the contrasts that are all zero where a main effect or an interaction is."""
        place = self.places[factors]
        return np.eye(self.matrix.shape[1])[place]

    def contrast(
        self, factor: int, weights: Float[np.ndarray, " level"], beside: tuple[int, int] | None = None
    ) -> Float[np.ndarray, " parameter"]:
        """Return a weighted sum of a factor's levels, averaged over the others or at one's level (`beside`)."""
        row = np.zeros(self.matrix.shape[1])
        own = weights @ _coding(len(weights))
        row[self.places[factor,]] = own
        if beside is not None:
            other, level = beside
            width = self.places[other,].stop - self.places[other,].start
            at = _coding(width + 1)[level]
            if (factor, other) in self.places:
                row[self.places[factor, other]] = np.kron(own, at)
            else:
                row[self.places[other, factor]] = np.kron(at, own)
        return row

    def estimable(self, contrasts: Float[np.ndarray, "contrast parameter"]) -> bool:
        """Whether the runs tell these contrasts apart from everything else in the model."""
        right = self._svd[2]
        return bool(np.allclose(contrasts @ right.T @ right, contrasts, atol=1e-7))

    def estimate(self, contrast: Float[np.ndarray, " parameter"], unit: Unit = "run") -> Estimate:
        """Return an estimable contrast.

        Its standard error is that of the pooled residuals with unit `run`, and that of the blocks' scores, which allows
        for effects that change from block to block, with unit `block`: the cluster-robust one (Liang & Zeger 1986,
        doi:10.1093/biomet/73.1.13) with n - 1 degrees of freedom.
        """
        weights = self._directions(contrast[np.newaxis])
        scores = self._scores(weights)[:, 0]
        by_block = np.full(self.blocks, np.nan)
        by_block[np.unique(self.block)] = scores
        pooled = (float(np.sqrt(self.variance * (weights**2).sum())), self.freedom) if self.freedom > 0 else (None, 0)
        error, freedom = spread_of_blocks(scores) if unit == "block" else pooled
        return Estimate(
            value=float(weights[:, 0] @ self.response),
            error=error,
            freedom=freedom,
            by_block=by_block,
            blocks=len(scores),
            runs=len(self.response),
            dropped=0,
            above=None,
        )

    def partial_eta_squared(self, contrasts: Float[np.ndarray, "contrast parameter"]) -> float:
        """Return the sum of squares of estimable contrasts over that and the residuals', in [0, 1] (Cohen 1973).

        NaN where both are 0.
        """
        along = float(((self._axes(contrasts).T @ self.response) ** 2).sum())
        whole = along + float(((self.response - self.fitted) ** 2).sum())
        return along / whole if whole > 0 else np.nan

    def p(self, contrasts: Float[np.ndarray, "contrast parameter"], draws: Draws) -> float:
        """Return the p of estimable contrasts being zero, by shuffling residuals within blocks.

        The residuals are those of the model without the contrasts, the statistic is F (Freedman & Lane 1983,
        doi:10.2307/1391660; compared with others by Winkler et al. 2014, doi:10.1016/j.neuroimage.2014.01.060). It is
        not exact, as relabeling matched sets is, but close to it unless residual degrees of freedom are few.
        """
        axes, left = self._axes(contrasts), self._svd[0]
        explained = self.fitted - axes @ (axes.T @ self.response)
        residual = self.response - explained

        def drawn(generator: np.random.Generator, count: int) -> np.ndarray:
            shuffled = np.tile(residual, (count, 1))
            for block in np.unique(self.block):
                own = self.block == block
                shuffled[:, own] = generator.permuted(shuffled[:, own], axis=1)
            return _share(shuffled, axes, left)

        observed = float(_share(residual[np.newaxis], axes, left)[0])
        return reached(observed * (1 - TINY), drawn, draws, len(residual))

    def p_of_blocks(self, contrasts: Float[np.ndarray, "contrast parameter"], draws: Draws) -> float:
        """Return the p of estimable contrasts being zero, by turning the signs of whole blocks' scores."""
        return sign_p(self._scores(self._axes(contrasts)), draws)

    def informative_blocks(self, contrasts: Float[np.ndarray, "contrast parameter"]) -> int:
        """Return how many blocks have a say in estimable contrasts."""
        spoken = np.abs(self._axes(contrasts)).max(axis=1) > TINY
        return len(np.unique(self.block[spoken]))

    def steadiness(self, *factors: int) -> float | None:
        """Return the p of an F test that a main effect or an interaction is the same in every block.

        The larger model has it for each block by itself. None where that leaves no degrees of freedom.
        """
        own = self.block[:, np.newaxis] == np.unique(self.block)
        effect = self.matrix[:, self.places[factors]]
        apart = (effect[:, :, np.newaxis] * own[:, np.newaxis]).reshape(len(own), -1)
        left = self._svd[0]
        added, sizes, _ = np.linalg.svd(apart - left @ (left.T @ apart), full_matrices=False)
        added = added[:, sizes > TINY]
        above, below = added.shape[1], self.freedom - added.shape[1]
        explained = float(((added.T @ self.response) ** 2).sum())
        rest = float(((self.response - self.fitted) ** 2).sum()) - explained
        if above < 1 or below < 1 or rest <= 0:
            return None
        return float(stats.f.sf(explained / above / (rest / below), above, below))

    def _scores(self, directions: Float[np.ndarray, "run contrast"]) -> Float[np.ndarray, "block contrast"]:
        """Return the contrasts that each block speaks for; their mean over blocks is the estimate.

        With equal cells in every block it is the block's own least squares.
        """
        blocks, position = np.unique(self.block, return_inverse=True)
        parts = np.zeros((len(blocks), directions.shape[1]))
        np.add.at(parts, position, directions * (self.response - self.fitted)[:, np.newaxis])
        scores: np.ndarray = directions.T @ self.response + len(blocks) * parts
        return scores

    def _directions(self, contrasts: np.ndarray) -> Float[np.ndarray, "run contrast"]:
        """Return the weights of the runs that estimate each contrast."""
        left, sizes, right = self._svd
        directions: np.ndarray = left @ ((right @ contrasts.T) / sizes[:, np.newaxis])
        return directions

    def _axes(self, contrasts: np.ndarray) -> Float[np.ndarray, "run axis"]:
        """Return orthonormal axes of what the contrasts add to the rest of the model."""
        return np.linalg.qr(self._directions(contrasts))[0]


def _coding(levels: int) -> Float[np.ndarray, "level contrast"]:
    """Return the model's own contrasts of a factor with so many levels, a row a level."""
    return model_matrix(np.arange(levels)[:, np.newaxis], [levels], ())[:, 1:]


def _share(shuffled: np.ndarray, axes: np.ndarray, left: np.ndarray) -> Float[np.ndarray, " draw"]:
    """Return the sum of squares along the axes over that and the residuals', which rises with F; 1 where both are 0."""
    along = ((shuffled @ axes) ** 2).sum(axis=1)
    rest = (shuffled**2).sum(axis=1) - ((shuffled @ left) ** 2).sum(axis=1)
    whole = along + np.maximum(rest, 0)
    share: np.ndarray = np.divide(along, whole, out=np.ones_like(along), where=whole > 0)
    return share
