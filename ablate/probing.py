"""Putting every question to a trained run, and keeping the answers with it."""

from collections.abc import Callable

from ablate.checkpoint import restore
from ablate.findings import Finding, save
from ablate.paths import RunPaths
from ablate.probes import PROBES
from ablate.probes.subject import subject
from ablate.records import whole_file
from ablate.report.findings_page import findings_page

CLIPS = 24
"""Held-out clips a run is questioned on, unless told otherwise."""

Observe = Callable[[str], None]


def probe_run(paths: RunPaths, title: str, command: str, clips: int, observe: Observe) -> tuple[Finding, ...]:
    """Ask a trained run every question that applies to it, and write the answers as JSON and as a page.

    `observe` is told the name of each probe before it is asked. Raises DataError where there is no trained model.
    """
    run, model = restore(paths)
    asked = subject(run, model, clips)
    findings = []
    for probe in PROBES:
        if probe.applies_to(asked):
            observe(probe.name)
            findings.append(probe.ask(asked))
    save(findings, paths.findings)
    with whole_file(paths.findings_page) as path:
        path.write_text(findings_page(title, findings, command), encoding="utf-8")
    return tuple(findings)
