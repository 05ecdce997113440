"""What probes found, as findings.html.j2 shows it."""

from collections.abc import Sequence
from dataclasses import dataclass

from ablate.analysis.rounding import decimals
from ablate.findings import Change, Chart, Finding
from ablate.report.data_uri import data_uri, svg_uri
from ablate.report.finding_figures import changes_figure, chart_figure, measure_title
from ablate.report.image_strip import image_strip


@dataclass(frozen=True)
class ChangeRow:
    """A change, what people call its measure, and the digits its numbers are written with."""

    change: Change
    measure: str
    digits: int


@dataclass(frozen=True)
class ShownChart:
    """A chart, its picture as a data URI, and its points for readers who cannot see it: label, x and y."""

    chart: Chart
    image: str
    points: tuple[tuple[str, float, float], ...]


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
        changes=tuple(ChangeRow(change, measure_title(change.measure), _digits(change)) for change in finding.changes),
        changes_image=svg_uri(changes_figure(finding.changes)) if finding.changes else None,
        charts=tuple(_chart(chart) for chart in finding.charts),
        images=data_uri(".png", image_strip(finding.images)) if finding.images else None,
    )


def _chart(chart: Chart) -> ShownChart:
    points = [(line.label, x, y) for line in chart.lines for x, y in zip(line.x, line.y, strict=True)]
    return ShownChart(chart, svg_uri(chart_figure(chart)), tuple(points))


def _digits(change: Change) -> int:
    """Return digits that still show the change, which may be far smaller than the measure."""
    return max(decimals(value) for value in (change.before, change.after, change.difference))
