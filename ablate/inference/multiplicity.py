"""The family's p-values, adjusted for their number."""

from collections.abc import Sequence


def holm(p_values: Sequence[float | None]) -> list[float | None]:
    """Return Holm's adjusted p-values (1979, Scandinavian Journal of Statistics 6); those that are None stay None."""
    known = [p for p in p_values if p is not None]
    if len(known) < 2:  # noqa: PLR2004  # nothing to adjust for, and statsmodels takes 60 ms to say so
        return list(p_values)
    from statsmodels.stats.multitest import multipletests  # noqa: PLC0415  # a second to load, and not every command asks

    adjusted = iter(multipletests(known, method="holm")[1])
    return [None if p is None else float(next(adjusted)) for p in p_values]
