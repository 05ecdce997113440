"""Many simulated studies, drawn, inferred from and judged in worker processes."""

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass

from ablate.core.errors import AblateError, AnalysisError
from ablate.inference.calibration.judge import Judgment, judge
from ablate.inference.calibration.layout import Layout
from ablate.inference.calibration.pool import results_of
from ablate.inference.calibration.scenarios import Scenario, Sizes, simulate
from ablate.inference.inference import Inference
from ablate.inference.run_table import RunTable
from ablate.inference.settings import InferenceSettings

Analyze = Callable[[RunTable, InferenceSettings], Inference]


@dataclass(frozen=True, eq=False)
class Campaign:
    """The layout and sizes of all simulated studies, how they are analyzed, and the seed that they derive from."""

    layout: Layout
    sizes: Sizes
    settings: InferenceSettings
    analyze: Analyze
    seed: int = 0

    def judgment(self, scenario: Scenario, number: int) -> Judgment:
        """Simulate one study and judge what is inferred from it. Raises AnalysisError, naming the study."""
        study = simulate(scenario, self.layout, self.sizes, self.seed, number)
        try:
            inference = self.analyze(study.table, self.settings.model_copy(update={"seed": study.seed}))
        except AblateError as error:
            raise AnalysisError(f"study {number} of {scenario.name}, seed {self.seed}: {error}") from error
        return judge(inference, study, self.sizes)

    def _judged(self, task: tuple[Scenario, int]) -> Judgment:
        return self.judgment(*task)


def judgments(
    campaign: Campaign, scenarios: Sequence[Scenario], studies: int, workers: int
) -> Generator[tuple[str, int, Judgment]]:
    """Yield the scenario, the number and the judgment of every study as they finish, one scenario after another.

    The judgments do not depend on the number of workers; their order does. Closing the generator cancels the studies
    that have not started. Raises AblateError if a worker process dies.
    """
    tasks = ((scenario, number) for scenario in scenarios for number in range(studies))
    results = results_of(campaign._judged, tasks, workers)  # noqa: SLF001  # a method of its class
    try:
        for (scenario, number), judgment in results:
            yield scenario.name, number, judgment
    finally:
        results.close()
