"""What probes found of one net, as a page."""

from collections.abc import Sequence

from ablate.report.page import rendered
from ablate.report.shown_findings import shown_findings
from ablate.storage.findings import Finding


def findings_page(title: str, findings: Sequence[Finding], command: str) -> str:
    """Return the page; equal input gives equal text. `command` asks the same again."""
    return rendered("findings_page.html.j2", title=title, shown=shown_findings(findings), command=command)
