"""The answer to a study's question, in a few plain sentences that claim no more than was measured."""

from ablate.analysis.analysis import Analysis
from ablate.analysis.estimate_sentences import EXPLORATORY, estimate_sentences
from ablate.analysis.phrases import counted
from ablate.analysis.rounding import decimals
from ablate.analysis.verdict_sentences import verdict_sentences


def answer(analysis: Analysis) -> tuple[str, ...]:
    """Return the answer, the most important sentence first: a verdict a factor; of an exploratory study estimates."""
    return (*([EXPLORATORY] if analysis.exploratory else []), *conclusions(analysis))


def conclusions(analysis: Analysis) -> tuple[str, ...]:
    """Return the answer without saying of an exploratory study that it is one."""
    if not any(verdict.effects for verdict in analysis.inference.verdicts):
        return (_no_comparison(analysis),)
    sentences = estimate_sentences if analysis.exploratory else verdict_sentences
    return sentences(analysis.inference, analysis.response.metric.title)


def _no_comparison(analysis: Analysis) -> str:
    response, defined = analysis.response.metric.title, [cell for cell in analysis.cells if cell.defined]
    if not defined:
        return f"No run has a defined {response}, so nothing can be compared."
    if len(analysis.cells) == 1:
        cell = defined[0]
        digits = decimals(cell.mean)
        return f"The study varies nothing; its {response} is {cell.mean:.{digits}f} ({counted(cell.defined, 'run')})."
    return f"No two runs that differ in one level alone both have a {response} yet, so nothing can be compared."
