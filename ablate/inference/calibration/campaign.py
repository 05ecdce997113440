"""Many simulated studies, drawn, inferred from and judged in worker processes."""

import os
import signal
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from multiprocessing import get_context

from ablate.core.errors import AblateError, AnalysisError
from ablate.inference.calibration.judge import Judgment, judge
from ablate.inference.calibration.layout import Layout
from ablate.inference.calibration.scenarios import Scenario, Sizes, simulate
from ablate.inference.inference import Inference
from ablate.inference.run_table import RunTable
from ablate.inference.settings import InferenceSettings

Analyze = Callable[[RunTable, InferenceSettings], Inference]
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
AHEAD = 2  # studies that wait for each worker, so that none is idle


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


def judgments(
    campaign: Campaign, scenarios: Sequence[Scenario], studies: int, workers: int
) -> Generator[tuple[str, int, Judgment]]:
    """Yield the scenario, the number and the judgment of every study as they finish, one scenario after another.

    The judgments do not depend on the number of workers; their order does. Closing the generator cancels the studies
    that have not started. Raises AblateError if a worker process dies.
    """
    waiting = ((scenario, number) for scenario in scenarios for number in range(studies))
    with _single_threaded(), ProcessPoolExecutor(workers, get_context("spawn"), _ignore_interrupts) as pool:
        running: dict[Future[Judgment], tuple[str, int]] = {}
        try:
            while True:
                for scenario, number in islice(waiting, AHEAD * workers - len(running)):
                    running[pool.submit(campaign.judgment, scenario, number)] = scenario.name, number
                if not running:
                    return
                for future in wait(running, return_when=FIRST_COMPLETED).done:
                    yield (*running.pop(future), future.result())
        except BrokenProcessPool as error:
            raise AblateError("a worker process died, perhaps because memory ran out; try fewer --workers") from error
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _ignore_interrupts() -> None:
    """Leave Ctrl-C to the process that started this one."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


@contextmanager
def _single_threaded() -> Iterator[None]:
    """Let processes that start within the block compute with one thread each, since the workers use all cores."""
    before = {name: os.environ.get(name) for name in THREADS}
    os.environ.update(dict.fromkeys(THREADS, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
