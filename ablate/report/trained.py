"""What a study trained: its networks in a line, every setting of its base run, where it ran, and how long that took."""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from ablate.analysis.analysis import Analysis
from ablate.analysis.phrases import clock, counted, listed
from ablate.components.data import MovingMNIST
from ablate.components.models.specs import ConvLSTMStack
from ablate.core.plain import plain
from ablate.storage.paths import StudyPaths
from ablate.storage.records import RecordHead
from ablate.study import RunSpec, StudySpec

SPELLED_OUT = 3  # values of one setting in the line; with more it says how many there are
COMMIT = 10  # characters; enough to be unique in any repository
UNITS = {"cpu": "CPU", "cuda": "CUDA", "mps": "MPS"}
ENDED_WITH_RECORD = ("finished", "diverged", "unmeasurable")
Facts = Mapping[str, str | int | float]


@dataclass(frozen=True)
class Setting:
    """A setting of the base run by its path, as text; `levels` are those of a factor, empty for any other setting."""

    path: str
    value: str
    levels: tuple[str, ...] = ()


@dataclass(frozen=True)
class TrainedNetworks:
    """The trained networks of a study, from the facts in their records.

    `parts` describe them in a few words each; a setting that a factor varies has all its values. `seconds` is the time
    of all runs together, `elapsed` the time in which at least one of them ran: None if a record has no time of its end,
    as before version 0.2. `last_result` is the time of the last end in UTC (ISO 8601). `versions` has every version of
    the software that a run recorded, `devices` every device.
    """

    networks: int
    trainable: bool
    parts: tuple[str, ...]
    devices: tuple[str, ...]
    seconds: float
    elapsed: float | None
    last_result: str | None
    versions: Mapping[str, tuple[str, ...]]
    settings: tuple[Setting, ...]

    @property
    def sentence(self) -> str:
        """One line: `Trained: 56 networks, 24x24, one digit, ..., CPU, 4 min; 2026-11-28; ablate 0.2.0`."""
        verb = "Trained" if self.trainable else "Scored without training"
        count = counted(self.networks, "network")
        date = self.last_result[:10] if self.last_result else "date not recorded"
        software = listed(self.versions["ablate"]) if self.versions.get("ablate") else "of an unrecorded version"
        devices = listed(self.devices or ("unrecorded device",))
        return f"{verb}: {', '.join([count, *self.parts, devices, self._duration])}; {date}; ablate {software}."

    @property
    def run_seconds(self) -> float:
        """The mean time of one run."""
        return self.seconds / self.networks if self.networks else math.nan

    def cost(self, runs: int) -> str:
        """Return the time of so many runs like these, at the pace of the study or one after another."""
        if not self.networks or not self.seconds:
            return "time not recorded"
        if self.elapsed:
            return f"about {clock(self.elapsed / self.networks * runs)} at the pace of this study"
        return f"about {clock(self.run_seconds * runs)}, one run at a time"

    def to_json(self) -> dict[str, Any]:
        """Return plain values for JSON, with the line and the mean time of a run."""
        document: dict[str, Any] = plain(asdict(self) | {"sentence": self.sentence, "run_seconds": self.run_seconds})
        return document

    @property
    def _duration(self) -> str:
        if not self.seconds:
            return "time not recorded"
        if self.elapsed is None:
            return f"{clock(self.seconds)} for all runs together"
        return clock(self.elapsed)


def trained_networks(study: StudySpec, analysis: Analysis, paths: StudyPaths) -> TrainedNetworks:
    """Return what the study trained, from the heads of the records that the analysis counts."""
    planned = {run.id: run.spec for run in study.planned_runs}
    ended = [run.run_id for run in analysis.runs if run.outcome in ENDED_WITH_RECORD]
    specs, facts = [planned[run_id] for run_id in ended], [RecordHead.load(paths.run(run_id)).facts for run_id in ended]
    return TrainedNetworks(
        networks=len(ended),
        trainable=any(spec.model.trainable for spec in specs),
        parts=tuple(_parts(specs)),
        devices=tuple(dict.fromkeys(_device(run_facts) for run_facts in facts if "device" in run_facts)),
        seconds=math.fsum(float(run_facts.get("seconds", 0.0)) for run_facts in facts),
        elapsed=_elapsed(facts),
        last_result=max(_ends(facts), default=None),
        versions=_versions(facts),
        settings=tuple(_settings(study)),
    )


