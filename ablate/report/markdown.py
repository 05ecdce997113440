"""The report in short, as Markdown."""

import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from ablate.analysis.analysis import Analysis
from ablate.analysis.answer import answer
from ablate.analysis.phrases import decimals, percent
from ablate.analysis.verdict_sentences import qualifiers
from ablate.inference.inference import Effect, FactorVerdict
from ablate.report.findings_page import ProbedNetwork
from ablate.report.first_screen import FirstScreen
from ablate.report.shown_inference import ShownInference
from ablate.report.unmeasurable_runs import frames_behind
from ablate.report.words import ABSENT, cell_words, contrast_words, interval, number, p_value, titles_of

# Characters that start markup. The minus sign and the full stop are not escaped: they also occur in numbers.
MARKUP = str.maketrans(
    {character: f"\\{character}" for character in "\\`*_[]|#~"} | {"<": "&lt;", ">": "&gt;", "&": "&amp;"}
)


def summary(analysis: Analysis, screen: FirstScreen | None = None) -> str:
    """Return the question, changes since the plan was preregistered, the first screen, the answer, and its caveats."""
    sections = [f"# {_plain(analysis.question)}"]
    if analysis.deviations:
        sections.append("Changes since the plan was preregistered:\n\n" + _list(analysis.deviations))
    if analysis.exclusions:
        sections.append("Runs excluded before the first result:\n\n" + _list(analysis.exclusions))
    if screen is not None:
        sections += _first(screen, exploratory=analysis.exploratory)
    sections.append(_list(answer(analysis)))
    if analysis.warnings:
        sections.append("Caveats:\n\n" + _list(analysis.warnings))
    return "\n\n".join(sections) + "\n"


def study_note(analysis: Analysis, report: Path) -> str:
    """Return the note of a study in Optuna: question, changes of the plan, answer, counts, and where the report is."""
    sections = [f"## {_plain(analysis.question)}", _list(answer(analysis))]
    if analysis.deviations:
        sections.append("Changes since the plan was preregistered:\n\n" + _list(analysis.deviations))
    caveats = len(analysis.warnings)
    more = f" It has {caveats} caveat{'s' if caveats > 1 else ''} on this answer." if caveats else ""
    sections.append(f"{_counts(analysis)} The report is `{report}`, and among the artifacts of this study.{more}")
    sections.append("The best trial is a single run with one seed. The answer compares means over seeds.")
    return "\n\n".join(sections)


def _first(screen: FirstScreen, *, exploratory: bool) -> Iterable[str]:
    if screen.sentences:
        heading = "Exploratory: estimates, no verdicts" if exploratory else "Largest effect of each factor"
        yield f"{heading}:\n\n{_list(screen.lines)}"
    if screen.trained:
        yield _plain(screen.trained.sentence)
    if screen.steps:
        steps = [f"- {_plain(step.purpose)} ({_plain(step.cost)}):\n\n      {step.command}" for step in screen.steps]
        yield "What to do next:\n\n" + "\n".join(steps)
    yield "In full:"


def document(
    analysis: Analysis, screen: FirstScreen, networks: Sequence[ProbedNetwork], reproduce: Mapping[str, str]
) -> str:
    """Return the summary, tables of effects, looks, interactions, probes and cells, and the outcomes of the runs."""
    inference = ShownInference(analysis.inference, analysis.response.metric.title, decided=not analysis.exploratory)
    sections = [
        summary(analysis, screen).rstrip(),
        *_effects(inference),
        *_looks(analysis),
        *_interactions(inference),
        *_judged(analysis),
        *_probes(networks),
        _cells(analysis),
        *_measurability(analysis),
        _outcomes(analysis),
        *_trained(screen),
    ]
    if reproduce:
        sections.append("## Reproduce\n\n" + "\n".join(f"    {key}: {value}" for key, value in reproduce.items()))
    return "\n\n".join(sections) + "\n"


def _judged(analysis: Analysis) -> Iterable[str]:
    for judged in analysis.judged:
        title = judged.metric.title
        inference = ShownInference(judged.inference, title, decided=not analysis.exploratory)
        yield from _effects(inference, f" on the {title}")


def _effects(inference: ShownInference, response: str = "") -> Iterable[str]:
    if inference.verdicts:
        heading = f"{'Verdict and effects' if inference.decided else 'Effects'} of each factor{response}"
        verdict = ("verdict",) if inference.decided else ()
        rows = [row for factor in inference.verdicts for row in _effect_rows(factor, inference)]
        units = "seeds" if inference.has_seeds else "runs"
        confidence = f"{100 * (1 - inference.inference.settings.alpha):g} % confidence interval"
        head = ("factor", *verdict, "contrast", "effect", confidence, f"p ({inference.inference.adjustment})", units)
        yield f"## {heading}\n\n{_table(head, rows)}"


