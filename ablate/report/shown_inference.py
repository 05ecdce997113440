"""An inference ready for a page: verdicts and interactions ranked, with their charts."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import assert_never

from ablate.analysis.factor_sentences import verdict_words
from ablate.analysis.phrases import effect_digits, excludes_zero, listed
from ablate.analysis.verdict_sentences import differences, qualifiers, ranked
from ablate.inference.factor_levels import FactorLevels
from ablate.inference.inference import Effect, FactorVerdict, Importance, Inference, Interaction, Mediation
from ablate.inference.kind_of_test import KindOfTest
from ablate.inference.verdict import Verdict
from ablate.measurement.metrics import METRICS
from ablate.report.method import method
from ablate.report.page import svg_uri
from ablate.report.study_figures import (
    doses_figure,
    effects_figure,
    importance_figure,
    interactions_figure,
    variance_figure,
    variance_parts,
)
from ablate.report.words import contrast_words

PANELS = 6  # interactions that fit into one chart; the table has them all


def mark(verdict: Verdict) -> str:
    """Return the shape that precedes the words of a verdict."""
    match verdict:
        case Verdict.CAUSE | Verdict.CAUSE_IN_THESE_SEEDS:
            return "\N{BLACK CIRCLE}"
        case Verdict.ACTS_ONLY_WITH:
            return "\N{CIRCLE WITH LEFT HALF BLACK}"
        case Verdict.NEGLIGIBLE | Verdict.NOT_A_CAUSE:
            return "\N{WHITE CIRCLE}"
        case Verdict.UNDECIDED:
            return "?"
        case unknown:
            assert_never(unknown)


@dataclass(frozen=True)
class ShownInference:
    """An inference, the title of its response, and whether its verdicts are shown: not those of an exploratory study.

    Verdicts and interactions are sorted, the strongest first. Images are data URIs, None if there is nothing to draw.
    """

    inference: Inference
    response: str
    decided: bool

    @cached_property
    def digits(self) -> int:
        """Number of digits after the decimal point of effects."""
        return effect_digits(self.inference)

    @cached_property
    def titles(self) -> Mapping[str, str]:
        """The titles of the factors by their paths."""
        return {factor.path: factor.title for factor in self.inference.factors}

    @cached_property
    def verdicts(self) -> list[FactorVerdict]:
        """The verdicts in the order of the answer."""
        return ranked(self.inference)

    @property
    def has_seeds(self) -> bool:
        """Whether runs share seeds, so that they are compared within a seed."""
        return self.inference.kind is not KindOfTest.RUN_FLIPS

    def mark(self, verdict: FactorVerdict) -> str:
        """Return the shape that precedes the words of a verdict."""
        return mark(verdict.verdict)

    def qualifiers(self, verdict: FactorVerdict) -> tuple[str, ...]:
        """Return a sentence for everything that qualifies a verdict."""
        return tuple(qualifiers(verdict))

    def word(self, verdict: FactorVerdict) -> str:
        """Return a verdict in words, with its partners."""
        if not verdict.partners or verdict.verdict is Verdict.UNDECIDED:
            return str(verdict.verdict)
        if verdict.verdict is Verdict.ACTS_ONLY_WITH:
            return verdict_words(verdict, self.inference)
        partners = listed([self.titles[path] for path in verdict.partners])
        return f"{verdict.verdict}, the size of the effect depends on {partners}"

    @property
    def effects(self) -> list[tuple[str, Effect]]:
        """Every effect with its name, in the order of the verdicts."""
        return [
            (f"{verdict.title}: {contrast_words(effect)}", effect)
            for verdict in self.verdicts
            for effect in verdict.effects
        ]

    @property
    def interactions(self) -> list[Interaction]:
        """The tested interactions, those with the smallest adjusted p first."""
        tested = [pair for pair in self.inference.interactions if pair.test.p is not None]
        return sorted(tested, key=lambda pair: (pair.p_adjusted or 0.0, -pair.partial_eta_sq))

    @property
    def importance(self) -> list[Importance]:
        """The factors' shares of the variance between cells, the largest first."""
        return sorted(self.inference.importance, key=lambda factor: -factor.shapley)

    @property
    def variance(self) -> Mapping[str, float]:
        """Shares of the total variance by kind of term; empty if they were not computed."""
        return variance_parts(self.inference.variance) if self.inference.variance else {}

    @property
    def mediators(self) -> Mapping[str, list[Mediation]]:
        """The direct effects by the title of their mediator."""
        by_title: dict[str, list[Mediation]] = {}
        for effect in self.inference.mediation:
            by_title.setdefault(_metric_title(effect.mediator), []).append(effect)
        return by_title

    def compared(self, mediation: Mediation) -> str:
        """Return the two levels that a mediated effect compares, in the words of the total effect."""
        for verdict in self.inference.verdicts:
            for effect in verdict.effects:
                if (effect.factor, effect.contrast) == (mediation.factor, mediation.contrast):
                    return contrast_words(effect)
        return mediation.contrast

    @property
    def method(self) -> tuple[str, ...]:
        """How the numbers were computed, in paragraphs."""
        return method(self.inference, self.response)

    @cached_property
    def effects_image(self) -> str | None:
        """Chart of all effects with their confidence intervals."""
        rows = [(name, effect, self.is_filled(effect)) for name, effect in self.effects]
        return svg_uri(effects_figure(rows, self.response, self.inference.settings.margin)) if rows else None

    @cached_property
    def doses_image(self) -> str | None:
        """Chart of the effects of ordered factors along their levels."""
        ordered = [(factor, effects) for factor, effects in self._ordered() if effects]
        return svg_uri(doses_figure(ordered, self.response)) if ordered else None

    @cached_property
    def interactions_image(self) -> str | None:
        """Chart of the mean responses of the strongest interactions."""
        factors = {factor.path: factor for factor in self.inference.factors}
        strongest = [pair for pair in self.interactions if pair.means][:PANELS]
        return svg_uri(interactions_figure(strongest, factors, self.response)) if strongest else None

    @cached_property
    def importance_image(self) -> str | None:
        """Chart of the Shapley shares with the band that factors without an effect reach."""
        return svg_uri(importance_figure(self.importance, self.titles)) if self.importance else None

    @cached_property
    def variance_image(self) -> str | None:
        """Chart of the total variance by kind of term."""
        return svg_uri(variance_figure(self.inference.variance)) if self.inference.variance else None

    def anchors(self, section: str) -> Mapping[tuple[str, str], str]:
        """Return the identifier of each effect's row in the table of this section, by its factor and its contrast."""
        return {
            (effect.factor, effect.contrast): f"{section}-{row}-{position}"
            for row, verdict in enumerate(self.verdicts, 1)
            for position, effect in enumerate(verdict.effects, 1)
        }

    def is_filled(self, effect: Effect) -> bool:
        """Return whether an effect is drawn filled: significant, or with an interval that excludes 0 if exploratory."""
        if self.decided:
            return effect.p_adjusted is not None and effect.p_adjusted <= self.inference.settings.alpha
        return bool(excludes_zero(effect))

    def _ordered(self) -> list[tuple[FactorLevels, list[Effect]]]:
        effects = {verdict.factor: differences(verdict) for verdict in self.inference.verdicts}
        return [(factor, effects.get(factor.path, [])) for factor in self.inference.factors if factor.ordered]


def _metric_title(name: str) -> str:
    return METRICS[name].title if name in METRICS else name
