"""The order of the runs of a sequential study: seed by seed, and never more than one seed ahead of a decision."""

import random
from collections import deque
from collections.abc import Sequence

from ablate.core.seeds import derive
from ablate.study import PlannedRun, StudySpec


def run_order(study: StudySpec) -> list[PlannedRun]:
    """Return the planned runs in random order; of a sequential study seed by seed, in random order within each."""
    generator = random.Random(derive(study.analysis.seed, "run_order"))  # noqa: S311  # an order, no secret
    runs = sorted(study.planned_runs, key=lambda planned_run: planned_run.id)
    generator.shuffle(runs)
    if study.looks is None:
        return runs
    position = {seed: place for place, seed in enumerate(study.seeds)}
    return sorted(runs, key=lambda planned_run: position[planned_run.seed])


class SeedOrder:
    """Hands out the open runs of a study that may stop early, and counts the seeds that are complete.

    A seed is complete once each of its runs has ended, with a result or as a final failure. While the decision at the
    next look is open, runs of one more seed may start, so that workers stay busy.
    """

    def __init__(self, study: StudySpec, open_runs: Sequence[PlannedRun], first_look: int) -> None:
        self._first_look = first_look
        self._number = {seed: number for number, seed in enumerate(study.seeds, start=1)}
        self._unended = {number: set[str]() for number in self._number.values()}
        for planned_run in open_runs:
            self._unended[self.seed_number(planned_run)].add(planned_run.id)
        self._waiting = deque(open_runs)

    @property
    def complete(self) -> int:
        """The number of seeds, from the first on, of which every run has ended."""
        numbers = (number for number, unended in self._unended.items() if unended)
        return next(numbers, len(self._unended) + 1) - 1

    def seed_number(self, planned_run: PlannedRun) -> int:
        """Return the number of seeds up to that of a run."""
        return self._number[planned_run.seed]

    def next_run(self) -> PlannedRun | None:
        """Take the next run that may start now; None if there is none."""
        next_look = max(self.complete + 1, self._first_look)
        if self._waiting and self.seed_number(self._waiting[0]) <= next_look + 1:
            return self._waiting.popleft()
        return None

    def end(self, planned_run: PlannedRun) -> None:
        """Note that a run has ended."""
        self._unended[self.seed_number(planned_run)].discard(planned_run.id)
