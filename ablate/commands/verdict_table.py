"""Verdicts on the console."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from ablate.analysis.verdict_sentences import differences, verdict_sentences
from ablate.commands.console import say
from ablate.inference.inference import Effect, FactorVerdict, Inference, Interaction
from ablate.inference.kind_of_test import KindOfTest
from ablate.inference.verdict import Verdict

LISTED = 12  # failed runs, missing cells or pairs: more than that fill the screen, and the JSON has them all


def show_inference(inference: Inference, response: str, console: Console) -> None:
    """Show each verdict and each tested pair in a row, the evidence in sentences, failed runs, and all warnings."""
    console.print(_verdicts(inference, response))
    pairs = _pairs(inference)
    if len(pairs) > LISTED:
        say(f"{len(pairs) - LISTED} more interactions have a larger p; the JSON has them all.", console)
    for sentence in (*verdict_sentences(inference, response), *_undecidable_pairs(inference)):
        say(sentence, console)
    _list("failed", [f"{_levels(run.levels)}, block {run.block}: {run.outcome}" for run in inference.failed], console)
    cells = [f"{_levels(cell.levels)}: {_blocks(cell.blocks)}" for cell in inference.missing_cells]
    _list("missing", cells, console)
    for warning in inference.warnings:
        say(f"warning: {warning}", console)


def show_description(inference: Inference, response: str, console: Console) -> None:
    """Show the largest effect of each factor on a secondary response: described, not judged."""
    table = Table(box=None, pad_edge=False, title=escape(f"{response}: secondary, described, not judged"))
    table.title_justify = "left"
    table.add_column("factor", overflow="fold")
    table.add_column(escape(f"largest effect on {response}"), overflow="fold")
    table.add_column(_interval_heading(inference), justify="right")
    table.add_column("runs", justify="right")
    for verdict in inference.verdicts:
        effects = _by_size(verdict)
        runs = f"{effects[0].n_runs:,}" if effects else "none"
        table.add_row(*map(escape, (verdict.title, *_effect(effects), runs)))
    console.print(table)


def described_effects(inference: Inference) -> list[Mapping[str, Any]]:
    """Return the effects on a secondary response as plain values, without any p-value."""
    return [
        {
            "factor": effect.factor,
            "contrast": effect.contrast,
            "estimate": effect.estimate,
            "low": effect.low,
            "high": effect.high,
            "n_blocks": effect.n_blocks,
            "n_runs": effect.n_runs,
        }
        for verdict in inference.verdicts
        for effect in verdict.effects
    ]


def _verdicts(inference: Inference, response: str) -> Table:
    table = Table(box=None, pad_edge=False)
    table.add_column("factor", overflow="fold")
    table.add_column("verdict", overflow="fold")
    table.add_column(f"p ({inference.adjustment})", justify="right")
    table.add_column(escape(f"largest effect on {response}"), overflow="fold")
    table.add_column(_interval_heading(inference), justify="right")
    for verdict in inference.verdicts:
        cells = (verdict.title, _words(verdict), _p(verdict, inference), *_largest_effect(verdict, inference))
        table.add_row(*map(escape, cells))
    for pair in _pairs(inference)[:LISTED]:
        table.add_row(*map(escape, (" x ".join(pair.titles), _pair_words(pair, inference), _number(pair.p_adjusted))))
    return table


def _interval_heading(inference: Inference) -> str:
    return f"{100 * (1 - inference.settings.alpha):g} % confidence interval"


def _pairs(inference: Inference) -> list[Interaction]:
    """Return the tested pairs, the smallest p first."""
    return sorted(inference.interactions, key=lambda pair: 1.0 if pair.p_adjusted is None else pair.p_adjusted)


def _pair_words(pair: Interaction, inference: Inference) -> str:
    if inference.kind is KindOfTest.F_TEST:
        return "undecided: fewer than six seeds"
    if pair.p_adjusted is not None and pair.p_adjusted <= inference.settings.alpha:
        return "interaction"
    return "undecided"


def _undecidable_pairs(inference: Inference) -> Iterator[str]:
    """Yield a sentence on the pairs that these runs can never decide, whatever their interaction is."""
    untested = {
        frozenset((verdict.factor, partner)) for verdict in inference.verdicts for partner in verdict.untested_pairs
    }
    beyond_alpha = {
        frozenset(pair.factors)
        for pair in inference.interactions
        if pair.test.min_attainable_p > inference.settings.alpha or inference.kind is KindOfTest.F_TEST
    }
    titles = {factor.path: factor.title for factor in inference.factors}
    order = list(titles)
    pairs = [sorted(pair, key=order.index) for pair in untested | beyond_alpha]
    names = [" x ".join(titles[path] for path in pair) for pair in sorted(pairs, key=lambda p: [*map(order.index, p)])]
    if names:
        more = f" and {len(names) - LISTED} more" if len(names) > LISTED else ""
        yield f"Interactions that these runs cannot decide: {', '.join(names[:LISTED])}{more}."


def _words(verdict: FactorVerdict) -> str:
    partners = verdict.partners if verdict.verdict is Verdict.ACTS_ONLY_WITH else ()
    return f"{verdict.verdict} {', '.join(partners)}".strip()


def _p(verdict: FactorVerdict, inference: Inference) -> str:
    """Return the adjusted p of the hypothesis that the verdict rests on: of the interaction, for acts only with."""
    ps = [verdict.p_adjusted]
    if verdict.verdict is Verdict.ACTS_ONLY_WITH:
        ps = [pair.p_adjusted for pair in inference.pairs_of(verdict) if pair.p_adjusted is not None]
    return ", ".join(map(_number, ps))


def _number(p: float | None) -> str:
    return "none" if p is None else f"{p:.2g}"


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
    return _effect(_by_size(verdict))


def _by_size(verdict: FactorVerdict) -> Sequence[Effect]:
    """Return the differences between levels, the largest first; of a numeric factor its trend."""
    return differences(verdict) or verdict.effects


def _effect(effects: Sequence[Effect]) -> tuple[str, str]:
    """Return the first effect and its confidence interval in words."""
    if not effects:
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
