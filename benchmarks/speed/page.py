"""The page and the picture of the figures: `python -m benchmarks.speed.page`.

Writes tables between the two marks of benchmarks/RESULTS.md; the text around them does not change.
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benchmarks.speed.__main__ import FILE
from benchmarks.speed.contenders import COMPILED, CONCATENATING, CONTENDERS, KERAS, OURS, TWO
from benchmarks.speed.summary import Median

PAGE, PICTURE = Path("benchmarks/RESULTS.md"), Path("docs/speed.svg")
START, END = "<!-- figures: python -m benchmarks.speed.page -->", "<!-- end of figures -->"
MEBIBYTE = 1 << 20
COLUMNS = ("contender", "seconds a clip", "times ours", "GFLOP/s", "of the best", "memory, MiB", "largest difference")
"""The best is the fastest convolution of the same rounds; memory is what the contender added, of the peak."""
LONGEST_BAR = 3.5
"""Longer bars are cut off; the number is written in the bar."""
SWEEPS = "python -m benchmarks.speed --sweeps"
COMMANDS = {
    "shapes": "python -m benchmarks.speed {}",
    "shapes_same_allocator": "python -m benchmarks.speed {} --allocator",
    "shapes_cpu": "taskset -c 1 python -m benchmarks.speed {} --threads 1 --cpu",
}
WORDS = {
    "shapes": "",
    "shapes_same_allocator": ", every contender with this project's malloc settings",
    "shapes_cpu": ", CPU seconds of one thread",
}

MEANING = {
    "workers": "Training steps per second at the base shape of the sweeps, and the ratio of the second to the first.",
    "fused seeds": "Time of a step's convolutions with the weights of that many seeds in one grouped convolution, "
    "divided by the time of separate convolutions, on one thread. Above 1, fusing takes longer.",
}


def main() -> None:
    """Write the page and the picture from the JSON file."""
    figures = json.loads(FILE.read_text())
    before, _, remainder = PAGE.read_text().partition(START)
    _, _, after = remainder.partition(END)
    body = "\n".join([START, "", *_lines(figures), END])
    PAGE.write_text(before + body + after)
    _draw(figures["shapes"])


def _lines(stored: Mapping[str, Any]) -> Iterator[str]:
    yield f"![Seconds per clip, relative to this project](../{PICTURE})\n"
    for kind, words in WORDS.items():
        for name, figures in stored.get(kind, {}).items():
            yield from _shape(name, figures, words, COMMANDS[kind].format(name))
    for name, figures in stored.get("sweeps", {}).items():
        yield from _sweep(name, figures)
    for name, figures in stored.get("many", {}).items():
        yield from _many(name, figures)


def _shape(name: str, figures: Mapping[str, Any], words: str, command: str) -> Iterator[str]:
    shape = figures["shape"]
    yield (
        f"### {name.capitalize()}{words}\n\n"
        f"{len(shape['kernels'])} layers of {shape['filters']} filters, "
        f"kernels {'-'.join(map(str, shape['kernels']))}, "
        f"{shape['side']}x{shape['side']} pixels, {shape['time']} frames, batch {shape['batch']}, "
        f"{shape['activation']} and {shape['gate']}: {shape['gflop_a_step']:.1f} GFLOP a step. `{command}`, "
        f"{figures['rounds']} rounds; {_machine(figures['machine'])}\n"
    )
    yield f"| {' | '.join(COLUMNS)} |"
    yield f"|{'---|' * len(COLUMNS)}"
    for contender in CONTENDERS:
        if contender in figures["contenders"]:
            yield _row(contender, figures["contenders"][contender], figures["differences"].get(contender, 0.0))
    limits = ", ".join(f"{name} {Median(**figure)}" for name, figure in figures["calibrators"].items())
    yield f"\nThe machine in the same rounds (GFLOP/s; copy: GB/s): {limits}. {_ratios(figures['contenders'])}\n"


def _row(name: str, figures: Mapping[str, Any], difference: float) -> str:
    medians = [Median(**figures[key]) for key in ("seconds_a_clip", "ratio", "gflop_per_second")]
    share = figures["share_of_convolution"]["value"]
    added, peak = figures["added_bytes"], figures["peak_bytes"]
    columns = [
        name,
        *map(str, medians),
        f"{share:.0%}",
        f"{added // MEBIBYTE:,} of {peak // MEBIBYTE:,}",
        f"{difference:.0e}",
    ]
    return f"| {' | '.join(columns)} |"


def _ratios(contenders: Mapping[str, Any]) -> str:
    keras = [name for name in KERAS if name in contenders]
    fastest = sorted(keras, key=lambda name: float(contenders[name]["ratio"]["value"]))[:1]
    compared = [*fastest, *(name for name in (CONCATENATING, TWO, COMPILED) if name in contenders)]
    ratios = ", ".join(f"{name} {Median(**contenders[name]['ratio'])}" for name in compared)
    memory = contenders[OURS]["added_bytes"] / contenders[CONCATENATING]["added_bytes"]
    return f"Times our time: {ratios}. Our memory is {memory:.2f} of the concatenating cell's."


def _machine(machine: Mapping[str, Any]) -> str:
    versions = ", ".join(f"{name} {version}" for name, version in machine["versions"].items())
    return (
        f"{machine['processor']}, {machine['cores']} cores, Python {machine['python']}, {versions}, {machine['date']}."
    )


def _sweep(dimension: str, figures: Mapping[str, Any]) -> Iterator[str]:
    steps = {value: Median(**figure) for value, figure in figures["seconds_a_step"].items()}
    yield f"### {dimension.capitalize()}\n\n`{SWEEPS}`. Slope in log-log: {figures['slope']:.2f}.\n"
    yield f"| {dimension} | {' | '.join(steps)} |"
    yield f"|---|{'---|' * len(steps)}"
    yield f"| seconds a step | {' | '.join(map(str, steps.values()))} |\n"


def _many(name: str, figures: Mapping[str, Any]) -> Iterator[str]:
    yield f"### {name.capitalize()}\n\n`{SWEEPS}`. {MEANING[name]}\n"
    medians = {key: Median(**figure) for key, figure in figures.items() if key != "machine"}
    yield f"| {' | '.join(medians)} |"
    yield f"|{'---|' * len(medians)}"
    yield f"| {' | '.join(map(str, medians.values()))} |\n"


def _draw(shapes: Mapping[str, Any]) -> None:
    figure = Figure(figsize=(10, 3.2), layout="constrained")
    names = list(CONTENDERS)
    panels = figure.subplots(1, len(shapes), sharey=True, squeeze=False)[0]
    for axes, (shape, figures) in zip(panels, shapes.items(), strict=True):
        for place, name in enumerate(names):
            _bar(axes, place, name, figures["contenders"].get(name))
        axes.set(title=shape, xlim=(0, LONGEST_BAR), xlabel="time of a step, ours = 1")
        axes.set_yticks(range(len(names)), names)
        axes.axvline(1, color="black", linewidth=0.8)
    axes.invert_yaxis()
    figure.savefig(PICTURE, metadata={"Date": None})


def _bar(axes: Axes, place: int, name: str, figures: Mapping[str, Any] | None) -> None:
    if figures is None:
        axes.text(0.05, place, "left out", va="center")
        return
    ratio = Median(**figures["ratio"])
    span = [[ratio.value - ratio.low], [ratio.high - ratio.value]] if ratio.high < LONGEST_BAR else None
    axes.barh(place, ratio.value, xerr=span, color="#0072b2" if name == OURS else "#999999")
    axes.text(0.05, place, f"{ratio.value:.3g}", va="center", color="white" if name == OURS else "black")


if __name__ == "__main__":
    main()
