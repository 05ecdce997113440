"""The linear model of a table of runs: blocks, main effects, and the chosen interactions.

It is for tables whose runs form too few matched sets: fractions of a factorial, and factorials with many missing cells.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy import stats

from ablate.design.model_matrix import Pair, columns, model_matrix
from ablate.inference.block_effects import within
from ablate.inference.estimate import EffectEstimate, error_of_blocks
from ablate.inference.inference import Unit
from ablate.inference.permutation import Draws, drawn_p, sign_p
from ablate.inference.run_table import RunTable

TINY = 1e-9  # relative to the largest singular value: a column that is a combination of others


@dataclass(frozen=True, eq=False)
class LinearModel:
    """Least squares of the runs with a response, after the blocks' means are removed from columns and responses.

    That equals a model with a column for every block (Frisch & Waugh 1933, doi:10.2307/1907330), and costs less.
    """

    matrix: Float[np.ndarray, "run parameter"]
    response: Float[np.ndarray, " run"]
    block: Int[np.ndarray, " run"]
    places: dict[tuple[int, ...], slice]
    blocks: int

    @classmethod
    def of(cls, table: RunTable, pairs: Sequence[Pair]) -> "LinearModel":
        """Return the model of all main effects and of the interactions of the pairs of factors at these positions."""
        defined = table.defined
        counts, block = [len(factor.levels) for factor in table.factors], table.block[defined]
        matrix = within(model_matrix(table.levels[defined], counts, pairs), block)
        response = within(table.response[defined], block)
        return cls(matrix, response, block, columns(counts, pairs), len(table.blocks))

    @cached_property
    def _svd(
        self,
    ) -> tuple[Float[np.ndarray, "run rank"], Float[np.ndarray, " rank"], Float[np.ndarray, "rank parameter"]]:
        left, sizes, right = np.linalg.svd(self.matrix, full_matrices=False)
        rank = int((sizes > TINY * sizes.max(initial=0)).sum())
        return left[:, :rank], sizes[:rank], right[:rank]

    @property
    def freedom(self) -> int:
        """Degrees of freedom of the residuals."""
        return len(self.response) - len(np.unique(self.block)) - len(self._svd[1])

    @cached_property
    def fitted(self) -> Float[np.ndarray, " run"]:
        """The fitted responses, minus their blocks' means."""
        left = self._svd[0]
        fitted: np.ndarray = left @ (left.T @ self.response)
        return fitted

    @cached_property
    def variance(self) -> float:
        """The variance of the residuals; NaN without degrees of freedom."""
        return float(((self.response - self.fitted) ** 2).sum()) / self.freedom if self.freedom > 0 else np.nan

    def term(self, *factors: int) -> Float[np.ndarray, "contrast parameter"]:
        """Return the contrasts that are all 0 if the main effect or the interaction of these factors is 0."""
        place = self.places[factors]
        return np.eye(self.matrix.shape[1])[place]

    def contrast(
        self, factor: int, weights: Float[np.ndarray, " level"], partner: tuple[int, int] | None = None
    ) -> Float[np.ndarray, " parameter"]:
        """Return a weighted sum of a factor's levels, averaged over the others or at one partner's level.

        `partner` is the position of the partner and of its level.
        """
        row = np.zeros(self.matrix.shape[1])
        main = weights @ _coding(len(weights))
        row[self.places[factor,]] = main
        if partner is not None:
            second, level = partner
            width = self.places[second,].stop - self.places[second,].start
            at = _coding(width + 1)[level]
            if (factor, second) in self.places:
                row[self.places[factor, second]] = np.kron(main, at)
            else:
                row[self.places[second, factor]] = np.kron(at, main)
        return row

    def estimable(self, contrasts: Float[np.ndarray, "contrast parameter"]) -> bool:
        """Return whether the runs determine these contrasts, whatever the other terms of the model are."""
        right = self._svd[2]
        return bool(np.allclose(contrasts @ right.T @ right, contrasts, atol=1e-7))

    def estimate(self, contrast: Float[np.ndarray, " parameter"], unit: Unit = "run") -> EffectEstimate:
        """Return the estimate of an estimable contrast.

        With unit `run`, its standard error is that of the pooled residuals. With unit `block`, it is the cluster-robust
        one of the blocks' scores (Liang & Zeger 1986, doi:10.1093/biomet/73.1.13), with n - 1 degrees of freedom, which
        allows for effects that change from block to block.
        """
        weights = self._directions(contrast[np.newaxis])
        scores = self._scores(weights)[:, 0]
        by_block = np.full(self.blocks, np.nan)
        by_block[np.unique(self.block)] = scores
        pooled = (float(np.sqrt(self.variance * (weights**2).sum())), self.freedom) if self.freedom > 0 else (None, 0)
        error, freedom = error_of_blocks(scores) if unit == "block" else pooled
        return EffectEstimate(
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
        """Return the sum of squares of estimable contrasts over its sum with the residuals', in [0, 1] (Cohen 1973).

        NaN if both are 0.
        """
        along = float(((self._axes(contrasts).T @ self.response) ** 2).sum())
        whole = along + float(((self.response - self.fitted) ** 2).sum())
        return along / whole if whole > 0 else np.nan

    def p(self, contrasts: Float[np.ndarray, "contrast parameter"], draws: Draws) -> float:
        """Return the p-value, in (0, 1], of estimable contrasts being 0, by permuting residuals within blocks.

        The residuals are those of the model without the contrasts, the statistic is F (Freedman & Lane 1983,
        doi:10.2307/1391660; compared with others by Winkler et al. 2014, doi:10.1016/j.neuroimage.2014.01.060). Unlike
        the permutation of matched sets it is not exact, but close to exact unless residual degrees of freedom are few.
        """
        axes, left = self._axes(contrasts), self._svd[0]
        explained = self.fitted - axes @ (axes.T @ self.response)
        residual = self.response - explained

        def permuted_shares(generator: np.random.Generator, count: int) -> Float[np.ndarray, " draw"]:
            permuted = np.tile(residual, (count, 1))
            for block in np.unique(self.block):
                in_block = self.block == block
                permuted[:, in_block] = generator.permuted(permuted[:, in_block], axis=1)
            return _share(permuted, axes, left)

        observed = float(_share(residual[np.newaxis], axes, left)[0])
        return drawn_p(observed * (1 - TINY), permuted_shares, draws, len(residual))

    def p_of_blocks(self, contrasts: Float[np.ndarray, "contrast parameter"], draws: Draws) -> float:
        """Return the p-value, in (0, 1], of estimable contrasts being 0, by changing the signs of blocks' scores."""
        return sign_p(self._scores(self._axes(contrasts)), draws)

    def informative_blocks(self, contrasts: Float[np.ndarray, "contrast parameter"]) -> int:
        """Return the number of blocks that contribute to estimable contrasts."""
        informative = np.abs(self._axes(contrasts)).max(axis=1) > TINY
        return len(np.unique(self.block[informative]))

    def seed_interaction_p(self, *factors: int) -> float | None:
        """Return the p-value of an F test that a main effect or an interaction is the same in every block.

        The larger model has a separate effect for each block. None if that leaves no degrees of freedom.
        """
        in_block: Bool[np.ndarray, "run block"] = self.block[:, np.newaxis] == np.unique(self.block)
        effect = self.matrix[:, self.places[factors]]
        separate = (effect[:, :, np.newaxis] * in_block[:, np.newaxis]).reshape(len(in_block), -1)
        left = self._svd[0]
        added, sizes, _ = np.linalg.svd(separate - left @ (left.T @ separate), full_matrices=False)
        added = added[:, sizes > TINY]
        numerator, denominator = added.shape[1], self.freedom - added.shape[1]
        explained = float(((added.T @ self.response) ** 2).sum())
        residual = float(((self.response - self.fitted) ** 2).sum()) - explained
        if numerator < 1 or denominator < 1 or residual <= 0:
            return None
        ratio = explained / numerator / (residual / denominator)
        return float(stats.f.sf(ratio, numerator, denominator))

    def _scores(self, directions: Float[np.ndarray, "run contrast"]) -> Float[np.ndarray, "block contrast"]:
        """Return each block's score for the contrasts; the mean of the scores over blocks is the estimate.

        If every block has the same cells, the score is the least-squares estimate of the block alone.
        """
        blocks, position = np.unique(self.block, return_inverse=True)
        parts = np.zeros((len(blocks), directions.shape[1]))
        np.add.at(parts, position, directions * (self.response - self.fitted)[:, np.newaxis])
        scores: np.ndarray = directions.T @ self.response + len(blocks) * parts
        return scores

    def _directions(self, contrasts: Float[np.ndarray, "contrast parameter"]) -> Float[np.ndarray, "run contrast"]:
        """Return the weights of the runs that estimate each contrast."""
        left, sizes, right = self._svd
        directions: np.ndarray = left @ ((right @ contrasts.T) / sizes[:, np.newaxis])
        return directions

    def _axes(self, contrasts: Float[np.ndarray, "contrast parameter"]) -> Float[np.ndarray, "run axis"]:
        """Return orthonormal axes of the space that the contrasts add to the other terms of the model."""
        return np.linalg.qr(self._directions(contrasts))[0]


def _coding(levels: int) -> Float[np.ndarray, "level contrast"]:
    """Return the model's contrasts of a factor with this number of levels, one row per level."""
    return model_matrix(np.arange(levels)[:, np.newaxis], [levels], ())[:, 1:]


def _share(
    responses: Float[np.ndarray, "draw run"], axes: Float[np.ndarray, "run axis"], left: Float[np.ndarray, "run rank"]
) -> Float[np.ndarray, " draw"]:
    """Return the sum of squares along the axes over its sum with the residuals': it rises with F. 1 if both are 0."""
    along = ((responses @ axes) ** 2).sum(axis=1)
    residual = (responses**2).sum(axis=1) - ((responses @ left) ** 2).sum(axis=1)
    whole = along + np.maximum(residual, 0)
    share: np.ndarray = np.divide(along, whole, out=np.ones_like(along), where=whole > 0)
    return share
