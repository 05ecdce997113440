"""Simulated studies of one design without lost runs: what the looks of each name and clear, in a few milliseconds."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np
from jaxtyping import Float

from ablate.inference import seed_flips
from ablate.inference.contexts import context_check
from ablate.inference.factor_levels import differences, numeric_values
from ablate.inference.hypotheses import Direction, Family, family
from ablate.inference.run_table import RunTable
from ablate.inference.sequential import GroupSequential, linear_shares, parent_flips
from ablate.inference.sequential_t import critical_values
from ablate.inference.sequential_tests import first_blocks, first_look
from ablate.inference.settings import InferenceSettings, Looks
from ablate.inference.step_down import flip_signs, surprise_chi2


@dataclass(frozen=True, eq=False)
class DesignSimulation:
    """Studies of one design. Without lost runs every seed has the same cells, so the scores of a seed are its own."""

    table: RunTable
    settings: InferenceSettings
    looks: Looks

    @cached_property
    def family(self) -> Family:
        """The family of the complete study."""
        return family(self.table, self.settings)

    @cached_property
    def cells(self) -> int:
        """Number of cells."""
        return len(self.table.block) // self.looks.last

    @cached_property
    def contrasts(self) -> tuple[tuple[int, Float[np.ndarray, "_ cell"]], ...]:
        """Each factor's position, and its differences from the baseline as weights of the cells of one seed."""
        weights = []
        for direction in self.family.directions:
            if direction.hypothesis.is_main_effect:
                (position,) = direction.hypothesis.at
                factor = self.table.factors[position]
                rows = np.array(
                    [
                        direction.model.contrast(self.table, position, contrast.weights)
                        for contrast in differences(factor)
                    ]
                )
                weights.append((position, self._of_one_seed(direction, direction.model.directions(rows))))
        return tuple(weights)

    @cached_property
    def axes(self) -> tuple[Float[np.ndarray, "_ cell"], ...]:
        """The axes of each hypothesis over the cells of one seed."""
        return tuple(self._of_one_seed(direction, direction.axes) for direction in self.family.directions)

    @property
    def last_error(self) -> float:
        """The largest standard error of a difference at the last look, in standard deviations of a run."""
        squares = [float((weights**2).sum(axis=1).max()) for _, weights in self.contrasts]
        return float(np.sqrt(max(squares) / self.looks.last))

    def moved_cells(self, position: int) -> Float[np.ndarray, " cell"]:
        """Return 1 for the cells at a factor's last level beside the baseline; of a numeric factor, a line up to it."""
        factor, cells = self.table.factors[position], self.table.levels[self.table.block == 0]
        if factor.numeric:
            values = numeric_values(factor)
            baseline = values[factor.levels.index(factor.baseline)]
            line: np.ndarray = ((values - baseline) / (values[-1] - baseline or 1.0))[cells[:, position]]
            return line
        last = differences(factor)[-1].level
        moved: np.ndarray = (cells[:, position] == factor.levels.index(last or factor.baseline)).astype(float)
        return moved

    def sequence(self, responses: Float[np.ndarray, "seed cell"]) -> GroupSequential:
        """Return the statistics of every hypothesis of the family at every look."""
        first, last = first_look(self.looks), self.looks.last
        scores = [responses @ axes.T for axes in self.axes]
        matrices, sizes = [], [1]
        for n in range(first, last + 1):
            signs = flip_signs(n, seed_flips.ENUMERATED, self.settings.draws, self.settings.seed, size=last)
            matrices.append(_statistics([score[:n] for score in scores], signs.astype(float)))
            sizes.append(len(signs))
        parents = [parent_flips(before, now) for before, now in pairwise(sizes)]
        return GroupSequential(matrices, parents, linear_shares(first, last, last))

    def named_at(self, responses: Float[np.ndarray, "seed cell"]) -> dict[int, float]:
        """Return the seeds at which each factor is named, or a pair of it; infinity if none is."""
        first = first_look(self.looks)
        sequence = self.sequence(responses)
        looks = sequence.naming(self.settings.alpha).named_at
        named = {position: np.inf for position, _ in self.contrasts}
        for direction, look in zip(self.family.directions, looks, strict=True):
            seeds = first + int(look) if look < len(sequence.statistics) else np.inf
            for position in direction.hypothesis.at:
                if direction.hypothesis.is_main_effect or direction.hypothesis.is_interaction:
                    named[position] = min(named.get(position, np.inf), seeds)
        return named

    def cleared_at(self, responses: Float[np.ndarray, "seed cell"]) -> dict[int, float]:
        """Return the seeds at which each factor is cleared: within the margin, and quiet in every context."""
        cleared = {position: np.inf for position, _ in self.contrasts}
        if self.settings.margin is None:
            return cleared
        table = RunTable(
            self.table.factors, self.table.blocks, self.table.levels, self.table.block, responses.reshape(-1)
        )
        values = critical_values(self.looks, self.settings.alpha, self.looks.last)
        for n in range(first_look(self.looks), self.looks.last + 1):
            critical = values[n - self.looks.first]
            for position, weights in self.contrasts:
                if np.isfinite(cleared[position]):
                    continue
                by_seed = responses[:n] @ weights.T
                reach = np.abs(by_seed.mean(axis=0)) + critical * by_seed.std(axis=0, ddof=1) / np.sqrt(n)
                if (reach < self.settings.margin).all():
                    check = context_check(first_blocks(table, n), position, self.settings)
                    if check is not None and check.is_quiet:
                        cleared[position] = n
        return cleared

    def _of_one_seed(
        self, direction: Direction, columns: Float[np.ndarray, "run axis"]
    ) -> Float[np.ndarray, "axis cell"]:
        """Return columns over all runs as weights of one seed's cells, which add up over the seeds to their mean."""
        by_run = np.empty_like(columns)
        by_run[direction.model.observations.order] = columns
        weights: np.ndarray = by_run[self.table.block == 0].T * self.looks.last
        return weights


def _statistics(
    scores: Sequence[Float[np.ndarray, "seed _"]], signs: Float[np.ndarray, "flip seed"]
) -> Float[np.ndarray, "hypothesis flip"]:
    """Return the statistics of seed_flips for complete tables, in which no flip leaks into another term."""
    n = signs.shape[1]
    scale = np.array([float((score**2).sum()) / score.shape[1] for score in scores])
    weight = seed_flips.POOLED_WEIGHT
    shrunken = (weight * np.median(scale) + n * scale) / (weight + n)
    return np.array(
        [
            surprise_chi2(((signs @ score) ** 2).sum(axis=1) / s, score.shape[1])
            for score, s in zip(scores, shrunken, strict=True)
        ]
    )
