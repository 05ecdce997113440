"""A study: a base run, the factors to vary around it, and the runs that they make."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from textwrap import shorten
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, PositiveFloat, field_validator, model_validator

from ablate.core.errors import Fault, SpecError, alternatives
from ablate.core.spec_base import Spec
from ablate.design import AnyDesign, DesignFactor, FullFactorial
from ablate.design.rules import Rules
from ablate.inference.factor_levels import FactorLevels
from ablate.inference.settings import AnalysisSettings, FactorPair, InferenceSettings, Looks
from ablate.measurement.metrics import METRICS
from ablate.study.factor import Factor, Levels, as_factor, level_name
from ablate.study.level_runs import changed, level_runs, unknown_path
from ablate.study.response import Response
from ablate.study.run import RunSpec
from ablate.study.seed_range import SeedRange, Seeds

LONGEST_VALUE = 60  # characters of a value that a message quotes


class Budget(Spec):
    """Limits of one `ablate run`; runs that are not reached stay open for the next one."""

    minutes: PositiveFloat | None = None
    """No new run starts after this many minutes."""
    workers: Annotated[int, Field(ge=1, le=1_024)] | None = None
    """Runs at a time; none means one per core, or one per GPU."""
    run_minutes: PositiveFloat | None = None
    """Time limit of one run. A run that takes longer is stopped and retried; after its retries it has failed."""


class Resources(Spec):
    """What one run takes of a node of a Ray cluster; with fractions runs share. Unused without a cluster."""

    num_cpus: PositiveFloat = 1.0
    """Cores, and threads of the run (at least one)."""
    num_gpus: Annotated[float, Field(ge=0)] | None = None
    """GPUs, a fraction or a whole number; none means one if the cluster has any."""

    @field_validator("num_cpus", "num_gpus")
    @classmethod
    def _divides(cls, number: float | None) -> float | None:
        if number is not None and number > 1 and number != int(number):
            raise ValueError(f"found {number:g}; above 1 it must be a whole number")
        return number


@dataclass(frozen=True)
class Cell:
    """One combination of levels: the level name of every factor path, and its run without a seed."""

    levels: Mapping[str, str]
    spec: RunSpec


@dataclass(frozen=True)
class PlannedRun:
    """A cell with one seed: one training."""

    id: str
    """The identity of the run: equal settings have equal ids."""
    title: str
    """The levels that differ from the baseline, and the seed."""
    levels: Mapping[str, str]
    seed: int
    spec: RunSpec


def _without_seed(base: Any) -> Any:
    if isinstance(base, dict) and "seed" in base:
        raise ValueError("seed: seeds are set by 'seeds', for every cell alike")
    return base


class StudySpec(Spec):
    """A study: a question, a base run, and the factors to vary around it."""

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,62}$")]
    """Names its folder and its experiment: small letters, digits, - and _."""
    question: Annotated[str, Field(min_length=1, max_length=500)]
    """What the study is to answer."""
    response: Response = Response()
    base: Annotated[RunSpec, BeforeValidator(_without_seed)] = RunSpec()
    factors: Annotated[
        dict[str, Annotated[Factor, BeforeValidator(as_factor, json_schema_input_type=Factor | Levels)]],
        Field(max_length=100),
    ]
    """Path of the run (for example model.kernel_size) to its levels."""
    design: AnyDesign = FullFactorial()
    """Which cells run."""
    seeds: Seeds
    """One run of every cell each; a number n stands for 0 to n-1.

    A range {from: 6, to: 12} plans a sequential study: its verdicts hold after every seed from the sixth on, and
    `ablate run --until-decided` stops at the first of them at which everything is decided.
    """
    analysis: AnalysisSettings = AnalysisSettings()
    budget: Budget = Budget()
    resources: Resources = Resources()
    probes: Literal["extremes", "none"] = "extremes"
    """Networks that are probed after the last run: those with the best and the worst response, or none."""
    log_models: Literal["none", "best", "cell"] = "none"
    """Networks that become models in MLflow after the last run: none, the best one, or the best one of each cell.

    Each takes some ten seconds to export and to check.
    """
    exploratory: bool = False
    """Whether the study is too small to decide; its report then says so first."""

    @model_validator(mode="after")
    def _parts_are_consistent(self) -> Self:
        if problem := self.response.problem_with(self.base.evaluation):
            raise ValueError(f"response.{problem}")
        if isinstance(self.seeds, list) and len(set(self.seeds)) != len(self.seeds):
            raise ValueError(f"seeds: found {self.seeds}; they must differ")
        return self

    @model_validator(mode="after")
    def _judged_metrics_are_known(self) -> Self:
        for position, name in enumerate(judged := self.analysis.judged_metrics):
            place = f"analysis.judged_metrics[{position}]"
            if name not in METRICS:
                raise ValueError(f"{place}: unknown metric {name!r}{alternatives(name, METRICS)}")
            if name == self.response.metric or name in judged[:position]:
                raise ValueError(f"{place}: {name!r} is judged already; name each metric once")
        if judged and self.looks is not None:
            raise ValueError("analysis.judged_metrics: a study with planned looks has one judged metric; leave it out")
        return self

    @model_validator(mode="after")
    def _interactions_are_of_factors(self) -> Self:
        pairs = self.analysis.interactions
        for position, pair in enumerate(pairs if isinstance(pairs, list) else []):
            place = f"analysis.interactions[{position}]"
            for path in pair:
                if path not in self.factors:
                    raise ValueError(f"{place}: unknown factor {path!r}{alternatives(path, self.factors)}")
            if pair[0] == pair[1]:
                raise ValueError(f"{place}: found {pair[0]!r} twice; an interaction is between two factors")
            if any(set(pair) == set(earlier) for earlier in pairs[:position]):
                raise ValueError(f"{place}: {' x '.join(pair)} is listed twice; name each pair once")
        return self

    @cached_property
    def cells(self) -> tuple[Cell, ...]:
        """Every combination of levels that the design runs.

        Raises SpecError, with its faults placed in the study, for paths that do not exist, levels that do not fit and
        combinations that make no valid run; DesignError if the design is impossible with these factors.
        """
        cells: dict[str, Cell] = {}
        problems: list[str] = []
        for indices in self.design.cells(self.design_factors):
            names = self._names(indices)
            try:
                cell = Cell(names, self._run(indices))
                first_cell = cells.setdefault(cell.spec.identity(), cell)
            except SpecError as error:
                problems.append(f"the combination {_written(names)} is no valid run: {error}")
            else:
                if first_cell is not cell:
                    problems.append(
                        f"the combinations {_written(first_cell.levels)} and {_written(names)} are the same run"
                    )
        if problems:
            more = f" (and {len(problems) - 1} more)" * (len(problems) > 1)
            raise SpecError.of([Fault(("factors",), problems[0] + more)])
        return tuple(cells.values())

    @cached_property
    def design_factors(self) -> tuple[DesignFactor, ...]:
        """The factors in the form that the design takes. Raises SpecError, as `cells`, for levels that do not fit."""
        return tuple(
            DesignFactor(
                path, tuple(self.factors[path].level_names()), _position(self.base, runs), _base_value(self.base, path)
            )
            for path, runs in self._level_runs.items()
        )

    @cached_property
    def baseline(self) -> dict[str, str]:
        """The name of every factor's baseline level: the level of the base run, else the first one."""
        return {
            path: self.factors[path].level_names()[_position(self.base, runs) or 0]
            for path, runs in self._level_runs.items()
        }

    @property
    def base_outside_levels(self) -> list[Fault]:
        """What to say of each factor whose levels do not include the base run's value, at that value.

        A design that starts from the base run refuses it. All others run no cell with this value, and their baseline
        is the first level.
        """
        return [
            Fault(
                ("base", *factor.name.split(".")),
                f"found {factor.base_value!r}, which is none of the levels of this factor "
                f"({', '.join(factor.level_names)}): no run has it, and level {self.baseline[factor.name]!r} is the "
                "baseline; change the base or add its value to the levels, unless this is intended",
            )
            for factor in self.design_factors
            if factor.baseline is None
        ]

    @cached_property
    def factor_levels(self) -> tuple[FactorLevels, ...]:
        """The factors in the form that inference takes."""
        return tuple(
            FactorLevels(path, factor.title or path, tuple(factor.level_names()), self.baseline[path], factor.ordered)
            for path, factor in self.factors.items()
        )

    @property
    def looks(self) -> Looks | None:
        """The planned looks at the results of a sequential study; None for one analysis after the last run."""
        return self.seeds.looks if isinstance(self.seeds, SeedRange) else None

    @cached_property
    def settings(self) -> InferenceSettings:
        """The settings of the inference; the metric of the response adds its better direction and its bounds.

        Raises SpecError and DesignError as `cells` does.
        """
        metric = METRICS[self.response.metric]
        return InferenceSettings.of(
            self.analysis,
            interactions=self._tested_pairs(),
            higher_is_better=metric.higher_is_better,
            bounds=(metric.low, metric.high),
            looks=self.looks,
        )

    @cached_property
    def judged_settings(self) -> dict[str, InferenceSettings]:
        """The settings of the inference of every judged metric, by its name; the margin is for the response alone."""
        metrics = [METRICS[name] for name in self.analysis.judged_metrics]
        return {
            metric.name: self.settings.model_copy(
                update={
                    "margin": None,
                    "higher_is_better": metric.higher_is_better,
                    "bounds": (metric.low, metric.high),
                }
            )
            for metric in metrics
        }

    @cached_property
    def planned_runs(self) -> tuple[PlannedRun, ...]:
        """Every cell with every seed, in the order of the design."""
        return tuple(self._planned_run(cell, seed) for cell, seed in product(self.cells, self.seeds))

    @cached_property
    def _level_runs(self) -> dict[str, list[RunSpec | None]]:
        return level_runs(self.base, self.factors)

    @cached_property
    def _rules(self) -> Rules:
        return self.design.rules(self.design_factors)

    def _tested_pairs(self) -> Literal["all", "none"] | list[FactorPair]:
        """Return the pairs of `analysis.interactions`, with those of the design in place of "design"."""
        if self.analysis.interactions != "design":
            return self.analysis.interactions
        pairs, paths = self.design.pairs(self.design_factors), list(self.factors)
        return "all" if pairs is None else [[paths[first], paths[second]] for first, second in pairs]

    def _names(self, indices: Sequence[int]) -> dict[str, str]:
        levels = zip(self.factors.items(), indices, strict=True)
        return {path: factor.level_names()[i] for (path, factor), i in levels}

    def _run(self, indices: Sequence[int]) -> RunSpec:
        levels = zip(self.factors.items(), indices, strict=True)
        settings = {path: factor.levels[i] for (path, factor), i in levels}
        run = changed(self.base, self._active_settings(settings, indices))
        if problem := self.response.problem_with(run.evaluation):
            raise SpecError(f"response.{problem}")
        return run

    def _active_settings(self, settings: Mapping[str, Any], indices: Sequence[int]) -> dict[str, Any]:
        """Leave out inactive factors that the run has no field for, such as a setting of another kind of loss."""
        paths = list(settings)
        inactive = {paths[position] for position in self._rules.inactive_factors(tuple(indices))}
        if not inactive:
            return dict(settings)
        run = changed(self.base, {path: level for path, level in settings.items() if path not in inactive})
        return {
            path: level for path, level in settings.items() if path not in inactive or unknown_path(run, path) is None
        }

    def cell_title(self, cell: Cell) -> str:
        """Return the levels of a cell that differ from the baseline, in words; "baseline" if there is none."""
        changes = [
            f"{self.factors[path].title or path.rpartition('.')[2].replace('_', ' ')} {level}"
            for path, level in cell.levels.items()
            if level != self.baseline[path]
        ]
        return ", ".join(changes or ["baseline"])

    def _planned_run(self, cell: Cell, seed: int) -> PlannedRun:
        spec = cell.spec.model_copy(update={"seed": seed})
        return PlannedRun(spec.identity(), f"{self.cell_title(cell)}, seed {seed}", cell.levels, seed, spec)


def _position(base: RunSpec, runs: Sequence[RunSpec | None]) -> int | None:
    return runs.index(base) if base in runs else None


def _base_value(base: RunSpec, path: str) -> str:
    value: Any = base.model_dump(mode="json")
    for key in path.split("."):
        value = value[key]
    return shorten(level_name(value), LONGEST_VALUE, placeholder=" ...")


def _written(levels: Mapping[str, str]) -> str:
    return "{" + ", ".join(f"{path}: {level}" for path, level in levels.items()) + "}"
