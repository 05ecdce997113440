"""The page and the picture of what was measured: `python -m benchmarks.speed.page`.

Puts tables between the two marks of benchmarks/RESULTS.md, and leaves the words around them as they are.
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benchmarks.speed.__main__ import FILE
from benchmarks.speed.contenders import CONCATENATING, CONTENDERS, KERAS, OURS, TWO
from benchmarks.speed.summary import Median

PAGE, PICTURE = Path("benchmarks/RESULTS.md"), Path("benchmarks/speed.svg")
START, END = "<!-- figures: python -m benchmarks.speed.page -->", "<!-- end of figures -->"
MEBIBYTE = 1 << 20
COLUMNS = ("contender", "seconds a clip", "times ours", "GFLOP/s", "of the best", "memory, MiB", "largest difference")
"""The best is the quickest convolution of the same rounds; memory is what came with the contender, of the peak."""
LONGEST_BAR = 3.5
"""What is slower runs out of the picture; its number stands in the bar."""
SWEEPS = "python -m benchmarks.speed --sweeps"
COMMANDS = {
    "shapes": "python -m benchmarks.speed {}",
    "shapes_same_allocator": "python -m benchmarks.speed {} --allocator",
}
WORDS = {
    "shapes": "",
    "shapes_same_allocator": ", every contender with this project's malloc settings",
}

MEANING = {
    "workers": "Training steps a second at the sweeps' base shape, and the second over the first.",
    "fused seeds": "Time of a step's convolutions with so many seeds' weights stacked into one grouped convolution, "
    "over that of one after the other, on one thread: above 1 it does not pay.",
}


def main() -> None:
    """Write both from the JSON file."""
    figures = json.loads(FILE.read_text())
    before, _, rest = PAGE.read_text().partition(START)
    _, _, after = rest.partition(END)
    body = "\n".join([START, "", *_lines(figures), END])
    PAGE.write_text(before + body + after)
    _draw(figures["shapes"])


def _lines(figures: Mapping[str, Any]) -> Iterator[str]:
    yield f"![Seconds a clip beside this project's]({PICTURE.name})\n"
    for kind, words in WORDS.items():
        for name, found in figures.get(kind, {}).items():
            yield from _shape(name, found, words, COMMANDS[kind].format(name))
    for name, found in figures.get("sweeps", {}).items():
        yield from _sweep(name, found)
    for name, found in figures.get("many", {}).items():
        yield from _many(name, found)


def _shape(name: str, found: Mapping[str, Any], words: str, command: str) -> Iterator[str]:
    shape = found["shape"]
    yield (
        f"### {name.capitalize()}{words}\n\n"
        f"{len(shape['kernels'])} layers of {shape['filters']} filters, "
        f"kernels {'-'.join(map(str, shape['kernels']))}, "
        f"{shape['side']}x{shape['side']} pixels, {shape['time']} frames, batch {shape['batch']}, "
        f"{shape['activation']} and {shape['gate']}: {shape['gflop_a_step']:.1f} GFLOP a step. `{command}`, "
        f"{found['rounds']} rounds; {_machine(found['machine'])}\n"
    )
    yield f"| {' | '.join(COLUMNS)} |"
    yield f"|{'---|' * len(COLUMNS)}"
    for contender in CONTENDERS:
        if contender in found["contenders"]:
            yield _row(contender, found["contenders"][contender], found["differences"].get(contender, 0.0))
    told = ", ".join(f"{name} {Median(**figure)}" for name, figure in found["calibrators"].items())
    yield f"\nThe machine in the same rounds (GFLOP/s; copy: GB/s): {told}. {_ratios(found['contenders'])}\n"


def _row(name: str, figures: Mapping[str, Any], difference: float) -> str:
    medians = [Median(**figures[key]) for key in ("seconds_a_clip", "ratio", "gflop_per_second")]
    share, own, peak = figures["share_of_convolution"]["value"], figures["own_bytes"], figures["peak_bytes"]
    columns = [
        name,
        *map(str, medians),
        f"{share:.0%}",
        f"{own // MEBIBYTE:,} of {peak // MEBIBYTE:,}",
        f"{difference:.0e}",
    ]
    return f"| {' | '.join(columns)} |"


def _ratios(contenders: Mapping[str, Any]) -> str:
    fastest = min((name for name in KERAS if name in contenders), key=lambda name: contenders[name]["ratio"]["value"])
    memory = contenders[OURS]["own_bytes"] / contenders[CONCATENATING]["own_bytes"]
    keras, one, two = (Median(**contenders[name]["ratio"]) for name in (fastest, CONCATENATING, TWO))
    return (
        f"Fastest Keras: {fastest.removeprefix('Keras on ')}, {keras} times our time; one and two convolutions a step: "
        f"{one} and {two} times; our memory is {memory:.2f} of the concatenating cell's."
    )


def _machine(machine: Mapping[str, Any]) -> str:
    versions = ", ".join(f"{name} {version}" for name, version in machine["versions"].items())
    return (
        f"{machine['processor']}, {machine['cores']} cores, Python {machine['python']}, {versions}, {machine['date']}."
    )


def _sweep(dimension: str, found: Mapping[str, Any]) -> Iterator[str]:
    steps = {value: Median(**figure) for value, figure in found["seconds_a_step"].items()}
    yield f"### {dimension.capitalize()}\n\n`{SWEEPS}`. Slope in log-log: {found['slope']:.2f}.\n"
    yield f"| {dimension} | {' | '.join(steps)} |"
    yield f"|---|{'---|' * len(steps)}"
    yield f"| seconds a step | {' | '.join(map(str, steps.values()))} |\n"


def _many(name: str, found: Mapping[str, Any]) -> Iterator[str]:
    yield f"### {name.capitalize()}\n\n`{SWEEPS}`. {MEANING[name]}\n"
    medians = {key: Median(**figure) for key, figure in found.items() if key != "machine"}
    yield f"| {' | '.join(medians)} |"
    yield f"|{'---|' * len(medians)}"
    yield f"| {' | '.join(map(str, medians.values()))} |\n"


def _draw(shapes: Mapping[str, Any]) -> None:
    figure = Figure(figsize=(10, 3.2), layout="constrained")
    names = list(CONTENDERS)
    panels = figure.subplots(1, len(shapes), sharey=True, squeeze=False)[0]
    for axes, (shape, found) in zip(panels, shapes.items(), strict=True):
        for place, name in enumerate(names):
            _bar(axes, place, name, found["contenders"].get(name))
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
