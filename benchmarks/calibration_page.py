"""Writes the figures of docs/calibration.md: `python -m benchmarks.calibration_page FIRST.json SECOND.json`.

The files are the results of `ablate calibrate --published --json FILE` with two base seeds. What stands between
`<!-- calibration: NAME -->` and `<!-- end -->` in the page is replaced; the text around it stays. Two figures are drawn
beside the page.
"""

import argparse
import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console

from ablate.inference.calibration.published.limits import Limit
from ablate.inference.calibration.rates import HEADINGS, Rate
from benchmarks.calibration_figures import limits_figure, power_figure

PAGE = Path("docs/calibration.md")
SECTION = re.compile(r"(<!-- calibration: (?P<name>[^\n]*?) -->\n).*?(<!-- end -->)", re.DOTALL)
SUMMARY = "summary"
INTERVALS = "interval coverage"  # benchmarks.interval_coverage writes this section
DASH = "\N{EN DASH}"
COLUMNS = (
    "false_mains",
    "false_alarms",
    "false_causes",
    "detected",
    "cleared",
    "coverage",
    "intervals_shown",
    "undecided",
)
"""The rates of a table, in this order; a column without any rate is left out."""
GROWING = "Studies that stop when they know"
POWER_CURVE = "Power by number of seeds"

Document = Mapping[str, Any]
Scenario = Mapping[str, Any]


def main() -> None:
    """Write the tables and the figures of both runs."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", type=Path, nargs="+", help="results of ablate calibrate --published --json")
    parser.add_argument("--page", type=Path, default=PAGE, help=f"page to rewrite ({PAGE})")
    arguments = parser.parse_args()
    documents = [json.loads(file.read_text(encoding="utf-8")) for file in arguments.files]
    page: Path = arguments.page
    page.write_text(with_tables(page.read_text(encoding="utf-8"), documents), encoding="utf-8")
    page.with_suffix(".svg").write_text(limits_figure(documents), encoding="utf-8")
    power = page.with_name("power_by_seeds.svg")
    power.write_text(power_figure(documents[0]), encoding="utf-8")
    Console().print(f"written: {page}, {page.with_suffix('.svg')}, {power}")


def with_tables(page: str, documents: Sequence[Document]) -> str:
    """Return the page with the table of each group that it marks, from these results. Raises KeyError for others."""
    groups = {scenario["group"] for scenario in documents[0]["scenarios"]}

    def replaced(match: re.Match[str]) -> str:
        name = match["name"]
        if name == INTERVALS:
            return match[0]
        if name == SUMMARY:
            content = summary(documents)
        elif name in groups:
            content = group_table(documents, name)
        else:
            raise KeyError(f"{name!r} is no group of the results; allowed: {SUMMARY}, {', '.join(sorted(groups))}")
        return f"{match[1]}\n{content}\n\n{match[3]}"

    return SECTION.sub(replaced, page)


def summary(documents: Sequence[Document]) -> str:
    """Return how many limits hold in each run, and the sentences of those that do not."""
    lines = []
    for document in documents:
        scenarios = document["scenarios"]
        limits = sum(len(scenario["limits"]) for scenario in scenarios)
        violations = [sentence for scenario in scenarios for sentence in violated(scenario)]
        studies = sum(counting(scenario)["studies"] for scenario in scenarios)
        repeated = sum(scenario["rerun"] is not None for scenario in scenarios)
        lines.append(
            f"- Base seed {document['seed']}: {limits - len(violations)} of {limits} limits hold, in {len(scenarios)} "
            f"scenarios with {studies:,} tables. {repeated} scenarios were simulated again."
        )
        lines += [f"  - {sentence}" for sentence in (*violations, *document["falling_power"])]
    return "\n".join(lines)


def violated(scenario: Scenario) -> list[str]:
    """Return a sentence for each limit that a scenario violates."""
    rates = counting(scenario)
    limits = [Limit(**limit) for limit in scenario["limits"]]
    violations = [limit for limit in limits if rates[limit.rate] and not limit.is_held(Rate(**rates[limit.rate]))]
    return [
        f"`{scenario['name']}`: {HEADINGS[limit.rate]} {percent(rates[limit.rate])} %, limit {limit.words} %"
        for limit in violations
    ]


def group_table(documents: Sequence[Document], group: str) -> str:
    """Return a table in Markdown: a row for each scenario, and in each cell all runs and the limit."""
    runs = [{s["name"]: s for s in document["scenarios"] if s["group"] == group} for document in documents]
    names = list(runs[0])
    columns = [c for c in COLUMNS if any(counting(runs[0][name])[c] for name in names)]
    if group == POWER_CURVE:
        columns = ["detected"]
    headings = ["scenario", "table", "studies", *(HEADINGS[column] for column in columns)]
    headings += ["seeds used"] if group == GROWING else []
    rows = [_row([run[name] for run in runs if name in run], columns, growing=group == GROWING) for name in names]
    lines = [headings, ["---"] * len(headings), *rows]
    table = "\n".join("| " + " | ".join(line) + " |" for line in lines)
    weak = dict.fromkeys(s["weak_spot"] for s in runs[0].values() if s["weak_spot"])
    notes = [f"Weak spot ({_names_with(runs[0], text)}): {text}" for text in weak]
    return "\n\n".join([table, *notes])


def _row(scenarios: Sequence[Scenario], columns: Sequence[str], *, growing: bool) -> list[str]:
    first = scenarios[0]
    limits = {limit["rate"]: Limit(**limit).words for limit in first["limits"]}
    studies = "<br>".join(f"{counting(s)['studies']:,}{'†' if s['rerun'] else ''}" for s in scenarios)
    cells = []
    for column in columns:
        values = [percent(counting(scenario)[column]) for scenario in scenarios]
        limit = [f"**{limits[column]}**"] if column in limits else []
        cells.append("<br>".join([*values, *limit]) if any(value != DASH for value in values) else DASH)
    if growing:
        cells.append("<br>".join(f"{counting(scenario)['mean_seeds']:.1f}" for scenario in scenarios))
    return [f"`{first['name']}`", first["title"], studies, *cells]


def _names_with(run: Mapping[str, Scenario], weak_spot: str) -> str:
    return ", ".join(f"`{name}`" for name, scenario in run.items() if scenario["weak_spot"] == weak_spot)


def counting(scenario: Scenario) -> Mapping[str, Any]:
    """Return the rates that count: those of the second run, if there was one."""
    rates: Mapping[str, Any] = scenario["rerun"] or scenario["rates"]
    return rates


def percent(rate: Mapping[str, float] | None) -> str:
    """Return a rate in percent with its 95 % interval; a dash where nothing was counted."""
    if rate is None:
        return DASH
    return f"{100 * rate['share']:.1f} ({100 * rate['low']:.1f}{DASH}{100 * rate['high']:.1f})"


if __name__ == "__main__":
    main()
