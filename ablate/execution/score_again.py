"""Compute the scores of stored runs again where the ghost metrics have a new definition."""

import shutil
from collections.abc import Callable, Sequence
from dataclasses import replace

from ablate.core.errors import AblateError
from ablate.execution.train_and_score import alignments, draw
from ablate.measurement.metrics.ghost import DEFINITION
from ablate.storage.paths import RunPaths, StudyPaths
from ablate.storage.records import GHOST_DEFINITION, SCORED_BEFORE, RunRecord
from ablate.study import PlannedRun
from ablate.training.checkpoint import restore
from ablate.training.evaluation import evaluate, score_table
from ablate.training.fit import choose_device

Observe = Callable[[int, int], None]


def score_again(planned_runs: Sequence[PlannedRun], paths: StudyPaths, observe: Observe) -> list[str]:
    """Score the forecasts of these trained networks again, and write scores, examples and pictures anew.

    Training, curve and checkpoint stay as they are. The former scores are kept beside the new ones, and the record
    names the digest that it had before. `observe` gets the number of runs that are done, and of all. Returns a sentence
    for every run that could not be scored; its record is unchanged.
    """
    problems = []
    for number, planned_run in enumerate(planned_runs):
        observe(number, len(planned_runs))
        files = paths.run(planned_run.id)
        try:
            if not files.next_files.record.exists():
                _score_again(planned_run, files)
            _adopt(files)
        except (AblateError, OSError) as error:
            problems.append(f"{planned_run.title} could not be scored again: {error}")
    return problems


def _score_again(planned_run: PlannedRun, paths: RunPaths) -> None:
    former, again = RunRecord.load(paths, planned_run.id, pictures=False), paths.next_files
    run, model = restore(paths)
    device = choose_device(run.training)
    views = evaluate(model.to(device), run, run.data.build(run.seed), device)
    before = {SCORED_BEFORE: former.digest} if former.digest is not None else {}
    record = replace(
        former,
        run=planned_run.spec.non_defaults(),
        scores=score_table(views),
        examples={name: view.example for name, view in views.items()},
        facts=dict(former.facts) | alignments(views) | {GHOST_DEFINITION: DEFINITION} | before,
    )
    shutil.rmtree(again.folder, ignore_errors=True)
    again.folder.mkdir()
    draw(planned_run, views, again)
    shutil.copyfile(paths.checkpoint, again.checkpoint)  # the record holds its digest
    shutil.copyfile(paths.scores, again.former_scores(former.ghost_definition))
    record.save(again)


def _adopt(paths: RunPaths) -> None:
    """Move the new files to their places, the record last. A move that was interrupted is continued here."""
    again = paths.next_files
    paths.reduction.unlink(missing_ok=True)  # the new record is a whole one, also of a run from a bundle
    files = sorted(again.folder.iterdir(), key=lambda file: file == again.record)
    for file in files:
        file.replace(paths.folder / file.name)
    again.folder.rmdir()
