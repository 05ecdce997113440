"""What a report shows first: one sentence a factor, the pictures of one pair of runs, what was trained, what to do."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

from ablate.analysis.analysis import Analysis
from ablate.analysis.factor_sentences import FactorSentence, factor_sentences
from ablate.core.plain import plain
from ablate.report.filmstrips import Filmstrips, filmstrips
from ablate.report.next_steps import NextStep, StudyCall, next_steps
from ablate.report.trained import TrainedNetworks, trained_networks
from ablate.storage.paths import StudyPaths


@dataclass(frozen=True)
class FirstScreen:
    """The answer with its numbers; `trained` and `steps` are missing where the study itself is not at hand."""

    sentences: tuple[FactorSentence, ...]
    strips: Filmstrips | None
    trained: TrainedNetworks | None
    steps: tuple[NextStep, ...]

    @cached_property
    def lines(self) -> Sequence[str]:
        """The sentences with their qualifiers, as text."""
        return [sentence.qualified_text for sentence in self.sentences]

    def to_json(self) -> dict[str, Any]:
        """Return plain values for JSON. The pictures are named by their runs."""
        pair = self.strips.pair if self.strips else None
        document: dict[str, Any] = plain(
            {
                "sentences": [asdict(sentence) | {"text": sentence.text} for sentence in self.sentences],
                "pictured_runs": [pair.level.run_id, pair.baseline.run_id] if pair else [],
                "trained": self.trained.to_json() if self.trained else None,
                "next_steps": [asdict(step) for step in self.steps],
            }
        )
        return document


def first_screen(analysis: Analysis, paths: StudyPaths, call: StudyCall | None) -> FirstScreen:
    """Return the first screen; equal input gives an equal one, as its date and times come from the records."""
    title = analysis.response.metric.title
    sentences = factor_sentences(analysis.inference, title, decided=not analysis.exploratory)
    strips = filmstrips(analysis, sentences, paths)
    if call is None:
        return FirstScreen(sentences, strips, None, ())
    trained = trained_networks(call.study, analysis, paths)
    steps = next_steps(analysis, trained, call, strips.pair.most.run_id if strips else None)
    return FirstScreen(sentences, strips, trained, steps)
