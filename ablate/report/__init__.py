"""The report of a study for its readers: layout only, all numbers come from the analysis."""

import json
from collections.abc import Mapping

from ablate.analysis.analysis import Analysis
from ablate.report.findings_page import probed_networks
from ablate.report.first_screen import first_screen
from ablate.report.markdown import document, summary
from ablate.report.next_steps import StudyCall
from ablate.report.study_page import html_report
from ablate.storage.atomic import whole_file
from ablate.storage.paths import StudyPaths


def write(
    analysis: Analysis,
    paths: StudyPaths,
    command: str,
    provenance: Mapping[str, str] | None = None,
    call: StudyCall | None = None,
) -> str:
    """Write the report as HTML, Markdown and JSON, and return its summary; equal input gives equal bytes.

    `command` runs the study again; `provenance` holds the versions that are needed for that, by name. `call` says how
    the study was called: without it the report lacks what was trained and what to do next. The pictures and the
    findings of probes come from the folders of the runs.
    """
    reproduce = {"command": command, **(provenance or {})}
    networks, screen = probed_networks(analysis, paths), first_screen(analysis, paths, call)
    additions = {
        "first_screen": screen.to_json(),
        "probes": {network.run_id: network.to_json() for network in networks},
        "reproduce": reproduce,
    }
    json_text = json.dumps(analysis.to_json() | additions, indent=1, ensure_ascii=False, allow_nan=False)
    texts = {
        paths.report_html: html_report(analysis, screen, paths, reproduce),
        paths.report_markdown: document(analysis, screen, networks, reproduce),
        paths.report_json: json_text + "\n",
    }
    for path, text in texts.items():
        with whole_file(path) as temporary:
            temporary.write_text(text, encoding="utf-8")
    return summary(analysis, screen)


__all__ = ["StudyCall", "summary", "write"]