def _parts(specs: Sequence[RunSpec]) -> Iterator[str]:
    descriptions = [tuple(_description(spec)) for spec in specs]
    for values in zip(*descriptions, strict=True):
        different = [value for value in dict.fromkeys(values) if value]
        if different:
            yield " or ".join(different) if len(different) <= SPELLED_OUT else f"{different[0]} and others"


def _description(spec: RunSpec) -> Iterator[str]:
    """Yield frame size, data, network and training in words, always in as many parts; an empty one does not apply."""
    yield f"{spec.data.frame_size}x{spec.data.frame_size}"
    if isinstance(spec.data, MovingMNIST):
        yield "one digit" if spec.data.digits == 1 else f"{spec.data.digits} digits"
    else:
        yield f"data {spec.data.kind}"
    if isinstance(spec.model, ConvLSTMStack):
        filters = spec.model.filters
        widths = str(filters) if isinstance(filters, int) else "-".join(map(str, filters))
        yield f"{counted(spec.model.layers, 'layer')} x {widths} filters"
    else:
        yield f"model {spec.model.kind}"
    yield f"{spec.training.steps} steps" if spec.model.trainable else ""


def _device(facts: Facts) -> str:
    kind = UNITS.get(str(facts["device"]), str(facts["device"]))
    return kind if kind == "CPU" or "device_name" not in facts else f"{kind} ({facts['device_name']})"


def _ends(facts: Iterable[Facts]) -> Iterator[str]:
    return (str(run_facts["ended_at"]) for run_facts in facts if "ended_at" in run_facts)


def _elapsed(facts: Sequence[Facts]) -> float | None:
    """Return the seconds in which at least one run was under way: pauses of an interrupted study do not count."""
    spans: list[tuple[float, float]] = []
    for run_facts in facts:
        if "ended_at" not in run_facts or "seconds" not in run_facts:
            return None
        end = datetime.fromisoformat(str(run_facts["ended_at"])).timestamp()
        spans.append((end - float(run_facts["seconds"]), end))
    total, reached = 0.0, -math.inf
    for start, end in sorted(spans):
        total += max(0.0, end - max(start, reached))
        reached = max(reached, end)
    return total


def _versions(facts: Sequence[Facts]) -> dict[str, tuple[str, ...]]:
    versions = {"ablate": tuple(dict.fromkeys(filter(None, map(_ablate, facts))))}
    for name in ("torch", "python"):
        versions[name] = tuple(dict.fromkeys(str(run_facts[name]) for run_facts in facts if name in run_facts))
    return {name: different for name, different in versions.items() if different}


def _ablate(facts: Facts) -> str:
    version, commit = str(facts.get("ablate", "")), str(facts.get("commit", ""))[:COMMIT]
    return f"{version} (commit {commit})" if version and commit else version


def _settings(study: StudySpec) -> Iterator[Setting]:
    levels = {path: tuple(factor.level_names()) for path, factor in study.factors.items()}
    resolved = study.base.model_dump(mode="json", exclude={"seed"})
    for path, value in _leaves(resolved, (), levels):
        yield Setting(path, _text(value), levels.get(path, ()))
    yield Setting("seeds", ", ".join(map(str, study.seeds)))


def _leaves(value: Any, place: tuple[str, ...], factors: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yield every setting with its path; a block that a factor replaces as a whole stays whole."""
    path = ".".join(place)
    if isinstance(value, dict) and value and path not in factors:
        for key, part in value.items():
            yield from _leaves(part, (*place, key), factors)
    else:
        yield path, value


def _text(value: Any) -> str:
    match value:
        case None:
            return "none"
        case bool():
            return "yes" if value else "no"
        case dict():
            return ", ".join(f"{key}: {_text(part)}" for key, part in value.items())
        case list():
            return ", ".join(map(_text, value))
        case float():
            return f"{value:g}"
        case _:
            return str(value)
