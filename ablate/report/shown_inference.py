"""What was inferred of a table of runs, ready to be shown: ranked, with its charts."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import assert_never

from ablate.analysis.phrases import effect_digits, excludes_zero, listed
from ablate.analysis.verdict_sentences import differences, ranked
from ablate.inference.factor_levels import FactorLevels
from ablate.inference.inference import Effect, FactorVerdict, Importance, Inference, Interaction, Mediation
from ablate.inference.verdict import Verdict
from ablate.measurement.metrics import METRICS
from ablate.report.data_uri import svg_uri
from ablate.report.effect_figures import doses_figure, effects_figure
from ablate.report.interactions_figure import interactions_figure
from ablate.report.method import method
from ablate.report.share_figures import importance_figure, variance_figure, variance_parts
from ablate.report.words import contrast_words

PANELS = 6  # interactions that are drawn; the others are in the table


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
    """An inference, what its response is called, and whether its verdicts are shown: of an exploratory study not.

    Verdicts and interactions come the strongest first. Images are data URIs, None where there is nothing to draw.
    """

    inference: Inference
    response: str
    decided: bool

    @cached_property
    def digits(self) -> int:
        """How many digits after the point to write effects with."""
        return effect_digits(self.inference)

    @cached_property
    def titles(self) -> Mapping[str, str]:
        """What people call the factors, by their paths."""
        return {factor.path: factor.title for factor in self.inference.factors}

    @cached_property
    def verdicts(self) -> list[FactorVerdict]:
        """Verdicts in the order of the answer."""
        return ranked(self.inference)

    def mark(self, verdict: FactorVerdict) -> str:
        """Return the shape that precedes the words of a verdict."""
        return mark(verdict.verdict)

    def word(self, verdict: FactorVerdict) -> str:
        """Return a verdict in words, with its partners."""
        if not verdict.partners:
            return str(verdict.verdict)
        partners = listed([self.titles[path] for path in verdict.partners])
        if verdict.verdict is Verdict.ACTS_ONLY_WITH:
            return f"{verdict.verdict} {partners}"
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
        """Interactions, those with the smallest adjusted p first."""
        tested = [one for one in self.inference.interactions if one.test.p is not None]
        return sorted(tested, key=lambda one: (one.p_adjusted or 0.0, -one.partial_eta_sq))

    @property
    def importance(self) -> list[Importance]:
        """Factors by their share of the variance, the largest first."""
        return sorted(self.inference.importance, key=lambda one: -one.shapley)

    @property
    def variance(self) -> Mapping[str, float]:
        """Shares of the variance by what they belong to; empty where it was not split."""
        return variance_parts(self.inference.variance) if self.inference.variance else {}

    @property
    def mediators(self) -> Mapping[str, list[Mediation]]:
        """What is left of the effects, by the title of the measure that is held equal."""
        names = dict.fromkeys(one.mediator for one in self.inference.mediation)
        return {_metric(name): [one for one in self.inference.mediation if one.mediator == name] for name in names}

    def compared(self, mediation: Mediation) -> str:
        """Return what a mediated effect compares, in the words of the effect itself."""
        same = (mediation.factor, mediation.contrast)
        effects = [own for verdict in self.inference.verdicts for own in verdict.effects]
        return next((contrast_words(own) for own in effects if (own.factor, own.contrast) == same), mediation.contrast)

    @property
    def method(self) -> tuple[str, ...]:
        """How the numbers were reached, a paragraph each."""
        return method(self.inference, self.response)

    @cached_property
    def effects_image(self) -> str | None:
        """All effects with their intervals."""
        rows = [(name, effect, self._told(effect)) for name, effect in self.effects]
        return svg_uri(effects_figure(rows, self.response, self.inference.settings.margin)) if rows else None

    @cached_property
    def doses_image(self) -> str | None:
        """The effects of ordered factors along their levels."""
        found = [(factor, effects) for factor, effects in self._ordered() if effects]
        return svg_uri(doses_figure(found, self.response)) if found else None

    @cached_property
    def interactions_image(self) -> str | None:
        """Mean responses of the strongest interactions."""
        factors = {factor.path: factor for factor in self.inference.factors}
        chosen = self.interactions[:PANELS]
        return svg_uri(interactions_figure(chosen, factors, self.response)) if chosen else None

    @cached_property
    def importance_image(self) -> str | None:
        """Shapley shares with the band that no effect gives."""
        return svg_uri(importance_figure(self.importance, self.titles)) if self.importance else None

    @cached_property
    def variance_image(self) -> str | None:
        """All variance, cut into its parts."""
        return svg_uri(variance_figure(self.inference.variance)) if self.inference.variance else None

    def _told(self, effect: Effect) -> bool:
        if self.decided:
            return effect.p_adjusted is not None and effect.p_adjusted <= self.inference.settings.alpha
        return bool(excludes_zero(effect))

    def _ordered(self) -> list[tuple[FactorLevels, list[Effect]]]:
        own = {verdict.factor: differences(verdict) for verdict in self.inference.verdicts}
        return [(factor, own.get(factor.path, [])) for factor in self.inference.factors if factor.ordered]


def _metric(name: str) -> str:
    return METRICS[name].title if name in METRICS else name
