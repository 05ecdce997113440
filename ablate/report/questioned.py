"""The nets of a study that were probed: what each answered, and what interventions did to its ghost."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ablate.analysis.analysis import Analysis
from ablate.core.plain_json import plain
from ablate.report.data_uri import svg_uri
from ablate.report.finding_figures import changes_figure
from ablate.report.words import run_words
from ablate.storage.findings import Finding, load
from ablate.storage.paths import StudyPaths

GHOST = "ghost_ratio"
HEAVY = ("images", "charts")
"""Parts of a finding that stay on the net's own page."""


@dataclass(frozen=True)
class Questioned:
    """A net, what people call it, and what its probes found."""

    caption: str
    run_id: str
    findings: tuple[Finding, ...]

    @property
    def answers(self) -> Mapping[str, str]:
        """The first sentence of every finding, by its question."""
        return {finding.title: finding.sentences[0] for finding in self.findings}

    @property
    def changes_image(self) -> str | None:
        """What every intervention did to the ghost ratio, as a data URI; None where there was none."""
        changes = [change for finding in self.findings for change in finding.changes if change.metric == GHOST]
        return svg_uri(changes_figure(changes)) if changes else None

    def to_json(self) -> list[dict[str, Any]]:
        """Return the findings as plain values, without what is only drawn."""
        return [{key: value for key, value in plain(one).items() if key not in HEAVY} for one in self.findings]


def questioned(analysis: Analysis, paths: StudyPaths) -> tuple[Questioned, ...]:
    """Return the worst and the best net of a study, as far as they were probed."""
    found: dict[str, Questioned] = {}
    for end, run in (("worst", analysis.worst), ("best", analysis.best)):
        if run is None or run.run_id in found or not paths.run(run.run_id).findings.exists():
            continue
        caption = f"the {end} net ({run_words(run.levels, run.seed, analysis.factors)})"
        found[run.run_id] = Questioned(caption, run.run_id, load(paths.run(run.run_id).findings))
    return tuple(found.values())
