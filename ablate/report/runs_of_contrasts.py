"""The runs of a study in its report: each with its picture, and the pairs of runs behind every effect."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from ablate.analysis.analysis import Analysis
from ablate.analysis.matched_runs import AnalyzedRun, Context, RunPair, contexts_of
from ablate.report.filmstrips import example_of, run_film
from ablate.report.page import data_uri
from ablate.report.shown_inference import ShownInference
from ablate.report.words import cell_words, contrast_words, titles_of
from ablate.storage.paths import StudyPaths

PICTURES = 2 * 2**20  # bytes in one page, beside its animations
MOST_CONTEXTS = 16  # rows of one table of pairs; runs.csv has them all


@dataclass(frozen=True)
class PicturedRun:
    """A run with its place in the page and its first clip, target and forecast, as data URIs; empty without a picture.

    `brightest` is the largest brightness of the forecast, from 0 to 1.
    """

    run: AnalyzedRun
    anchor: str
    cell: str
    films: Mapping[str, str]
    brightest: float


@dataclass(frozen=True)
class PairRow:
    """The pairs of one combination of the other factors' levels, by seed; None for a seed without a pair."""

    context: str
    pairs: tuple[RunPair | None, ...]


@dataclass(frozen=True)
class ContrastRuns:
    """The pairs of runs behind one effect, with their place in the page; `left_out` combinations are not in `rows`."""

    anchor: str
    contrast_anchor: str
    title: str
    seeds: tuple[int, ...]
    rows: tuple[PairRow, ...]
    left_out: int


def pictured_runs(analysis: Analysis, paths: StudyPaths) -> tuple[PicturedRun, ...]:
    """Return every planned run; pictures are inside the page as long as they fit into PICTURES bytes."""
    titles, left = titles_of(analysis.factors), PICTURES
    pictured = []
    for position, run in enumerate(analysis.runs, 1):
        example = example_of(paths, run.run_id, analysis.response.view) if left > 0 and _has_record(run) else None
        films, brightest = run_film(example) if example is not None else ({}, 0.0)
        uris = {name: data_uri(".png", content) for name, content in films.items()}
        left -= sum(map(len, uris.values()))
        if left < 0:
            uris = {}
        pictured.append(PicturedRun(run, f"run-{position}", cell_words(run.levels, titles), uris, brightest))
    return tuple(pictured)


def runs_of_contrasts(analysis: Analysis, inference: ShownInference, section: str) -> tuple[ContrastRuns, ...]:
    """Return the pairs of runs behind every effect that compares two levels, in the order of the table of effects.

    `section` is the identifier of that table.
    """
    anchors = inference.anchors(section)
    seeds = tuple(dict.fromkeys(run.seed for run in analysis.runs))
    return tuple(_contrasts(analysis, inference, anchors, seeds))


def _contrasts(
    analysis: Analysis, inference: ShownInference, anchors: Mapping[tuple[str, str], str], seeds: tuple[int, ...]
) -> Iterator[ContrastRuns]:
    baseline = {factor.path: factor.baseline for factor in analysis.factors}
    for verdict in inference.verdicts:
        for effect in verdict.effects:
            contexts = sorted(
                contexts_of(analysis.runs, effect),
                key=lambda context: sum(level != baseline[path] for path, level in context.levels.items()),
            )
            if contexts:
                anchor = anchors[effect.factor, effect.contrast]
                yield ContrastRuns(
                    anchor=f"runs-of-{anchor}",
                    contrast_anchor=anchor,
                    title=f"{verdict.title}: {contrast_words(effect)}",
                    seeds=seeds,
                    rows=tuple(_row(context, seeds, inference.titles) for context in contexts[:MOST_CONTEXTS]),
                    left_out=max(0, len(contexts) - MOST_CONTEXTS),
                )


def _row(context: Context, seeds: Sequence[int], titles: Mapping[str, str]) -> PairRow:
    by_seed = {pair.level.seed: pair for pair in context.pairs}
    words = cell_words(context.levels, [titles[path] for path in context.levels]) if context.levels else "all runs"
    return PairRow(words, tuple(by_seed.get(seed) for seed in seeds))


def _has_record(run: AnalyzedRun) -> bool:
    return run.outcome not in ("missing", "failed", "excluded")
