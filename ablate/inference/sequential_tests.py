"""The tests of a sequential study: the statistic and the boundary of every hypothesis at every look so far."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float

from ablate.inference import seed_flips
from ablate.inference.hypotheses import Family, Hypothesis, family
from ablate.inference.kind_of_test import FEWEST_FLIPPED
from ablate.inference.run_table import RunTable
from ablate.inference.sequential import GroupSequential, linear_shares, parent_flips
from ablate.inference.settings import InferenceSettings, Looks
from ablate.inference.step_down import flip_signs, single_p


@dataclass(frozen=True)
class Look:
    """One hypothesis at one look: the observed statistic and the boundary that it must exceed.

    Both are on the scale -log P(chi2 > a). `statistic` is None where the look cannot test the hypothesis, `boundary`
    where the spent alpha does not suffice for any flip, or once the hypothesis is named.
    """

    seeds: int
    statistic: float | None
    boundary: float | None


@dataclass(frozen=True)
class SequentialPath:
    """One hypothesis over the looks so far.

    `named_at` is the number of seeds at which it was named, None if it was not. `p` is the sequential p-value, in
    (0, 1]: the smallest overall alpha at which a look so far names it. `single_p` is that of the last look alone, for
    this hypothesis alone.
    """

    factors: tuple[str, ...]
    is_trend: bool
    looks: tuple[Look, ...]
    named_at: int | None
    p: float
    single_p: float


def first_look(looks: Looks) -> int:
    """Return the number of seeds of the first look that can name anything by flips."""
    return max(looks.first, FEWEST_FLIPPED)


def first_naming(looks: Looks, alpha: float, *, enumerated: int = seed_flips.ENUMERATED, draws: int = 9_999) -> int:
    """Return the smallest number of seeds at which a hypothesis can be named; beyond the last look if none can be."""
    for n in range(first_look(looks), looks.last + 1):
        flips = 2 ** (n - 1) if looks.last <= enumerated else min(2 ** (n - 1), draws + 1)
        if alpha * n / looks.last * flips >= 1:
            return n
    return looks.last + 1


def sequential_paths(
    table: RunTable, tested: Family, settings: InferenceSettings
) -> Mapping[Hypothesis, SequentialPath]:
    """Return the path of every hypothesis of a family over the looks so far; none before the first look.

    `table` has the blocks of all seeds so far, in the order in which they ran. Seeds beyond the last planned look count
    with that look.
    """
    looks = settings.looks
    if looks is None or len(table.blocks) < first_look(looks):
        return {}
    now = min(len(table.blocks), looks.last)
    seeds = range(first_look(looks), now + 1)
    hypotheses = [direction.hypothesis for direction in tested.directions]
    tables = [first_blocks(table, n if n < now else len(table.blocks)) for n in seeds]
    matrices = [_statistics(part, tuple(hypotheses), settings, looks) for part in tables]
    sizes = [matrix.shape[1] for matrix in matrices]
    parents = [parent_flips(before, size) for before, size in zip([1, *sizes], sizes, strict=False)]
    sequence = GroupSequential(matrices, parents, linear_shares(seeds[0], now, looks.last))
    naming, p = sequence.naming(settings.alpha), sequence.p_values(len(seeds) - 1)
    single = single_p(matrices[-1], matrices[-1][:, 0], includes=True)
    return {
        hypothesis: SequentialPath(
            factors=hypothesis.factors,
            is_trend=hypothesis.is_trend,
            looks=tuple(
                Look(n, _finite(matrix[place, 0]), _finite(boundary[place]))
                for n, matrix, boundary in zip(seeds, matrices, naming.boundaries, strict=True)
            ),
            named_at=seeds[naming.named_at[place]] if naming.named_at[place] < len(seeds) else None,
            p=float(p[place]),
            single_p=float(single[place]),
        )
        for place, hypothesis in enumerate(hypotheses)
    }


def first_blocks(table: RunTable, n: int) -> RunTable:
    """Return the runs of the first n blocks of a table; equal calls return the same table, also for its own parts."""
    if n >= len(table.blocks):
        return table
    parts = table.derived.setdefault("first_blocks", {})
    if n not in parts:
        parts[n] = _part(table, n)
        parts[n].derived["first_blocks"] = parts  # the first blocks of a part are those of the whole
    part: RunTable = parts[n]
    return part


def _part(table: RunTable, n: int) -> RunTable:
    among = table.block < n
    return replace(
        table,
        blocks=table.blocks[:n],
        levels=table.levels[among],
        block=table.block[among],
        response=table.response[among],
        outcome=tuple(outcome for outcome, is_among in zip(table.outcome, among, strict=False) if is_among),
        mediators={name: values[among] for name, values in table.mediators.items()},
    )


def _statistics(
    table: RunTable, hypotheses: tuple[Hypothesis, ...], settings: InferenceSettings, looks: Looks
) -> Float[np.ndarray, "hypothesis flip"]:
    """Return the statistics of a look, -infinity for a hypothesis that the seeds so far cannot test."""
    key = ("look", hypotheses, settings.model_dump_json())
    if key not in table.derived:  # the looks before the latest one are inferred from the same statistics
        table.derived[key] = _computed_statistics(table, hypotheses, settings, looks)
    statistics: np.ndarray = table.derived[key]
    return statistics


def _computed_statistics(
    table: RunTable, hypotheses: tuple[Hypothesis, ...], settings: InferenceSettings, looks: Looks
) -> Float[np.ndarray, "hypothesis flip"]:
    tested = family(table, settings)
    signs = flip_signs(
        tested.observations.blocks, seed_flips.ENUMERATED, settings.draws, settings.seed, size=looks.last
    )
    matrix = np.full((len(hypotheses), len(signs)), -np.inf)
    places = dict(_places(hypotheses, tested))
    if places:
        rows = seed_flips.statistics([tested.directions[place] for place in places.values()], signs)
        matrix[list(places)] = rows
    return matrix


def _places(hypotheses: Sequence[Hypothesis], tested: Family) -> Iterator[tuple[int, int]]:
    """Yield the place of each hypothesis that a look can test, and of its direction at that look."""
    at_look = {
        (direction.hypothesis.at, direction.hypothesis.is_trend): place
        for place, direction in enumerate(tested.directions)
    }
    for place, hypothesis in enumerate(hypotheses):
        if (key := (hypothesis.at, hypothesis.is_trend)) in at_look:
            yield place, at_look[key]


def _finite(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
