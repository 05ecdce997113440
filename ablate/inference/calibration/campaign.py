"""Many simulated studies, inferred from and judged in processes of their own."""

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
from ablate.inference.calibration.scenario import Scenario, Sizes
from ablate.inference.calibration.simulate import simulate
from ablate.inference.inference import Inference
from ablate.inference.run_table import RunTable
from ablate.inference.settings import InferenceSettings

Analyze = Callable[[RunTable, InferenceSettings], Inference]
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
AHEAD = 2  # studies waiting for each worker, so that none idles


@dataclass(frozen=True, eq=False)
class Campaign:
    """What is simulated, how it is inferred from, and the seed of it all."""

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
    """Yield the scenario, number and judgment of every study, as they are done, one scenario after another.

    What is yielded does not depend on the number of workers, only its order does. Closing the generator drops what has
    not begun. Raises AblateError where a worker process dies.
    """
    todo = ((scenario, number) for scenario in scenarios for number in range(studies))
    with _single_threaded(), ProcessPoolExecutor(workers, get_context("spawn"), _ignore_interrupts) as pool:
        running: dict[Future[Judgment], tuple[str, int]] = {}
        try:
            while True:
                for scenario, number in islice(todo, AHEAD * workers - len(running)):
                    running[pool.submit(campaign.judgment, scenario, number)] = scenario.name, number
                if not running:
                    return
                for future in wait(running, return_when=FIRST_COMPLETED).done:
                    yield (*running.pop(future), future.result())
        except BrokenProcessPool as error:
            raise AblateError("a worker process died, as happens when memory runs out; try fewer --workers") from error
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _ignore_interrupts() -> None:
    """Leave Ctrl-C to the process that started this one."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


@contextmanager
def _single_threaded() -> Iterator[None]:
    """Have processes that start within the block compute with one thread each: the cores are taken by the others."""
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
