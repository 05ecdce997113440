"""Coverage and width of the confidence intervals over seeds: `python -m benchmarks.interval_coverage`.

Every seed has a run of each of two levels; `with holes`, with each of three levels of a partner, a quarter lost.
`both`: the noise is the same at both levels. `one`: only one level is noisy, which preserves the skewness of the noise.
The true difference is 0.
"""

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.progress import track
from rich.table import Table
from scipy import stats

from ablate.inference.factor_levels import FactorLevels
from ablate.inference.infer import infer
from ablate.inference.run_table import RunTable
from ablate.inference.settings import InferenceSettings
from benchmarks.calibration_page import INTERVALS, SECTION

HEADINGS = ("noise", "seeds", "covered, width", "with holes: covered, width")
SEEDS = (4, 6, 8, 10, 20)
SETTINGS = InferenceSettings(draws=199)  # flips decide no interval
FACTOR = FactorLevels("factor", "factor", ("1", "2"), "1")
PARTNER = FactorLevels("partner", "partner", ("1", "2", "3"), "1")
HAVE_RESPONSE = 0.75  # share of the runs of a table with holes

Draw = Callable[[np.random.Generator, int], np.ndarray]
"""Returns noise with mean 0, one value for each run of the noisy level."""


def main() -> None:
    """Print the share of intervals that cover the true value, and their median width, for every noise."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--studies", type=int, default=2000, help="simulated studies (2000)")
    parser.add_argument("--page", type=Path, help="page whose section is rewritten, for example docs/calibration.md")
    arguments = parser.parse_args()
    console = Console(width=120)
    rows = []
    for name, (draw, both) in track(list(noises().items()), console=console, transient=True):
        for seeds in SEEDS:
            cells = (
                _coverage_and_width(draw, seeds, arguments.studies, both=both, holes=holes) for holes in (False, True)
            )
            rows.append((name, str(seeds), *cells))
    table = Table(*HEADINGS)
    for row in rows:
        table.add_row(*row)
    console.print(table)
    if arguments.page:
        page: Path = arguments.page
        page.write_text(_with_section(page.read_text(encoding="utf-8"), rows), encoding="utf-8")


def _with_section(page: str, rows: Sequence[Sequence[str]]) -> str:
    """Return the page with the table of these rows in its section."""
    lines = [HEADINGS, ["---"] * len(HEADINGS), *rows]
    table = "\n".join("| " + " | ".join(line) + " |" for line in lines)
    return SECTION.sub(lambda m: f"{m[1]}\n{table}\n\n{m[3]}" if m["name"] == INTERVALS else m[0], page)


def noises() -> dict[str, tuple[Draw, bool]]:
    """Return the distributions of a run's noise, by name, and whether both levels have it."""
    log_normal, exponential = stats.lognorm(1), stats.expon()

    def centered(distribution: stats.distributions.rv_frozen) -> Draw:
        return lambda generator, n: distribution.rvs(size=n, random_state=generator) - distribution.mean()

    return {
        "normal, both": (lambda generator, n: generator.standard_normal(n), True),
        "log-normal, both": (centered(log_normal), True),
        "exponential, one": (centered(exponential), False),
        "log-normal, one": (centered(log_normal), False),
    }


def _coverage_and_width(draw: Draw, seeds: int, studies: int, *, both: bool, holes: bool) -> str:
    generator = np.random.default_rng(0)
    covered, widths = 0, []
    for _ in range(studies):
        table = _table(draw, seeds, generator, both=both, holes=holes)
        effect = infer(table, SETTINGS, described=False).verdicts[0].effects[0]
        if effect.low is not None and effect.high is not None:
            covered += effect.low <= 0 <= effect.high
            widths.append(effect.high - effect.low)
    if not widths:
        return "no interval"
    return f"{100 * covered / len(widths):.1f} %, {np.median(widths):.2f}"


def _table(draw: Draw, seeds: int, generator: np.random.Generator, *, both: bool, holes: bool) -> RunTable:
    """Return a table of the factor in each seed; with holes, beside a partner and with a quarter of the runs lost."""
    factors = (FACTOR, PARTNER) if holes else (FACTOR,)
    shape = (*(len(factor.levels) for factor in factors), seeds)
    index = np.indices(shape).reshape(len(shape), -1).T
    is_noisy = np.ones(len(index), bool) if both else index[:, 0] == 1
    response = generator.standard_normal(seeds)[index[:, -1]]
    response[is_noisy] += draw(generator, int(is_noisy.sum()))
    if holes:
        response[generator.random(len(index)) >= HAVE_RESPONSE] = np.nan
    return RunTable(factors, tuple(map(str, range(seeds))), index[:, :-1], index[:, -1], response)


if __name__ == "__main__":
    main()
