"""fANOVA and PED-ANOVA as Optuna computes them, with what no effect at all would give.

They are here for comparison, beside ablate.inference.importance. Neither sees an interaction but through the factors'
own effects, and their values have no scale of their own: in a study of 3 x 3 x 2 x 2 x 2 cells and 2 seeds without any
effect, Optuna's default gives the top factor half of the importance on average.
"""

import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Literal, Self

import numpy as np
import optuna
from jaxtyping import Float, Int
from optuna.distributions import BaseDistribution, CategoricalDistribution
from optuna.exceptions import ExperimentalWarning
from optuna.importance import (
    BaseImportanceEvaluator,
    FanovaImportanceEvaluator,
    PedAnovaImportanceEvaluator,
    get_param_importances,
)
from optuna.trial import create_trial

from ablate.core.errors import AblateError
from ablate.core.seeds import derive
from ablate.inference.block_effects import less_block_effects
from ablate.inference.resampling import FEWEST_BLOCKS, resamples, share_interval
from ablate.inference.run_table import RunTable
from ablate.inference.settings import Settings

Method = Literal["fanova", "ped_anova"]
RESAMPLES = 39
SHUFFLES = 19  # an idle factor is above all of them once in twenty
FEWEST_RUNS = 2  # a run alone differs from nothing

optuna.logging.set_verbosity(optuna.logging.WARNING)


@dataclass(frozen=True)
class OptunaImportance:
    """A factor's share of all importance, in [0, 1], with its bootstrap interval over blocks.

    `null_high` is the largest of 19 importances where responses are shuffled within blocks, over the same sum as
    `value`, at most 1: no effect at all passes it once in twenty. Over their own sum they would be nothing to compare
    with, since what is nothing adds up to 1 too.
    """

    method: Method
    factor: str
    value: float
    low: float | None
    high: float | None
    null_high: float


def optuna_importances(table: RunTable, settings: Settings, method: Method) -> tuple[OptunaImportance, ...]:
    """Return every factor's importance, by Optuna's evaluator with its own defaults, from runs less block effects.

    `fanova`: the share of the variance of a random forest's forecast that a factor's own effect makes up (Hutter, Hoos
    & Leyton-Brown 2014, PMLR 32). It needs scikit-learn, and half a second for each of up to 59 forests. `ped_anova`:
    how far the levels of the best tenth of the runs depart from those of all (Watanabe, Bansal & Hutter 2023,
    doi:10.24963/ijcai.2023/488). The interval is None below three blocks. Nothing is returned for less than two runs,
    and where nothing matters.

    Raises AblateError without scikit-learn where fANOVA needs it.
    """
    own = table.defined
    if np.count_nonzero(own) < FEWEST_RUNS or not table.factors:
        return ()
    importances = _Importances.of(table, settings, _evaluator(method, settings))
    response, block = less_block_effects(table)[own], np.unique(table.block[own], return_inverse=True)[1]
    value = importances(np.arange(len(response)), response)
    if not (whole := value.sum()):
        return ()
    null = [importances(np.arange(len(response)), dealt) / whole for dealt in _shuffled(response, block, settings)]
    drawn = [_shares(importances(runs, response[runs])) for runs in _resampled(block, settings)]
    bounds = _bounds(value / whole, drawn, block.max() + 1, settings.alpha)
    found = zip(table.factors, value / whole, bounds, np.max(null, axis=0).clip(max=1), strict=True)
    return tuple(
        OptunaImportance(method, factor.path, float(share), low, high, float(highest))
        for factor, share, (low, high), highest in found
    )


def _evaluator(method: Method, settings: Settings) -> BaseImportanceEvaluator:
    if method == "ped_anova":
        return PedAnovaImportanceEvaluator()
    if find_spec("sklearn") is None:
        raise AblateError("fANOVA needs scikit-learn: pip install 'ablate-convlstm[importance]'")
    return FanovaImportanceEvaluator(seed=derive(settings.seed, "bootstrap") % 2**32)


@dataclass(frozen=True)
class _Importances:
    """What an evaluator of Optuna says of a study made of chosen runs."""

    points: tuple[Mapping[str, str], ...]
    distributions: Mapping[str, BaseDistribution]
    direction: Literal["maximize", "minimize"]
    evaluator: BaseImportanceEvaluator

    @classmethod
    def of(cls, table: RunTable, settings: Settings, evaluator: BaseImportanceEvaluator) -> Self:
        return cls(
            points=tuple(
                {factor.path: factor.levels[level] for factor, level in zip(table.factors, levels, strict=True)}
                for levels in table.levels[table.defined]
            ),
            distributions={factor.path: CategoricalDistribution(factor.levels) for factor in table.factors},
            direction="maximize" if settings.higher_is_better else "minimize",
            evaluator=evaluator,
        )

    def __call__(
        self, runs: Int[np.ndarray, " run"], response: Float[np.ndarray, " run"]
    ) -> Float[np.ndarray, " factor"]:
        study = optuna.create_study(direction=self.direction)
        study.add_trials(
            [
                create_trial(params={**self.points[run]}, distributions={**self.distributions}, value=float(value))
                for run, value in zip(runs, response, strict=True)
            ]
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ExperimentalWarning)  # normalize
            found = get_param_importances(study, evaluator=self.evaluator, normalize=False)
        return np.array([found[path] for path in self.distributions])


def _shuffled(response: np.ndarray, block: np.ndarray, settings: Settings) -> Iterator[Float[np.ndarray, " run"]]:
    generator = np.random.default_rng(derive(settings.seed, "randomization"))
    for _ in range(SHUFFLES):
        dealt = response.copy()
        for own in range(block.max() + 1):
            dealt[block == own] = generator.permutation(response[block == own])
        yield dealt


def _resampled(block: np.ndarray, settings: Settings) -> Iterator[Int[np.ndarray, " run"]]:
    blocks = block.max() + 1
    if blocks >= FEWEST_BLOCKS:
        for times in resamples(blocks, RESAMPLES, settings).T:
            yield np.repeat(np.arange(len(block)), times.astype(int)[block])


def _shares(value: Float[np.ndarray, " factor"]) -> Float[np.ndarray, " factor"]:
    return value / (value.sum() or 1.0)


def _bounds(
    value: np.ndarray, drawn: Sequence[np.ndarray], blocks: int, alpha: float
) -> Sequence[tuple[float, float] | tuple[None, None]]:
    return share_interval(value, np.transpose(drawn), blocks, alpha) if drawn else [(None, None)] * len(value)
