"""Verdicts on the console."""

from collections.abc import Mapping, Sequence

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from ablate.analysis.verdict_sentences import differences, verdict_sentences
from ablate.commands.console import say
from ablate.inference.inference import FactorVerdict, Inference
from ablate.inference.verdict import Verdict

LISTED = 12  # failed runs or missing cells: more than that fill the screen, and the JSON has them all


def show_inference(inference: Inference, response: str, console: Console) -> None:
    """Show each verdict in a row, its evidence in a sentence, failed and missing runs, and all warnings."""
    console.print(_verdicts(inference, response))
    for sentence in verdict_sentences(inference, response):
        say(sentence, console)
    _list("failed", [f"{_levels(run.levels)}, block {run.block}: {run.outcome}" for run in inference.failed], console)
    cells = [f"{_levels(cell.levels)}: {_blocks(cell.blocks)}" for cell in inference.missing_cells]
    _list("missing", cells, console)
    for warning in inference.warnings:
        say(f"warning: {warning}", console)


def _verdicts(inference: Inference, response: str) -> Table:
    table = Table(box=None, pad_edge=False)
    table.add_column("factor", overflow="fold")
    table.add_column("verdict", overflow="fold")
    table.add_column("p (Holm)", justify="right")
    table.add_column(escape(f"largest effect on {response}"), overflow="fold")
    table.add_column(f"{1 - inference.settings.alpha:.0%} confidence interval", justify="right")
    for verdict in inference.verdicts:
        cells = (verdict.title, _words(verdict), _p(verdict, inference), *_largest_effect(verdict, inference))
        table.add_row(*map(escape, cells))
    return table


def _words(verdict: FactorVerdict) -> str:
    partners = verdict.partners if verdict.verdict is Verdict.ACTS_ONLY_WITH else ()
    return f"{verdict.verdict} {', '.join(partners)}".strip()


def _p(verdict: FactorVerdict, inference: Inference) -> str:
    """Return the adjusted p of the hypothesis that the verdict rests on: of the interaction, for acts only with."""
    ps = [verdict.p_adjusted]
    if verdict.verdict is Verdict.ACTS_ONLY_WITH:
        ps = [pair.p_adjusted for pair in inference.pairs_of(verdict) if pair.p_adjusted is not None]
    return ", ".join("none" if p is None else f"{p:.2g}" for p in ps)


def _largest_effect(verdict: FactorVerdict, inference: Inference) -> tuple[str, str]:
    """Return the difference between two levels that is furthest from 0, and its confidence interval.

    The effect of a factor that acts only with another is at one level of the partner: averaged, it may be 0.
    """
    simple = [effect for pair in inference.interactions for effect in pair.simple_effects]
    simple = [effect for effect in simple if effect.factor == verdict.factor]
    if verdict.verdict is Verdict.ACTS_ONLY_WITH and simple:
        largest = max(simple, key=lambda effect: abs(effect.estimate))
        place = f"{largest.contrast} with {largest.partner} {largest.at}"
        return f"{place}: {largest.estimate:+.3g}", _interval(largest.low, largest.high)
    if not (effects := differences(verdict)):
        return "none", "none"
    return f"{effects[0].contrast}: {effects[0].estimate:+.3g}", _interval(effects[0].low, effects[0].high)


def _interval(low: float | None, high: float | None) -> str:
    return "none" if low is None or high is None else f"[{low:.3g}, {high:.3g}]"


def _list(heading: str, lines: Sequence[str], console: Console) -> None:
    for line in lines[:LISTED]:
        say(f"{heading}: {line}", console)
    if len(lines) > LISTED:
        say(f"{heading}: {len(lines) - LISTED} more", console)


def _levels(levels: Mapping[str, str]) -> str:
    return ", ".join(f"{name} {level}" for name, level in levels.items())


def _blocks(blocks: Sequence[str]) -> str:
    return f"block{'s' * (len(blocks) > 1)} {', '.join(blocks)}"
