"""The report of a study for its readers: layout only, all numbers come from the analysis."""

import json
from collections.abc import Mapping

from ablate.analysis.analysis import Analysis
from ablate.report.findings_page import probed_networks
from ablate.report.markdown import document, summary
from ablate.report.study_page import html_report
from ablate.storage.atomic import whole_file
from ablate.storage.paths import StudyPaths


def write(analysis: Analysis, paths: StudyPaths, command: str, provenance: Mapping[str, str] | None = None) -> None:
    """Write the report as HTML, Markdown and JSON; equal input gives equal bytes.

    `command` runs the study again; `provenance` holds the versions that are needed for that, by name. The pictures and
    the findings of probes come from the folders of the best and the worst run.
    """
    reproduce = {"command": command, **(provenance or {})}
    networks = probed_networks(analysis, paths)
    additions = {"probes": {network.run_id: network.to_json() for network in networks}, "reproduce": reproduce}
    json_text = json.dumps(analysis.to_json() | additions, indent=1, ensure_ascii=False, allow_nan=False)
    texts = {
        paths.report_html: html_report(analysis, paths, reproduce),
        paths.report_markdown: document(analysis, networks, reproduce),
        paths.report_json: json_text + "\n",
    }
    for path, text in texts.items():
        with whole_file(path) as temporary:
            temporary.write_text(text, encoding="utf-8")


__all__ = ["summary", "write"]
