"""What one run leaves behind, and how it is kept on disk."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cached_property
from io import BytesIO
from pathlib import Path
from typing import Any, Literal
from zipfile import BadZipFile

import numpy as np
import pandas as pd
from jaxtyping import Int64

from ablate.core.arrays import Clips, ClipSteps
from ablate.core.errors import DataError
from ablate.storage.atomic import whole_file
from ablate.storage.paths import RunPaths
from ablate.storage.reduction import reduced_digests

Outcome = Literal["finished", "diverged"]
SCORE_COLUMNS = ["view", "clip", "step", "metric", "value"]
CURVE_COLUMNS = ["step", "loss", "held_out_loss"]
SCHEMA = 2
"""Number of the schema of study files and stored results: 1 until version 0.1, which wrote no number."""
OLD_SCORE_COLUMNS = {"measure": "metric"}
OLD_PARTS = {"target": "truth"}
OLD_FACTS = {"batch_pieces": "micro_batches"}
"""Names that schema 1 used in scores.parquet, examples.npz and record.json."""
GHOST_DEFINITION = "ghost_definition"
"""Name of the fact that says by which definition the ghost metrics were computed; without it, by the first."""
SCORED_BEFORE = "scored_before"
"""Name of the fact that holds the digest of the record before its scores were computed again."""
ID_LENGTH = 16


ClipNumbers = Int64[np.ndarray, " clip"]


@dataclass(frozen=True)
class Example:
    """Frames of a few clips under one view, for pictures; uint8, 255 is full ink.

    `clips` holds the number of each clip within its view, from 0, as in the scores.
    """

    history: Clips
    target: ClipSteps
    forecast: ClipSteps
    clips: ClipNumbers


def identity(run: Mapping[str, Any]) -> str:
    """Return the id of a run: the head of the SHA-256 digest of its settings that differ from the defaults.

    `run` is the tree of `RunSpec.non_defaults()`, of the newest schema.
    """
    return _digest(run)[:ID_LENGTH]


@dataclass(frozen=True)
class RunRecord:
    """The whole result of one run.

    `run` holds the settings of the run that differ from the defaults (`RunSpec.non_defaults()`). `scores` has the
    columns of SCORE_COLUMNS: one row per view, clip, forecast step (from 1) and metric; an undefined value is NaN. It
    is empty for a run that diverged. `curve` has the columns of CURVE_COLUMNS. `facts` says what was measured on what:
    parameters, seconds, device, versions.
    """

    run: Mapping[str, Any]
    outcome: Outcome
    scores: pd.DataFrame
    curve: pd.DataFrame
    examples: Mapping[str, Example]
    facts: Mapping[str, str | int | float]
    digest: str | None = None
    """Digest of everything that the record held when it was read; None if it has none, as in schema 1."""
    whole_digest: str | None = None
    """Digest of the whole record of which this is a reduced one, from a bundle; None for a whole record."""

    @property
    def run_id(self) -> str:
        """The identity of the run."""
        return identity(self.run)

    @property
    def ghost_definition(self) -> int:
        """The version of the definition by which the ghost metrics were computed."""
        return int(self.facts.get(GHOST_DEFINITION, 1))

    @cached_property
    def metric_means(self) -> dict[tuple[str, str], float]:
        """The finite means over clips and steps, by view and metric."""
        means = self.scores.astype({"value": float}).groupby(["view", "metric"], as_index=False)["value"].mean()
        finite = means[np.isfinite(means["value"])]
        return dict(zip(zip(finite["view"], finite["metric"], strict=True), finite["value"].tolist(), strict=True))

    @cached_property
    def defined_shares(self) -> dict[tuple[str, str], float]:
        """The share of the frames (clips x steps) in which a metric is defined, in [0, 1], by view and metric."""
        is_defined = self.scores.assign(value=self.scores["value"].astype(float).notna())
        shares = is_defined.groupby(["view", "metric"], as_index=False)["value"].mean()
        return dict(zip(zip(shares["view"], shares["metric"], strict=True), shares["value"].tolist(), strict=True))

    def save(self, paths: RunPaths) -> None:
        """Write every file of the record whole. The head is written last and holds the digest of each other file."""
        paths.folder.mkdir(parents=True, exist_ok=True)
        paths.reduction.unlink(missing_ok=True)
        with whole_file(paths.scores) as path:
            self.scores.to_parquet(path, index=False)
        with whole_file(paths.curve) as path:
            self.curve.to_csv(path, index=False)
        with whole_file(paths.examples) as path, path.open("wb") as file:
            np.savez_compressed(file, **_flat(self.examples))  # type: ignore[arg-type]  # keys are array names
        RecordHead(SCHEMA, self.run, self.outcome, self.facts, _file_digests(paths)).save(paths)

    @classmethod
    def load(cls, paths: RunPaths, run_id: str | None = None, *, pictures: bool = True) -> "RunRecord":
        """Read a record back, with its frames or without, and check it against its digests.

        `run_id` is the run that the record must be of; None takes any. A reduced record may lack its frames.

        Raises FileNotFoundError where there is no complete record, DataError where it is damaged or of another run.
        """
        head = RecordHead.load(paths)
        pictures = pictures and not head.is_reduced_without(paths.examples)
        if run_id is not None and head.schema == SCHEMA and identity(head.run) != run_id:
            raise damaged(paths, f"it is of run {identity(head.run)}, not of run {run_id}")
        try:
            scores = pd.read_parquet(BytesIO(head.checked(paths.scores)))
            return cls(
                run=head.run,
                outcome=head.outcome,
                scores=scores.rename(columns=OLD_SCORE_COLUMNS)[SCORE_COLUMNS],
                curve=pd.read_csv(BytesIO(head.checked(paths.curve)))[CURVE_COLUMNS],
                examples=_examples(BytesIO(head.checked(paths.examples))) if pictures else {},
                facts=head.facts,
                digest=head.digest if head.reduced is None else head.reduced_digest,
                whole_digest=None if head.reduced is None else head.digest,
            )
        except (OSError, ValueError, KeyError, TypeError, EOFError, BadZipFile) as error:
            raise damaged(paths, str(error)) from error


@dataclass(frozen=True)
class RecordHead:
    """What record.json holds: the run, how it ended, and the digest of every other file of the record.

    `run` is empty in a record of schema 1, which kept its run in run.yaml alone; such a record has no digests either,
    and its `label` is the identity that the run had then. stored_runs.py checks it against run.yaml.
    """

    schema: int
    run: Mapping[str, Any]
    outcome: Outcome
    facts: Mapping[str, str | int | float]
    files: Mapping[str, str]
    label: str | None = None
    reduced: Mapping[str, str] | None = None
    """Digests of the files that a bundle reduced; None for a whole record."""

    @property
    def ghost_definition(self) -> int:
        """The version of the definition by which the ghost metrics were computed."""
        return int(self.facts.get(GHOST_DEFINITION, 1))

    @property
    def digest(self) -> str | None:
        """Digest of the head, and so of every file of the record; None in schema 1, whose files have no digests."""
        return _digest(self._tree()) if self.schema > 1 else None

    @property
    def reduced_digest(self) -> str:
        """Digest of a reduced record: of the whole record's digest, and of the files that were reduced."""
        return _digest({"record": self.digest, "files": dict(self.reduced or {})})

    def is_reduced_without(self, file: Path) -> bool:
        """Return whether a bundle left a file of the record out."""
        return self.reduced is not None and not file.exists()

    def save(self, paths: RunPaths) -> None:
        """Write the head, with a digest of its own."""
        with whole_file(paths.record) as path:
            path.write_text(json.dumps(self._tree() | {"digest": self.digest}, indent=1))

    def _tree(self) -> dict[str, Any]:
        return {
            "schema": self.schema,
            "run": dict(self.run),
            "outcome": self.outcome,
            "facts": dict(self.facts),
            "files": dict(self.files),
        }

    @classmethod
    def load(cls, paths: RunPaths) -> "RecordHead":
        """Read the head. Raises FileNotFoundError where there is none, DataError where it is damaged."""
        text = paths.record.read_text(errors="replace")
        try:
            head, reduced = json.loads(text), reduced_digests(paths)
            if "schema" not in head:
                return cls._of_schema_1(head, reduced)
            digest = head.pop("digest")
            _require(digest == _digest(head), "its digest does not match")
            _require(
                head["schema"] in range(2, SCHEMA + 1), f"its schema is {head['schema']!r}; allowed: 2 to {SCHEMA}"
            )
            _require(all(isinstance(head[part], dict) for part in ("run", "facts", "files")), "a part is no mapping")
            return cls(head["schema"], head["run"], head["outcome"], head["facts"], head["files"], reduced=reduced)
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise damaged(paths, str(error)) from error

    @classmethod
    def _of_schema_1(cls, head: Mapping[str, Any], reduced: Mapping[str, str] | None) -> "RecordHead":
        _require(head.keys() == {"point", "outcome", "facts"}, "it names no schema, and is not of schema 1")
        facts = {OLD_FACTS.get(name, name): fact for name, fact in head["facts"].items()}
        return cls(1, {}, head["outcome"], facts, {}, head["point"], reduced)

    def checked(self, file: Path) -> bytes:
        """Return the content of a file of the record. Raises ValueError where its digest does not match."""
        content, digests = file.read_bytes(), {**self.files, **(self.reduced or {})}
        if self.schema > 1 or file.name in digests:
            matches = hashlib.sha256(content).hexdigest() == digests[file.name]
            _require(matches, f"the digest of {file.name} does not match")
        return content


