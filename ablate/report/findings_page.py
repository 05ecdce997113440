"""Findings of probes: the page of one network, and the networks of a study that were probed."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from ablate.analysis.analysis import Analysis
from ablate.analysis.phrases import decimals
from ablate.core.plain import plain
from ablate.report.finding_figures import changes_figure, chart_figure, image_strip, metric_title
from ablate.report.page import data_uri, rendered, svg_uri
from ablate.report.words import run_words
from ablate.storage.findings import Chart, Finding, MetricChange, Number, load
from ablate.storage.paths import StudyPaths

GHOST = "ghost_ratio"
DRAWN_ONLY = ("images", "charts")
"""Parts of a finding that are on the network's own page only: too large for a study's JSON."""


@dataclass(frozen=True)
class ChangeRow:
    """A change, the title of its metric, and the number of decimals of its numbers."""

    change: MetricChange
    metric: str
    digits: int


@dataclass(frozen=True)
class ShownChart:
    """A chart, its picture as a data URI, and its numbers as rows of x and the value of each line."""

    chart: Chart
    image: str
    rows: tuple[tuple[float, tuple[Number, ...]], ...]


@dataclass(frozen=True)
class ShownFinding:
    """A finding with its pictures as data URIs; None where there is nothing to draw."""

    finding: Finding
    changes: tuple[ChangeRow, ...]
    changes_image: str | None
    charts: tuple[ShownChart, ...]
    images: str | None


@dataclass(frozen=True)
class ProbedNetwork:
    """A trained network of a study, its caption, and the findings of its probes."""

    caption: str
    run_id: str
    findings: tuple[Finding, ...]

    @property
    def results(self) -> Mapping[str, str]:
        """The first sentence of every finding, by the title of its probe."""
        return {finding.title: finding.sentences[0] for finding in self.findings}

    @property
    def changes_image(self) -> str | None:
        """A chart of the ghost ratio's change by each intervention, as a data URI; None without interventions."""
        changes = [change for finding in self.findings for change in finding.changes if change.metric == GHOST]
        return svg_uri(changes_figure(changes)) if changes else None

    def to_json(self) -> list[dict[str, Any]]:
        """Return the findings as plain values, without the parts that are only drawn."""
        return [
            {key: value for key, value in plain(asdict(finding)).items() if key not in DRAWN_ONLY}
            for finding in self.findings
        ]


def findings_page(title: str, findings: Sequence[Finding], command: str) -> str:
    """Return the page of one network; equal input gives equal text. `command` runs the same probes again."""
    return rendered("findings_page.html.j2", title=title, shown=shown_findings(findings), command=command)


def shown_findings(findings: Sequence[Finding]) -> tuple[ShownFinding, ...]:
    """Return the findings with their charts and pictures, as the macro of findings.html.j2 needs them."""
    return tuple(_shown_finding(finding) for finding in findings)


def probed_networks(analysis: Analysis, paths: StudyPaths) -> tuple[ProbedNetwork, ...]:
    """Return the worst and the best network of a study, those of the two that were probed."""
    networks: dict[str, ProbedNetwork] = {}
    for rank, run in (("worst", analysis.worst), ("best", analysis.best)):
        if run is None or run.run_id in networks or not paths.run(run.run_id).findings.exists():
            continue
        caption = f"the {rank} network ({run_words(run.levels, run.seed, analysis.factors)})"
        networks[run.run_id] = ProbedNetwork(caption, run.run_id, load(paths.run(run.run_id).findings))
    return tuple(networks.values())


def _shown_finding(finding: Finding) -> ShownFinding:
    return ShownFinding(
        finding=finding,
        changes=tuple(_change_rows(finding.changes)),
        changes_image=svg_uri(changes_figure(finding.changes)) if finding.changes else None,
        charts=tuple(_shown_chart(chart) for chart in finding.charts),
        images=data_uri(".png", image_strip(finding.images)) if finding.images else None,
    )


def _shown_chart(chart: Chart) -> ShownChart:
    lines = [dict(zip(line.x, line.y, strict=True)) for line in chart.lines]
    rows = [(x, tuple(line.get(x, "") for line in lines)) for x in sorted({x for line in lines for x in line})]
    return ShownChart(chart, svg_uri(chart_figure(chart)), tuple(rows))


def _change_rows(changes: Sequence[MetricChange]) -> Iterator[ChangeRow]:
    """Yield the changes with decimals by metric: a change may be much smaller than the metric itself."""
    for change in changes:
        sizes = [abs(row.difference) for row in changes if row.metric == change.metric]
        largest = max((size for size in sizes if not math.isnan(size)), default=0.0)
        yield ChangeRow(change, metric_title(change.metric), decimals(largest) + 1)
