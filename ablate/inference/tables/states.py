"""How the runs of a table ended: states that leave no result, whatever number stands in the row."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool

from ablate.inference.run_states import RunState, run_state
from ablate.inference.tables.columns import NONE, Columns
from ablate.inference.tables.text import TextColumns, brief

STATE_COLUMNS = ("outcome", "run_state", "state", "status", "trial_state")
"""Names, in any case, of columns that are read for states where --outcome names none."""
LISTED = 5  # states in a sentence


@dataclass(frozen=True, eq=False)
class Endings:
    """How each run ended: a state's word, `finished`, or nothing where no column says so."""

    words: tuple[str, ...]
    has_result: Bool[np.ndarray, " run"]
    notes: tuple[str, ...]


def endings(text: TextColumns, columns: Columns) -> Endings:
    """Return how the runs ended, from the outcome column, or from all columns that hold states."""
    candidates = _candidates(text, columns)
    sources = {name: values for name, values in candidates.items() if name == columns.outcome or _has_states(values)}
    words = tuple(_ending([values[row] for values in sources.values()]) for row in range(len(text.rows)))
    states = [run_state(word) for word in words]
    has_result = np.array([state is not RunState.LOST for state in states], bool)
    notes = [
        *_lost_note(words, has_result, columns, tuple(sources)),
        *_unknown_note(words, states, columns, tuple(sources)),
        *_unread_notes({name: values for name, values in candidates.items() if name not in sources}),
    ]
    return Endings(words, has_result, tuple(notes))


def counted_states(words: Sequence[str]) -> str:
    """Return how often each word occurs: `12 PRUNED, 1 FAIL`."""
    counts = Counter(brief(word) for word in words).most_common()
    more = f" and {len(counts) - LISTED} more" if len(counts) > LISTED else ""
    return ", ".join(f"{count:,} {word}" for word, count in counts[:LISTED]) + more


def _candidates(text: TextColumns, columns: Columns) -> Mapping[str, Sequence[str]]:
    if columns.outcome == NONE:
        return {}
    if columns.outcome:
        return {columns.outcome: text.columns[columns.outcome]}
    return {
        name: values
        for name, values in text.optional.items()
        if name.lower() in STATE_COLUMNS and name not in columns.names
    }


def _has_states(values: Sequence[str]) -> bool:
    """Return whether a column holds states of runs: only known ones, or one of them says that a run finished."""
    states = {run_state(value) for value in set(values) if value}
    return bool(states) and (None not in states or RunState.FINISHED in states)


def _ending(words: Sequence[str]) -> str:
    """Return the word that counts where several columns speak of a run: the first that leaves no result."""
    states = [run_state(word) for word in words]
    if RunState.LOST in states:
        return words[states.index(RunState.LOST)]
    return str(RunState.FINISHED) if RunState.FINISHED in states else next(filter(None, words), "")


def _lost_note(
    words: Sequence[str], has_result: Bool[np.ndarray, " run"], columns: Columns, sources: Sequence[str]
) -> Iterator[str]:
    if has_result.all():
        return
    lost = [word for word, is_result in zip(words, has_result, strict=True) if not is_result]
    detected = "" if columns.outcome else "; --outcome none ignores it" if len(sources) == 1 else ""
    yield (
        f"{len(lost):,} of {len(words):,} rows are no results, whatever number they have as {columns.response!r}: "
        f"{counted_states(lost)} ({_named(sources)}{detected})."
    )


def _unknown_note(
    words: Sequence[str], states: Sequence[RunState | None], columns: Columns, sources: Sequence[str]
) -> Iterator[str]:
    unknown = [word for word, state in zip(words, states, strict=True) if word and state is None]
    if unknown:
        yield (
            f"{_named(sources)} has states that are not known: {counted_states(unknown)}. A number as "
            f"{columns.response!r} counts as a result there; write failed or pruned for runs without a result."
        )


def _unread_notes(ignored: Mapping[str, Sequence[str]]) -> Iterator[str]:
    for name, values in ignored.items():
        known = sorted({brief(value) for value in set(values) if run_state(value)})
        if known:
            yield (
                f"column {name!r} has {', '.join(known[:LISTED])}, but also words that are no state of a run, so it is "
                f"not read; --outcome {name} reads it."
            )


def _named(sources: Sequence[str]) -> str:
    return f"column{'s' * (len(sources) > 1)} {' and '.join(map(repr, sources))}"
