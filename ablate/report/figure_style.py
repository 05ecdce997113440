"""The style of all charts, and a chart as SVG text: equal numbers give equal bytes."""

import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure

# Okabe and Ito's colors without black and yellow: color-blind readers can distinguish them
COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00")
MARKERS = ("o", "s", "^", "D", "v", "P")
DASHES: tuple[Any, ...] = ("-", (0, (5, 2)), (0, (1, 1.5)), (0, (5, 1.5, 1, 1.5)))
"""Together with MARKERS they distinguish lines without color."""
INK, FAINT, RULE = "#1c1c1e", "#5f5f66", "#d8d8de"
WIDTH = 9.6  # inches
STYLE: dict[Any, Any] = {  # matplotlib's type lists every key
    "svg.hashsalt": "ablate",
    "font.size": 10,
    "axes.edgecolor": FAINT,
    "axes.labelcolor": INK,
    "axes.titlesize": 10,
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.color": FAINT,
    "ytick.color": FAINT,
    "text.color": INK,
    "text.parse_math": False,  # a dollar in a title is a dollar
    "legend.frameon": False,
}


@contextmanager
def styled(width: float, height: float) -> Iterator[Figure]:
    """Yield an empty figure of this size in inches; everything drawn inside the block has this style."""
    with mpl.rc_context(STYLE):
        yield Figure(figsize=(width, height), layout="constrained")


def svg(figure: Figure) -> str:
    """Return a figure as SVG text; call it inside the `styled` block."""
    text = io.StringIO()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing from font")  # the table below has the text
        figure.savefig(text, format="svg", metadata={"Date": None})
    return text.getvalue()
