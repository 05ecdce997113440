"""One short sentence for each factor, with its largest effect: the first thing that a report shows."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import assert_never

from ablate.analysis.phrases import counted, effect_digits, listed, signed
from ablate.analysis.verdict_sentences import compared, differences, number_of_units
from ablate.inference.inference import Effect, FactorVerdict, Inference
from ablate.inference.verdict import Verdict


@dataclass(frozen=True)
class FactorSentence:
    """What the study says on one factor: `title`, `claim` and `evidence` make one sentence.

    `effect` is the factor's largest difference between a level and the baseline; it is None without an estimate. `tags`
    are the qualifiers of the verdict in a word or two each; their sentences are beside the verdict in the full text.
    """

    factor: str
    title: str
    claim: str
    evidence: str
    tags: tuple[str, ...]
    verdict: Verdict | None
    effect: Effect | None

    @property
    def text(self) -> str:
        """The sentence: `kernel is a cause: "1" instead of "3" changes the ghost ratio by +0.24 [...], n = 7 seeds`."""
        return f"{self.title}{self.claim}: {self.evidence}."

    @property
    def qualified_text(self) -> str:
        """The sentence with its qualifiers."""
        return f"{self.text.removesuffix('.')} ({'; '.join(self.tags)})." if self.tags else self.text


def factor_sentences(inference: Inference, response: str, *, decided: bool) -> tuple[FactorSentence, ...]:
    """Return one sentence for each factor, the largest effect first; `response` is its title.

    An exploratory study (`decided` is False) gets the same numbers without a verdict.
    """
    by_size = sorted(inference.verdicts, key=lambda verdict: -_size(verdict))
    return tuple(_sentence(verdict, inference, response, decided=decided) for verdict in by_size)


def verdict_words(verdict: FactorVerdict, inference: Inference) -> str:
    """Return a verdict in words, with the partners of `acts only with`."""
    if verdict.verdict is Verdict.ACTS_ONLY_WITH:
        return f"{verdict.verdict} {_partners(verdict, inference)}"
    return str(verdict.verdict)


def _sentence(verdict: FactorVerdict, inference: Inference, response: str, *, decided: bool) -> FactorSentence:
    effects = differences(verdict)
    largest = effects[0] if effects else None
    return FactorSentence(
        factor=verdict.factor,
        title=verdict.title,
        claim=f" {_claim(verdict, inference)}" if decided else "",
        evidence=_evidence(largest, inference, response) if largest else _without_estimate(verdict),
        tags=tuple(_tags(verdict, inference, decided=decided)),
        verdict=verdict.verdict if decided else None,
        effect=largest,
    )


def _claim(verdict: FactorVerdict, inference: Inference) -> str:
    match verdict.verdict:
        case Verdict.CAUSE | Verdict.CAUSE_IN_THESE_SEEDS:
            return f"is a {verdict.verdict}"
        case Verdict.ACTS_ONLY_WITH:
            return verdict_words(verdict, inference)
        case Verdict.NEGLIGIBLE | Verdict.NOT_A_CAUSE | Verdict.UNDECIDED:
            return f"is {verdict.verdict}"
        case unknown:
            assert_never(unknown)


def _evidence(effect: Effect, inference: Inference, response: str) -> str:
    change = signed(effect, effect_digits(inference))
    interval = "" if effect.low is not None else " (no confidence interval)"
    return (
        f"{compared(effect, inference)} changes the {response} by {change}{interval}, "
        f"{number_of_units(effect, inference)}"
    )


def _without_estimate(verdict: FactorVerdict) -> str:
    reason = verdict.reason.removesuffix(".")
    return f"no estimate; {reason[:1].lower()}{reason[1:]}"


def _tags(verdict: FactorVerdict, inference: Inference, *, decided: bool) -> Iterator[str]:
    if (more := len(differences(verdict)) - 1) > 0:
        yield f"{counted(more, 'other level')} with a smaller effect"
    if verdict.verdict is Verdict.ACTS_ONLY_WITH and decided:
        yield "average over all cells"
    elif verdict.partners and decided:
        yield f"size depends on {_partners(verdict, inference)}"
    if verdict.exploratory and decided:
        yield "exploratory"
    if verdict.weak_spot:
        yield "weak spot of the method"
    if verdict.bounds:
        yield "runs lost because of their response"
    if decided and verdict.untested_pairs and verdict.verdict is not Verdict.UNDECIDED:
        yield "untested interaction"


def _partners(verdict: FactorVerdict, inference: Inference) -> str:
    titles = {factor.path: factor.title for factor in inference.factors}
    return listed([titles[path] for path in verdict.partners])


def _size(verdict: FactorVerdict) -> float:
    return max((abs(effect.estimate) for effect in differences(verdict)), default=0.0)
