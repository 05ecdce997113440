"""What a study file says, as frozen values: the base run, the factors, and the points they span."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cached_property
from itertools import product
from typing import Annotated, Any, Literal, Self

from pydantic import Field, PositiveFloat, PositiveInt, ValidationError, model_validator

from ablate.component import Spec
from ablate.data import Data, MovingMNIST
from ablate.design import AnyDesign, DesignFactor, FullFactorial
from ablate.errors import SpecError
from ablate.losses import BCE, AnyLoss
from ablate.metrics import MEASURES
from ablate.models import AnyModel, ConvLSTM
from ablate.schemes import AnyScheme, TeacherForced

Tuple = Field(strict=False)  # YAML has lists only


class Adam(Spec):
    """Adam with Keras' constants (Kingma & Ba 2015, arXiv 1412.6980)."""

    learning_rate: PositiveFloat = 1e-3
    beta1: Annotated[float, Field(ge=0, lt=1)] = 0.9
    beta2: Annotated[float, Field(ge=0, lt=1)] = 0.999
    epsilon: PositiveFloat = 1e-7


class Training(Spec):
    """A fixed number of optimisation steps of one scheme."""

    scheme: AnyScheme = TeacherForced()
    steps: PositiveInt = 600
    batch: PositiveInt = 16
    optimiser: Adam = Adam()
    clip_norm: PositiveFloat | None = None
    """Largest allowed norm of the whole gradient; none leaves it as it is."""
    report_every: PositiveInt = 50
    """Steps between two points of the loss curve."""
    device: Literal["auto", "cpu", "cuda", "mps"] = "auto"
    precision: Literal["float32", "tf32", "bfloat16"] = "float32"
    """float32 everywhere; tf32 and bfloat16 (autocast) only take effect on CUDA."""


class View(Spec):
    """One way of looking at the trained net: on which clips, how forecast, and beside which truth."""

    clips: Literal["held_out", "training"] = "held_out"
    forecast: Literal["one_step", "rollout"] = "rollout"
    count: PositiveInt | None = None
    """How many clips; none takes evaluation.clips."""
    truth_offset: Annotated[int, Field(ge=-8, le=0)] = 0
    """Frames between the frame that was forecast and the true frame it is put beside; 0 is right."""
    statistics: Literal["moving", "batch", "recomputed"] | None = None
    """Batch normalisation's statistics in this view; none keeps the model's own choice."""


ONE_STEP, ROLLOUT = "one_step", "rollout"


class Evaluation(Spec):
    """What is forecast after training, and scored by every metric."""

    clips: PositiveInt = 64
    context: PositiveInt = 10
    """True frames the model sees before the first forecast step."""
    horizon: PositiveInt = 10
    """Forecast steps."""
    batch: PositiveInt = 16
    examples: PositiveInt = 3
    """Clips whose frames are kept for pictures."""
    views: dict[Annotated[str, Field(pattern=r"^[a-z0-9_]{1,40}$")], View] = {
        ONE_STEP: View(forecast="one_step"),
        ROLLOUT: View(forecast="rollout"),
    }

    @model_validator(mode="after")
    def _offsets_fit(self) -> Self:
        for name, view in self.views.items():
            if -view.truth_offset > self.context:
                raise ValueError(f"views.{name}.truth_offset: {view.truth_offset} reaches before the first of {self.context} context frames")
        return self


class RunSpec(Spec):
    """Everything that decides the numbers of one run."""

    data: Data = MovingMNIST()
    model: AnyModel = ConvLSTM()
    loss: AnyLoss = BCE()
    training: Training = Training()
    evaluation: Evaluation = Evaluation()
    seed: Annotated[int, Field(ge=0, lt=2**31)] = 0

    @model_validator(mode="after")
    def _scheme_trains_the_model(self) -> Self:
        scheme, model, longest = self.training.scheme, self.model, self.data.longest_clip
        needed = max(scheme.frames_needed, self.evaluation.context + self.evaluation.horizon)
        if longest is not None and needed > longest:
            raise ValueError(f"training and evaluation need clips of {needed} frames, data {self.data.kind!r} has {longest}")
        if model.trainable and not issubclass(model.module, scheme.trains):
            raise ValueError(f"training.scheme {scheme.kind!r} cannot train model {model.kind!r}")
        return self

    def identity(self) -> str:
        """Return a name that equal runs share and different runs do not: the head of SHA-256 of its JSON."""
        text = json.dumps(self.model_dump(mode="json"), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]


