"""Errors and power over all looks, counted over simulated tables of a sequential study."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from scipy import stats

from ablate.inference.hypotheses import family
from ablate.inference.run_table import RunTable
from ablate.inference.sequential_tests import sequential_paths
from ablate.inference.settings import InferenceSettings


@dataclass(frozen=True)
class LookCounts:
    """How many studies named something that has no effect, and how many named each true hypothesis, at any look.

    `seeds` is the mean number of seeds at which a true hypothesis was named, None where none was.
    """

    studies: int
    false: int
    detected: int
    seeds: float | None

    def false_interval(self, confidence: float = 0.95) -> tuple[float, float]:
        """Return the interval of Clopper & Pearson (1934) of the share of studies with a false name."""
        interval = stats.binomtest(self.false, self.studies).proportion_ci(confidence, "exact")
        return float(interval.low), float(interval.high)


def count_names(
    tables: Iterable[RunTable], settings: InferenceSettings, true: Collection[tuple[str, ...]] = ()
) -> LookCounts:
    """Look at tables of complete sequential studies, and count what their looks name.

    `true` are the hypotheses that have an effect, each by its factors; a study counts as found once all of them are
    named. The settings plan the looks.
    """
    studies = false = detected = 0
    seeds: list[int] = []
    for table in tables:
        paths = sequential_paths(table, family(table, settings), settings).values()
        named = {path.factors: path.named_at for path in paths if path.named_at is not None}
        studies += 1
        false += any(factors not in true for factors in named)
        if true and all(factors in named for factors in true):
            detected += 1
            seeds.append(max(named[factors] or 0 for factors in true))
    return LookCounts(studies, false, detected, sum(seeds) / len(seeds) if seeds else None)
