"""What probes found, as findings.html.j2 shows it."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ablate.analysis.phrases import decimals
from ablate.report.data_uri import data_uri, svg_uri
from ablate.report.finding_figures import changes_figure, chart_figure, metric_title
from ablate.report.image_strip import image_strip
from ablate.storage.findings import Chart, Finding, MetricChange, Number


@dataclass(frozen=True)
class ChangeRow:
    """A change, what people call its measure, and the digits its numbers are written with."""

    change: MetricChange
    metric: str
    digits: int


@dataclass(frozen=True)
class ShownChart:
    """A chart, its picture as a data URI, and its numbers for readers who cannot see it: by x, one of each line."""

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


def shown_findings(findings: Sequence[Finding]) -> tuple[ShownFinding, ...]:
    """Draw what there is to draw of every finding: what the macro of findings.html.j2 takes."""
    return tuple(_shown(finding) for finding in findings)


def _shown(finding: Finding) -> ShownFinding:
    return ShownFinding(
        finding=finding,
        changes=tuple(_rows(finding.changes)),
        changes_image=svg_uri(changes_figure(finding.changes)) if finding.changes else None,
        charts=tuple(_chart(chart) for chart in finding.charts),
        images=data_uri(".png", image_strip(finding.images)) if finding.images else None,
    )


def _chart(chart: Chart) -> ShownChart:
    lines = [dict(zip(line.x, line.y, strict=True)) for line in chart.lines]
    rows = [(x, tuple(line.get(x, "") for line in lines)) for x in sorted({x for line in lines for x in line})]
    return ShownChart(chart, svg_uri(chart_figure(chart)), tuple(rows))


def _rows(changes: Sequence[MetricChange]) -> Iterator[ChangeRow]:
    """Yield the changes with digits by measure: a change may be far smaller than what it changes."""
    for change in changes:
        sizes = [abs(other.difference) for other in changes if other.metric == change.metric]
        largest = max((size for size in sizes if not math.isnan(size)), default=0.0)
        yield ChangeRow(change, metric_title(change.metric), decimals(largest) + 1)
