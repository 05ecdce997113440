"""Filmstrips: the forecasts of runs side by side, the same clip and the same steps under each other."""

import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import UInt8
from PIL import Image

from ablate.analysis.analysis import Analysis
from ablate.analysis.factor_sentences import FactorSentence, verdict_words
from ablate.analysis.matched_runs import AnalyzedRun, RunPair, typical_pair
from ablate.analysis.phrases import number_text
from ablate.inference.verdict import Verdict
from ablate.report.page import data_uri
from ablate.report.words import cell_words, number
from ablate.storage.paths import RunPaths, StudyPaths
from ablate.storage.records import Example, RunRecord

STEPS = 6  # forecast steps of a strip; more would make the frames too small beside a text
DIM = 0.5  # a forecast that is darker everywhere is hard to see at full scale, so it is shown stretched as well
FULL = 255
Film = UInt8[np.ndarray, "step height width"]


@dataclass(frozen=True)
class Strip:
    """One row of frames as a data URI: its label, and what its brightness means.

    `is_forecast` distinguishes forecasts from the target. `lead` is the number of columns to leave empty on the left.
    """

    label: str
    note: str
    image: str
    alt: str
    lead: int = 0


@dataclass(frozen=True)
class Filmstrips:
    """The strips of two runs that differ in one factor alone, under the true frames of the same clip.

    `heads` labels the columns: `t` is the last input frame, `+1` the first forecast step.
    """

    title: str
    caption: str
    heads: tuple[str, ...]
    strips: tuple[Strip, ...]
    pair: RunPair


def filmstrips(analysis: Analysis, sentences: Sequence[FactorSentence], paths: StudyPaths) -> Filmstrips | None:
    """Return the strips of the strongest cause, or of the factor with the largest effect where none is a cause.

    Returns None where no two runs with pictures differ in one of these factors alone.
    """
    usable = {run.run_id for run in analysis.runs if run.outcome != "excluded" and _has_frames(paths.run(run.run_id))}
    for sentence in _by_interest(sentences):
        if sentence.effect is None:
            continue
        pair = typical_pair(analysis.runs, sentence.effect, analysis.factors, usable)
        strips = _strips(analysis, sentence, pair, paths) if pair else None
        if strips is not None:
            return strips
    return None


def _has_frames(files: RunPaths) -> bool:
    """Return whether frames are stored; a bundle may have left them out."""
    return files.record.exists() and files.examples.exists()


def film(frames: Film, brightest: float = 1.0) -> bytes:
    """Return a PNG of the frames side by side, pixel by pixel, a transparent column between them.

    `brightest` is the brightness, in (0, 1], that is drawn white; 1 shows the frames on the fixed scale from 0 to 1.
    """
    values = np.rint(np.clip(frames / (FULL * brightest), 0, 1) * FULL).astype(np.uint8)
    gray = np.pad(values, [(0, 0), (0, 0), (0, 1)])
    opaque = np.pad(np.full_like(values, FULL), [(0, 0), (0, 0), (0, 1)])
    picture = np.stack([np.concatenate(list(layer), axis=1) for layer in (gray, opaque)], axis=-1)
    content = io.BytesIO()
    Image.fromarray(picture[:, :-1], "LA").save(content, "PNG", optimize=True)
    return content.getvalue()


def example_of(paths: StudyPaths, run_id: str, view: str) -> Example | None:
    """Return the stored frames of a run in a view; None for a run without any, such as one that diverged."""
    files = paths.run(run_id)
    return RunRecord.load(files, run_id).examples.get(view) if files.record.exists() else None


def steps_shown(steps: int) -> list[int]:
    """Return the positions of the forecast steps in a strip, the first and the last included."""
    return [round(step) for step in np.linspace(0, steps - 1, min(steps, STEPS))]


def brightest(frames: np.ndarray) -> float:
    """Return the largest brightness, from 0 to 1."""
    return float(frames.max()) / FULL if frames.size else 0.0


def _by_interest(sentences: Sequence[FactorSentence]) -> list[FactorSentence]:
    """Return the sentences with the causes first; each group stays in its order, the largest effect first."""
    return sorted(sentences, key=lambda sentence: not _is_cause(sentence))


def _is_cause(sentence: FactorSentence) -> bool:
    return sentence.verdict in (Verdict.CAUSE, Verdict.CAUSE_IN_THESE_SEEDS)


def _strips(analysis: Analysis, sentence: FactorSentence, pair: RunPair, paths: StudyPaths) -> Filmstrips | None:
    view = analysis.response.view
    level, baseline = (example_of(paths, run.run_id, view) for run in (pair.level, pair.baseline))
    if level is None or baseline is None or not np.array_equal(level.target[:1], baseline.target[:1]):
        return None
    steps = steps_shown(level.target.shape[1])
    true = np.concatenate([level.history[0, -1:], level.target[0, steps]])
    rows = [Strip("target", "", data_uri(".png", film(true)), "The last input frame and the true frames after it.")]
    for run, example in ((pair.level, level), (pair.baseline, baseline)):
        rows += _forecast(run, example.forecast[0, steps], sentence, analysis)
    return Filmstrips(
        title=_title(sentence, analysis),
        caption=_caption(pair, int(level.clips[0]), sentence, analysis),
        heads=("t", *(f"+{step + 1}" for step in steps)),
        strips=tuple(rows),
        pair=pair,
    )


def _forecast(
    run: AnalyzedRun, frames: UInt8[np.ndarray, "step height width"], sentence: FactorSentence, analysis: Analysis
) -> Iterator[Strip]:
    """Yield the forecast on the scale from 0 to 1 and, if it is dim, once more with its maximum drawn white."""
    label, peak = f'"{run.levels[sentence.factor]}"', brightest(frames)
    response = f"{analysis.response.metric.title} {number(run.response, 2)}"
    alt = f"Forecast with {sentence.title} {label}, {response}"
    yield Strip(label, response, data_uri(".png", film(frames)), f"{alt}, brightness from 0 to 1.", 1)
    if 0 < peak < DIM:
        note = f"the same, stretched: white = {number_text(peak, 2)}, its maximum"
        yield Strip("", note, data_uri(".png", film(frames, peak)), f"{alt}, {note}.", 1)


def _title(sentence: FactorSentence, analysis: Analysis) -> str:
    if sentence.verdict is None:
        return f"{sentence.title}: the largest effect"
    if _is_cause(sentence):
        return f"{sentence.title}: the strongest cause"
    verdict = next(factor for factor in analysis.inference.verdicts if factor.factor == sentence.factor)
    return (
        f"{sentence.title} ({verdict_words(verdict, analysis.inference)}): the largest effect, as no factor is a cause"
    )


def _caption(pair: RunPair, clip: int, sentence: FactorSentence, analysis: Analysis) -> str:
    titles = {factor.path: factor.title for factor in analysis.factors}
    levels = {path: level for path, level in pair.level.levels.items() if path != sentence.factor}
    equal = cell_words(levels, [titles[path] for path in levels]) if levels else ""
    return (
        f"Two networks of seed {pair.level.seed} that differ in {sentence.title} alone"
        f"{f' ({equal})' if equal else ''}; clip {clip}, black = 0, white = 1 unless a row says otherwise. "
        "Of all seeds, this one has the typical difference."
    )


def run_film(example: Example) -> tuple[Mapping[str, bytes], float]:
    """Return the pictures of a run's first clip, target and forecast, and the forecast's largest brightness."""
    steps = steps_shown(example.target.shape[1])
    target, forecast = example.target[0, steps], example.forecast[0, steps]
    return {"target": film(target), "forecast": film(forecast)}, brightest(forecast)
