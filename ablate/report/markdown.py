"""The report in short, for places that show Markdown."""

from collections.abc import Iterable, Mapping, Sequence

from ablate.analysis.analysis import Analysis
from ablate.analysis.answer import answer, effect_digits
from ablate.analysis.rounding import decimals
from ablate.report.questioned import Questioned
from ablate.report.words import interval, level_words, number, titles_of

# A character that would start markup; the minus and the full stop are left, for they also stand in numbers
MARKUP = str.maketrans(
    {character: f"\\{character}" for character in "\\`*_[]|#~"} | {"<": "&lt;", ">": "&gt;", "&": "&amp;"}
)


def summary(analysis: Analysis) -> str:
    """Return the question, the answer and what weakens it."""
    parts = [f"# {_plain(analysis.question)}"]
    if analysis.exploratory:
        parts.append("**Exploratory:** too small to decide anything.")
    parts.append(_list(answer(analysis)))
    if analysis.warnings:
        parts.append("What weakens these numbers:\n\n" + _list(analysis.warnings))
    return "\n\n".join(parts) + "\n"


def document(analysis: Analysis, nets: Sequence[Questioned], provenance: Mapping[str, str]) -> str:
    """Return the summary, tables of effects, interactions and cells, what probes found, and what became of the runs."""
    parts = [
        summary(analysis).rstrip(),
        *_effects(analysis),
        *_interactions(analysis),
        *_probes(nets),
        _cells(analysis),
        _runs(analysis),
    ]
    if provenance:
        parts.append("## To do it again\n\n" + "\n".join(f"    {key}: {value}" for key, value in provenance.items()))
    return "\n\n".join(parts) + "\n"


def _effects(analysis: Analysis) -> Iterable[str]:
    if analysis.effects:
        digits = effect_digits(analysis)
        rows = [
            (
                f"{e.title}: {e.level} instead of {e.baseline}",
                *_estimated(e.estimate.value, interval(e.estimate, digits), digits),
            )
            for e in analysis.effects
        ]
        yield f"## What each level changes\n\n{_table(('level', 'difference', 'interval'), rows)}"


def _interactions(analysis: Analysis) -> Iterable[str]:
    if analysis.interactions:
        digits = effect_digits(analysis)
        rows = [
            (
                " with ".join(f"{title} {level}" for title, level in zip(i.titles, i.levels, strict=True)),
                *_estimated(i.estimate.value, interval(i.estimate, digits), digits),
            )
            for i in analysis.interactions
        ]
        yield f"## What depends on what\n\n{_table(('levels', 'interaction', 'interval'), rows)}"


def _probes(nets: Sequence[Questioned]) -> Iterable[str]:
    for net in nets:
        yield f"## Questions to {_plain(net.caption)}\n\n{_table(('question', 'answer'), net.answers.items())}"


def _estimated(value: float, bounds: str, digits: int) -> tuple[str, str]:
    return number(value, digits, signed=True), bounds


def _cells(analysis: Analysis) -> str:
    digits = decimals(max((abs(cell.mean) for cell in analysis.cells if cell.defined), default=0.0))
    titles = titles_of(analysis.factors)
    rows = [
        (level_words(cell.levels, titles), number(cell.mean, digits), f"{cell.defined} of {cell.planned}")
        for cell in analysis.cells
    ]
    return f"## Every cell\n\n{_table(('cell', analysis.response.measure.title, 'runs'), rows)}"


def _runs(analysis: Analysis) -> str:
    counts, titles = analysis.outcomes, titles_of(analysis.factors)
    lines = [
        f"{run.outcome}: {level_words(run.levels, titles)}, seed {run.seed} ({run.point}) {run.message}"
        for run in analysis.without_response
    ]
    head = (
        f"Runs planned: {counts.planned}. Finished: {counts.finished}. Diverged: {counts.diverged}. "
        f"Failed: {counts.failed}. Not run yet: {counts.missing}."
    )
    return f"## What ran, and what did not\n\n{head}" + (f"\n\n{_list(lines)}" if lines else "")


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(cell if cell == '---' else _plain(cell) for cell in line)} |" for line in lines)


def _list(sentences: Iterable[str]) -> str:
    return "\n".join(f"- {_plain(sentence)}" for sentence in sentences)


def _plain(text: str) -> str:
    """Return text that Markdown shows as it is, on one line."""
    return " ".join(text.translate(MARKUP).split())