def _effect_rows(verdict: FactorVerdict, inference: ShownInference) -> Iterable[tuple[str, ...]]:
    """Yield one row per effect; the first has the reason of the verdict."""
    for position, effect in enumerate(verdict.effects or (None,)):
        reason = f". {' '.join([verdict.reason, *qualifiers(verdict)])}" if position == 0 else ""
        words = (f"{inference.word(verdict)}{reason}",) if inference.decided else ()
        numbers = _effect_cells(effect, inference) if effect else ("no estimate", *[ABSENT] * 4)
        yield (verdict.title, *words, *numbers)


def _effect_cells(effect: Effect, inference: ShownInference) -> tuple[str, ...]:
    digits, units = inference.digits, effect.n_blocks if inference.has_seeds else effect.n_runs
    value = number(effect.estimate, digits, signed=True)
    return contrast_words(effect), value, interval(effect, digits), p_value(effect.p_adjusted), str(units)


def _looks(analysis: Analysis) -> Iterable[str]:
    if analysis.looks:
        yield f"## Looks at the results\n\n{_list(analysis.looks.sentences)}"


def _interactions(inference: ShownInference) -> Iterable[str]:
    if inference.interactions:
        rows = [
            (" x ".join(pair.titles), number(pair.partial_eta_sq, 2), p_value(pair.p_adjusted))
            for pair in inference.interactions
        ]
        head = ("factors", "partial eta squared", f"p ({inference.inference.adjustment})")
        yield f"## Interactions between factors\n\n{_table(head, rows)}"


def _probes(networks: Sequence[ProbedNetwork]) -> Iterable[str]:
    for network in networks:
        yield f"## Probes of {_plain(network.caption)}\n\n{_table(('probe', 'result'), network.results.items())}"


def _cells(analysis: Analysis) -> str:
    digits = decimals(max((abs(cell.mean) for cell in analysis.cells if cell.defined), default=0.0))
    titles = titles_of(analysis.factors)
    rows = [
        (cell_words(cell.levels, titles), number(cell.mean, digits), f"{cell.defined} of {cell.planned}")
        for cell in analysis.cells
    ]
    head = ("cell", analysis.response.metric.title, "runs")
    name = analysis.response.metric.name
    frames = frames_behind(cell.defined_share.get(name, math.nan) for cell in analysis.cells)
    note = f"\n\nSome frames define no value: each number is a {frames}." if frames else ""
    return f"## Response of every cell\n\n{_table(head, rows)}{note}"


def _measurability(analysis: Analysis) -> Iterable[str]:
    result, title = analysis.measurability, analysis.response.metric.title
    if result is None:
        return
    floor = percent(analysis.response.measurable_from)
    counts = (
        f"{result.unmeasurable + result.diverged} of {result.runs} runs have no {_plain(title)}: "
        f"{result.unmeasurable} unmeasurable (it is defined in less than {floor} of their frames), "
        f"{result.diverged} diverged. They take part in no mean and no effect."
    )
    rows = [
        (factor.title, level.level, f"{level.lost} of {level.runs}", p_value(factor.p), p_value(factor.p_adjusted))
        for factor in result.factors
        for level in factor.levels
    ]
    head = ("factor", "level", "not measured", "p (not adjusted)", "p (Holm)")
    table = [_list(result.sentences), _table(head, rows)] if rows else []
    yield "\n\n".join(["## Which factors make a run unmeasurable", counts, *table])


def _outcomes(analysis: Analysis) -> str:
    counts, titles = analysis.outcomes, titles_of(analysis.factors)
    lines = [
        f"{run.outcome}: {cell_words(run.levels, titles)}, seed {run.seed} ({run.run_id}) {run.message}"
        for run in analysis.without_response
    ]
    sentences = f"{_counts(analysis)} {counts.failed_attempts_sentence}".strip()
    return f"## Outcomes of all runs\n\n{sentences}" + (f"\n\n{_list(lines)}" if lines else "")


def _counts(analysis: Analysis) -> str:
    counts = analysis.outcomes
    return (
        f"Planned: {counts.planned} runs. Finished: {counts.finished}. "
        f"Unmeasurable: {counts.unmeasurable}. Diverged: {counts.diverged}. Failed: {counts.failed}. "
        f"Excluded: {counts.excluded}. Not run yet: {counts.missing}."
        f"{f' Not needed: {counts.not_needed}.' if counts.not_needed else ''}"
    )


def _trained(screen: FirstScreen) -> Iterable[str]:
    if screen.trained:
        versions = [(name, ", ".join(values)) for name, values in screen.trained.versions.items()]
        rows = [(setting.path, setting.value, ", ".join(setting.levels)) for setting in screen.trained.settings]
        yield (
            f"## What was trained\n\n{_table(('part', 'version'), versions)}\n\n"
            f"{_table(('setting', 'value', 'levels of the factor'), rows)}"
        )


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(cell if cell == '---' else _plain(cell) for cell in line)} |" for line in lines)


def _list(sentences: Iterable[str]) -> str:
    return "\n".join(f"- {_plain(sentence)}" for sentence in sentences)


def _plain(text: str) -> str:
    """Return the text on one line, with its markup characters escaped."""
    return " ".join(text.translate(MARKUP).split())
