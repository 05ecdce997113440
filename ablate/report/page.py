"""What every page has in common: it needs nothing beside itself, and shows words as they are."""

from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from ablate.report.words import (
    bounds,
    contrast_words,
    direction,
    interval,
    level_words,
    number,
    optional,
    p_value,
    share,
    shown_value,
    spaced,
)

ENVIRONMENT = Environment(
    loader=PackageLoader("ablate.report", "."),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
ENVIRONMENT.filters |= {
    "bounds": bounds,
    "contrast_words": contrast_words,
    "direction": direction,
    "interval": interval,
    "number": number,
    "optional": optional,
    "p_value": p_value,
    "share": share,
    "shown_value": shown_value,
    "spaced": spaced,
}
ENVIRONMENT.globals["level_words"] = level_words


def rendered(template: str, **context: Any) -> str:
    """Return the page. Every word in `context` is escaped; base.html.j2 forbids scripts and whatever is not in it."""
    return ENVIRONMENT.get_template(template).render(context)
