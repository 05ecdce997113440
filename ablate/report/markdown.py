"""The report in short, for places that show Markdown."""

from collections.abc import Iterable, Mapping, Sequence

from ablate.analysis.analysis import Analysis
from ablate.analysis.answer import answer
from ablate.analysis.phrases import decimals
from ablate.inference.inference import Effect, FactorVerdict
from ablate.report.questioned import Questioned
from ablate.report.shown_inference import ShownInference
from ablate.report.words import ABSENT, contrast_words, interval, level_words, number, p_value, titles_of

# A character that would start markup; the minus and the full stop are left, for they also stand in numbers
MARKUP = str.maketrans(
    {character: f"\\{character}" for character in "\\`*_[]|#~"} | {"<": "&lt;", ">": "&gt;", "&": "&amp;"}
)


def summary(analysis: Analysis) -> str:
    """Return the question, what was changed after its plan was frozen, the answer, and what weakens it."""
    parts = [f"# {_plain(analysis.question)}"]
    if analysis.deviations:
        parts.append("Changed after the plan was frozen:\n\n" + _list(analysis.deviations))
    parts.append(_list(answer(analysis)))
    if analysis.warnings:
        parts.append("What weakens these numbers:\n\n" + _list(analysis.warnings))
    return "\n\n".join(parts) + "\n"


def document(analysis: Analysis, nets: Sequence[Questioned], provenance: Mapping[str, str]) -> str:
    """Return the summary, tables of verdicts, interactions and cells, what probes found, and how the runs ended."""
    shown = ShownInference(analysis.inference, analysis.response.metric.title, decided=not analysis.exploratory)
    parts = [
        summary(analysis).rstrip(),
        *_effects(shown),
        *_interactions(shown),
        *_probes(nets),
        _cells(analysis),
        _runs(analysis),
    ]
    if provenance:
        parts.append("## To do it again\n\n" + "\n".join(f"    {key}: {value}" for key, value in provenance.items()))
    return "\n\n".join(parts) + "\n"


def _effects(shown: ShownInference) -> Iterable[str]:
    if shown.verdicts:
        heading = "Factor by factor" if shown.decided else "What each level changes"
        verdict = ("verdict",) if shown.decided else ()
        rows = [row for one in shown.verdicts for row in _verdict_rows(one, shown)]
        head = ("factor", *verdict, "compared", "effect", "interval", "p (Holm)", "seeds")
        yield f"## {heading}\n\n{_table(head, rows)}"


def _verdict_rows(verdict: FactorVerdict, shown: ShownInference) -> Iterable[tuple[str, ...]]:
    """Yield a row an effect; why the verdict was reached stands in the first."""
    for position, effect in enumerate(verdict.effects or (None,)):
        why = f". {verdict.reason}" if position == 0 else ""
        words = (f"{shown.word(verdict)}{why}",) if shown.decided else ()
        estimated = _estimated(effect, shown.digits) if effect else ("no two runs to compare", *[ABSENT] * 4)
        yield (verdict.title, *words, *estimated)


def _estimated(effect: Effect, digits: int) -> tuple[str, ...]:
    value = number(effect.estimate, digits, signed=True)
    return contrast_words(effect), value, interval(effect, digits), p_value(effect.p_adjusted), str(effect.n_blocks)


def _interactions(shown: ShownInference) -> Iterable[str]:
    if shown.interactions:
        rows = [
            (" with ".join(one.titles), number(one.partial_eta_sq, 2), p_value(one.p_adjusted))
            for one in shown.interactions
        ]
        yield f"## What depends on what\n\n{_table(('factors', 'partial eta squared', 'p (Holm)'), rows)}"


def _probes(nets: Sequence[Questioned]) -> Iterable[str]:
    for net in nets:
        yield f"## Questions to {_plain(net.caption)}\n\n{_table(('question', 'answer'), net.answers.items())}"


def _cells(analysis: Analysis) -> str:
    digits = decimals(max((abs(cell.mean) for cell in analysis.cells if cell.defined), default=0.0))
    titles = titles_of(analysis.factors)
    rows = [
        (level_words(cell.levels, titles), number(cell.mean, digits), f"{cell.defined} of {cell.planned}")
        for cell in analysis.cells
    ]
    return f"## Every cell\n\n{_table(('cell', analysis.response.metric.title, 'runs'), rows)}"


def _runs(analysis: Analysis) -> str:
    counts, titles = analysis.outcomes, titles_of(analysis.factors)
    lines = [
        f"{run.outcome}: {level_words(run.levels, titles)}, seed {run.seed} ({run.run_id}) {run.message}"
        for run in analysis.without_response
    ]
    head = (
        f"Runs planned: {counts.planned}. Finished: {counts.finished}. Diverged: {counts.diverged}. "
        f"Failed: {counts.failed}. Not run yet: {counts.missing}."
    )
    head = f"{head} {counts.failed_attempts_sentence}".strip()
    return f"## What ran, and what did not\n\n{head}" + (f"\n\n{_list(lines)}" if lines else "")


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(cell if cell == '---' else _plain(cell) for cell in line)} |" for line in lines)


def _list(sentences: Iterable[str]) -> str:
    return "\n".join(f"- {_plain(sentence)}" for sentence in sentences)


def _plain(text: str) -> str:
    """Return text that Markdown shows as it is, on one line."""
    return " ".join(text.translate(MARKUP).split())