def _file_digests(paths: RunPaths) -> dict[str, str]:
    files = (paths.scores, paths.curve, paths.examples, paths.checkpoint)
    return {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in files if file.exists()}


def _digest(tree: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(tree, sort_keys=True).encode()).hexdigest()


def _require(condition: bool, reason: str) -> None:  # noqa: FBT001  # reads as an assertion
    if not condition:
        raise ValueError(reason)


def damaged(paths: RunPaths, reason: str) -> DataError:
    """Return the error for a record that cannot be believed."""
    return DataError(
        f"{paths.folder}: this run's record is damaged ({' '.join(reason.split())}); delete the folder and run the "
        "study again, which repeats this run alone"
    )


def _examples(file: BytesIO) -> dict[str, Example]:
    with np.load(file, allow_pickle=False) as arrays:
        return _grouped(dict(arrays))


PARTS = tuple(field.name for field in fields(Example))


def _flat(examples: Mapping[str, Example]) -> dict[str, np.ndarray]:
    return {f"{view}.{part}": getattr(example, part) for view, example in examples.items() for part in PARTS}


def _grouped(arrays: Mapping[str, np.ndarray]) -> dict[str, Example]:
    views = sorted({name.rpartition(".")[0] for name in arrays})
    return {view: Example(**{part: _part(arrays, view, part) for part in PARTS}) for view in views}


def _part(arrays: Mapping[str, np.ndarray], view: str, part: str) -> np.ndarray:
    name = f"{view}.{part}"
    return arrays[name if name in arrays else f"{view}.{OLD_PARTS.get(part, part)}"]