class Response(Spec):
    """The one number per run that the study is about: a measure, averaged over clips and forecast steps of a view."""

    measure: str = "ghost_ratio"
    view: str = ROLLOUT
    first_step: PositiveInt = 1
    last_step: PositiveInt | None = None

    @model_validator(mode="after")
    def _measure_exists(self) -> Self:
        if self.measure not in MEASURES:
            raise ValueError(f"measure {self.measure!r} is not one of {sorted(MEASURES)}")
        return self


class Factor(Spec):
    """Levels for one path of the run."""

    levels: Annotated[list[Any], Field(min_length=2)]
    title: str | None = None
    labels: list[str] | None = None
    """Names of the levels, in their order; none writes the level itself."""

    @model_validator(mode="after")
    def _one_label_a_level(self) -> Self:
        if self.labels is not None and len(self.labels) != len(self.levels):
            raise ValueError(f"{len(self.labels)} labels for {len(self.levels)} levels")
        names = self.level_names()
        if len(set(names)) != len(names):
            raise ValueError(f"levels must differ, got {names}")
        return self

    def level_names(self) -> list[str]:
        """Return one short name a level."""
        return self.labels or [level_name(level) for level in self.levels]


class Analysis(Spec):
    """How effects are estimated."""

    confidence: Annotated[float, Field(gt=0.5, lt=1)] = 0.95
    resamples: Annotated[int, Field(ge=100, le=100_000)] = 2_000
    seed: Annotated[int, Field(ge=0)] = 0


class Budget(Spec):
    """What the study may use; what it does not reach stays open for the next `ablate run`."""

    minutes: PositiveFloat | None = None
    """No new run starts after this many minutes."""
    workers: PositiveInt | None = None
    """Runs at a time; none takes one a core, or one a GPU."""


@dataclass(frozen=True)
class Cell:
    """One combination of levels: the level name of every factor path, and the run it makes (seed aside)."""

    levels: Mapping[str, str]
    run: RunSpec


@dataclass(frozen=True)
class Point:
    """A cell with one seed: what is trained once. `id` is the identity of its run."""

    id: str
    levels: Mapping[str, str]
    seed: int
    run: RunSpec


