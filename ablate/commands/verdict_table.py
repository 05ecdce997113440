"""Verdicts on the console."""

from collections.abc import Mapping, Sequence

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from ablate.analysis.verdict_sentences import verdict_sentences
from ablate.commands.console import say
from ablate.inference.inference import FactorVerdict, Inference, Interaction
from ablate.inference.verdict import Verdict

LISTED = 12  # of what is missing or failed


def tell(found: Inference, response: str, console: Console) -> None:
    """Show every verdict in a row, what it rests on in a sentence, what gave no response, and what weakens all that."""
    console.print(_verdicts(found, response))
    for sentence in verdict_sentences(found, response):
        say(sentence, console)
    _list("failed", [f"{_levels(run.levels)}, block {run.block}: {run.outcome}" for run in found.failed], console)
    _list("missing", [f"{_levels(own.levels)}: {_blocks(own.blocks)}" for own in found.missing_cells], console)
    for warning in found.warnings:
        say(f"warning: {warning}", console)


def _verdicts(found: Inference, response: str) -> Table:
    table = Table(box=None, pad_edge=False)
    for heading in ("factor", "verdict", f"largest effect on {response}"):
        table.add_column(escape(heading), overflow="fold")
    for heading in (f"{1 - found.settings.alpha:.0%} interval", "adjusted p"):
        table.add_column(heading, justify="right")
    for own in found.verdicts:
        p = "none" if own.p_adjusted is None else f"{own.p_adjusted:.2g}"
        table.add_row(*map(escape, (own.title, _named(own), *_largest(own, found.interactions), p)))
    return table


def _named(verdict: FactorVerdict) -> str:
    partners = verdict.partners if verdict.verdict is Verdict.ACTS_ONLY_WITH else ()
    return f"{verdict.verdict} {', '.join(partners)}".strip()


def _largest(verdict: FactorVerdict, pairs: Sequence[Interaction]) -> tuple[str, str]:
    """Return the difference of two levels that is furthest from 0, and its interval.

    That of a factor which acts with another is taken at a level of the other: on average it may have none.
    """
    simple = [own for pair in pairs for own in pair.simple_effects if own.factor == verdict.factor]
    if verdict.verdict is Verdict.ACTS_ONLY_WITH and simple:
        at = max(simple, key=lambda own: abs(own.estimate))
        return f"{at.contrast} with {at.beside} {at.at}: {at.estimate:+.3g}", _interval(at.low, at.high)
    if not (differences := [own for own in verdict.effects if own.trend is None]):
        return "none", "none"
    largest = max(differences, key=lambda own: abs(own.estimate))
    return f"{largest.contrast}: {largest.estimate:+.3g}", _interval(largest.low, largest.high)


def _interval(low: float | None, high: float | None) -> str:
    return "none" if low is None or high is None else f"[{low:.3g}, {high:.3g}]"


def _list(what: str, lines: Sequence[str], console: Console) -> None:
    for line in lines[:LISTED]:
        say(f"{what}: {line}", console)
    if len(lines) > LISTED:
        say(f"{what}: {len(lines) - LISTED} more", console)


def _levels(levels: Mapping[str, str]) -> str:
    return ", ".join(f"{name} {level}" for name, level in levels.items())


def _blocks(blocks: Sequence[str]) -> str:
    return f"block{'s' * (len(blocks) > 1)} {', '.join(blocks)}"
