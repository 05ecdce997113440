"""Tables of published scenarios, drawn, inferred from and judged in worker processes, in blocks that can be resumed."""

from collections.abc import Generator, Iterable, Mapping, Sequence
from dataclasses import dataclass

from ablate.core.errors import AblateError, AnalysisError
from ablate.inference.calibration.campaign import Analyze
from ablate.inference.calibration.judge import Judgment, judge_against, refusal
from ablate.inference.calibration.pool import results_of
from ablate.inference.calibration.published.scenario import GrowingStudy, PublishedScenario, SimulatedTable
from ablate.inference.inference import Inference
from ablate.inference.settings import InferenceSettings, Looks
from ablate.inference.verdict import Verdict

BLOCK = 50  # tables in a task: about a second, so that Ctrl-C ends soon and little is lost
DRAWS = 999  # flips where they are drawn: a fifth of the time of 9,999, and p is known to 0.7 percentage points at 5 %


@dataclass(frozen=True)
class StudyBlock:
    """A number of tables of one scenario, from the table `first` on, drawn from the base seed `seed`."""

    scenario: PublishedScenario
    seed: int
    first: int
    count: int


@dataclass(frozen=True)
class PublishedCampaign:
    """How the tables of all scenarios are analyzed."""

    analyze: Analyze
    draws: int = DRAWS

    def judged(self, block: StudyBlock) -> list[Judgment]:
        """Return the judgments of a block of tables. Raises AnalysisError, naming the table."""
        return [self.judgment(block.scenario, block.seed, block.first + index) for index in range(block.count)]

    def judgment(self, scenario: PublishedScenario, seed: int, number: int) -> Judgment:
        """Draw one table and judge what is inferred from it. Raises AnalysisError, naming the table."""
        simulated = scenario.table(seed, number)
        try:
            inference, seeds = self._inferred(scenario, simulated)
        except AblateError as error:
            if scenario.may_refuse:
                return refusal(simulated.truth, len(simulated.table.factors), len(simulated.table.blocks))
            raise AnalysisError(f"table {number} of {scenario.name}, seed {seed}: {error}") from error
        return judge_against(inference, simulated.truth, seeds)

    def _inferred(self, scenario: PublishedScenario, simulated: SimulatedTable) -> tuple[Inference, int]:
        """Return the last inference of a study, and the number of its seeds.

        If nothing can be cleared, a planned study that plants a cause goes on to its end. Its number of seeds is then
        that of the first look which names the cause.
        """
        settings = InferenceSettings(
            margin=scenario.margin,
            interactions="all" if scenario.pairs else "none",
            draws=self.draws,
            seed=simulated.seed,
            looks=_planned_looks(scenario.growth),
        )
        if scenario.growth is None:
            return self.analyze(simulated.table, settings), len(simulated.table.blocks)
        counts_naming = scenario.margin is None and bool(simulated.truth.to_detect)
        first_naming = 0
        for seeds in range(scenario.growth.first, scenario.growth.last + 1):
            inference = self.analyze(simulated.first_seeds(seeds), settings)
            if counts_naming and not first_naming and judge_against(inference, simulated.truth, seeds).detected:
                first_naming = seeds
            if _stops(inference, scenario.growth):
                break
        return inference, first_naming or seeds


def judged_blocks(
    campaign: PublishedCampaign, blocks: Iterable[StudyBlock], workers: int
) -> Generator[tuple[StudyBlock, list[Judgment]]]:
    """Yield every block with its judgments as they finish; closing the generator cancels those not yet started.

    The judgments do not depend on the number of workers. Raises AblateError if a worker process dies.
    """
    return results_of(campaign.judged, blocks, workers)


def blocks_to_judge(
    scenarios: Sequence[PublishedScenario],
    studies: Mapping[str, int],
    seed: int,
    done: Mapping[str, Mapping[int, Judgment]],
) -> list[StudyBlock]:
    """Return the blocks that judge so many studies of each scenario, by name, without those that are done."""
    blocks = []
    for scenario in scenarios:
        total, judged = studies[scenario.name], done.get(scenario.name, {})
        for first in range(0, total, BLOCK):
            count = min(BLOCK, total - first)
            if any(number not in judged for number in range(first, first + count)):
                blocks.append(StudyBlock(scenario, seed, first, count))
    return blocks


def _planned_looks(growth: GrowingStudy | None) -> Looks | None:
    return Looks(first=growth.first, last=growth.last) if growth and growth.is_planned else None


def _stops(inference: Inference, growth: GrowingStudy) -> bool:
    """Return whether a study stops: planned, when every factor is decided; else, when any effect is claimed."""
    verdicts = [verdict.verdict for verdict in inference.verdicts]
    if growth.is_planned:
        return Verdict.UNDECIDED not in verdicts
    return any(verdict.claims_effect for verdict in verdicts)
