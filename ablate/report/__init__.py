"""What a study found, for its readers: layout only, every number comes from the analysis."""

import json
from collections.abc import Mapping

from ablate.analysis.analysis import Analysis
from ablate.report.html import page
from ablate.report.markdown import document, summary
from ablate.report.questioned import questioned
from ablate.storage.atomic import whole_file
from ablate.storage.paths import StudyPaths


def write(analysis: Analysis, paths: StudyPaths, command: str, provenance: Mapping[str, str] | None = None) -> None:
    """Write the report as HTML, Markdown and JSON; equal input gives equal bytes.

    `command` runs the study again; `provenance` is what else a reader needs for that, by name. The pictures
    and what probes found are those that the best and the worst run left in their folders.
    """
    origin = {"command": command, **(provenance or {})}
    nets = questioned(analysis, paths)
    told = {"probes": {net.run_id: net.to_json() for net in nets}, "provenance": origin}
    found = json.dumps(analysis.to_json() | told, indent=1, ensure_ascii=False, allow_nan=False)
    texts = {
        paths.report_html: page(analysis, paths, origin),
        paths.report_markdown: document(analysis, nets, origin),
        paths.report_json: found + "\n",
    }
    for path, text in texts.items():
        with whole_file(path) as temporary:
            temporary.write_text(text, encoding="utf-8")


__all__ = ["summary", "write"]