class StudySpec(Spec):
    """A study: a question, a base run, and the factors to vary around it."""

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,62}$")]
    question: Annotated[str, Field(min_length=1, max_length=500)]
    response: Response = Response()
    base: RunSpec = RunSpec()
    factors: Annotated[dict[str, Factor | list[Any]], Field(min_length=1)]
    """Path of the run (for example model.kernel_size) to its levels."""
    design: AnyDesign = FullFactorial()
    seeds: Annotated[list[Annotated[int, Field(ge=0, lt=2**31)]], Field(min_length=1)]
    analysis: Analysis = Analysis()
    budget: Budget = Budget()
    exploratory: bool = False
    """True: too small to decide, and the report says so at its top."""

    @model_validator(mode="after")
    def _response_is_measured(self) -> Self:
        views, horizon = self.base.evaluation.views, self.base.evaluation.horizon
        if self.response.view not in views:
            raise ValueError(f"response.view: {self.response.view!r} is not one of the views {sorted(views)}")
        if max(self.response.first_step, self.response.last_step or 1) > horizon:
            raise ValueError(f"response: its steps go beyond the horizon of {horizon}")
        if len(set(self.seeds)) != len(self.seeds):
            raise ValueError(f"seeds: must differ, got {self.seeds}")
        return self

    @cached_property
    def varied(self) -> dict[str, Factor]:
        """Every factor by its path."""
        return {path: f if isinstance(f, Factor) else Factor(levels=f) for path, f in self.factors.items()}

    @cached_property
    def cells(self) -> tuple[Cell, ...]:
        """Every combination of levels that the design runs.

        Raises SpecError, with the place in the file, for a path that does not exist, a level that does not
        fit, or a combination that is not a valid run; DesignError where the factors do not allow the design.
        """
        levels = {path: self._level_runs(path) for path in self.varied}
        shapes = [
            DesignFactor(path, len(runs), next((i for i, run in enumerate(runs) if run == self.base), None))
            for path, runs in levels.items()
        ]
        return tuple(self._cell(chosen) for chosen in self.design.cells(shapes))

    @cached_property
    def baseline(self) -> dict[str, str]:
        """The level name of every factor that contrasts are taken against: the base run's, else the first."""
        names = {}
        for path, factor in self.varied.items():
            runs = self._level_runs(path)
            position = next((i for i, run in enumerate(runs) if run == self.base), 0)
            names[path] = factor.level_names()[position]
        return names

    @cached_property
    def points(self) -> tuple[Point, ...]:
        """Every cell with every seed, in the order of the design."""
        pairs = product(self.cells, self.seeds)
        runs = [(cell, cell.run.model_copy(update={"seed": seed})) for cell, seed in pairs]
        return tuple(Point(run.identity(), cell.levels, run.seed, run) for cell, run in runs)

    def _level_runs(self, path: str) -> list[RunSpec | None]:
        """Return the base run with each level alone; None where a level only fits together with others."""
        runs: list[RunSpec | None] = []
        for position, level in enumerate(self.varied[path].levels):
            try:
                runs.append(changed(self.base, {path: level}))
            except SpecError as error:
                if error.loc[:1] != ("",):
                    raise SpecError(str(error), loc=self._place(path, position)) from error
                runs.append(None)
        return runs

    def _place(self, path: str, position: int) -> tuple[str | int, ...]:
        inside = (position,) if isinstance(self.factors[path], list) else ("levels", position)
        return ("factors", path, *inside)

    def _cell(self, chosen: Sequence[int]) -> Cell:
        picked = dict(zip(self.varied, chosen, strict=True))
        names = {path: self.varied[path].level_names()[i] for path, i in picked.items()}
        try:
            run = changed(self.base, {path: self.varied[path].levels[i] for path, i in picked.items()})
        except SpecError as error:
            combination = ", ".join(f"{path}: {name}" for path, name in names.items())
            raise SpecError(f"the combination {combination} is not a valid run: {error}", loc=("factors",)) from error
        return Cell(names, run)


def level_name(level: Any) -> str:
    """Write a level in a few characters: a block by its kind and what it sets beside it."""
    if isinstance(level, Mapping):
        settings = [f"{key}={level_name(value)}" for key, value in level.items() if key != "kind"]
        return " ".join([str(level["kind"])] * ("kind" in level) + settings)
    if isinstance(level, list | tuple):
        return "-".join(level_name(item) for item in level)
    if level is None:
        return "none"
    if isinstance(level, bool):
        return "yes" if level else "no"
    return str(level)


def changed(run: RunSpec, settings: Mapping[str, Any]) -> RunSpec:
    """Return `run` with the value at each path replaced; whole blocks before the fields inside them.

    Raises SpecError for a path that does not exist (loc: the path) or values that make no valid run.
    The loc of the latter is ("",) where only the combination is at fault, else the place of the value.
    """
    tree = run.model_dump()
    for path in sorted(settings, key=lambda path: path.count(".")):
        _put(tree, path, settings[path])
    try:
        return RunSpec.model_validate(tree)
    except ValidationError as error:
        first = error.errors()[0]
        place = tuple(first["loc"]) or ("",)
        raise SpecError(f"{'.'.join(map(str, place))}: {first['msg']}".lstrip(": "), loc=place) from error


def _put(tree: dict[str, Any], path: str, value: Any) -> None:
    *parents, last = path.split(".")
    branch: Any = tree
    for depth, key in enumerate([*parents, last]):
        if not isinstance(branch, dict) or key not in branch:
            raise SpecError(_no_such_path(path, key, branch), loc=tuple(path.split(".")[: depth + 1]))
        if depth < len(parents):
            branch = branch[key]
    branch[last] = value


def _no_such_path(path: str, key: str, branch: Any) -> str:
    if not isinstance(branch, dict):
        return f"factor path {path!r} does not exist: nothing lies below {key!r}"
    near = get_close_matches(key, branch, n=1)
    hint = f" (did you mean {near[0]!r}?)" if near else ""
    return f"path {path!r} does not exist: {key!r} is not one of {sorted(branch)}{hint}"
