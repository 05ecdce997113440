"""What came of simulated studies, for a reader."""

from ablate.inference.calibration.bars import Bar
from ablate.inference.calibration.campaign import Campaign
from ablate.inference.calibration.rates import Rate, Rates

COLUMNS = {
    "false_alarms": "false alarm",
    "cleared": "wrongly cleared",
    "found": "found",
    "coverage": "covered",
    "sign_errors": "wrong sign",
    "undecided": "undecided",
}
"""The rates, in the order in which they stand, and what heads them."""
MEANINGS = (
    "Shares of the studies, and below them their 95 % intervals (Clopper and Pearson).",
    "false alarm: studies in which a factor that does nothing was named a cause, or as acting with another.",
    "wrongly cleared: studies in which a factor with an effect as large as the margin was named no cause.",
    "found: studies in which what was planted was named rightly: a cause as a cause, a pair as acting with each other.",
    "covered: intervals that hold the true effect.",
    "wrong sign: significant effects that point the other way than the true ones.",
    "undecided: factors left undecided.",
    "A promise is broken only where the whole interval breaks it.",
)


def planted_words(campaign: Campaign) -> str:
    """Return what was simulated, in one paragraph."""
    layout, sizes = campaign.layout, campaign.sizes
    return (
        f"Simulated: {len(layout.cells)} cells of {len(layout.factors)} factors x {layout.blocks} seeds. The noise "
        f"of a run has a standard deviation of 1, and so have the seeds' effects. A cause moves the response by "
        f"{sizes.effect:g} SD, a pure interaction by {sizes.interaction:g} SD up or down; the margin is "
        f"{sizes.margin:g} SD, alpha {campaign.settings.alpha:g}."
    )


def rows(rates: Rates) -> list[Rate | None]:
    """Return a scenario's rates in the order of COLUMNS."""
    return [getattr(rates, name) for name in COLUMNS]


def rate_words(rate: Rate | None) -> tuple[str, str]:
    """Return a share in percent and its interval; dashes where nothing was counted."""
    if rate is None:
        return "-", ""
    return f"{100 * rate.share:.1f} %", f"{100 * rate.low:.1f}-{100 * rate.high:.1f}"


def bar_words(bar: Bar, title: str) -> str:
    """Return whether a bar holds, what was wanted, and what was found."""
    share, interval = rate_words(bar.rate)
    return f"{'holds' if bar.holds else 'BROKEN'}: {title}: {bar.wanted}; found {share} ({interval})"
