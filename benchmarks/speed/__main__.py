"""How fast a ConvLSTM trains, beside its peers: `python -m benchmarks.speed [shape ...] [--sweeps]`.

Peers are Keras' ConvLSTM2D on every backend that is installed (`pip install -c constraints.txt -e '.[benchmarks]'`),
and two cells as people write them in torch. Outputs and gradients are compared first. Then every contender, each in
a process of its own, trains for a moment in every round, one at a time, in the one order and in the other by turns,
as do calibrators. Figures are added to a JSON file, from which `python -m benchmarks.speed.page` makes the page.
"""

import argparse
import importlib.util
import json
import os
import platform
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from rich.console import Console

from benchmarks.speed.contenders import CONTENDERS, KERAS
from benchmarks.speed.fused_seeds import fused_seeds
from benchmarks.speed.rounds import checked, timed
from benchmarks.speed.shape import SHAPES
from benchmarks.speed.summary import summarized
from benchmarks.speed.sweep import SWEPT, swept, workers

FILE = Path("benchmarks/results.json")
PACKAGES = {"torch": "torch", "keras": "keras", "jax": "jax", "tensorflow": "tensorflow_cpu", "numpy": "numpy"}
ALONE = ("case",)
"""Shapes of which memory holds one contender at a time."""


def main() -> None:
    """Measure what was asked for, and keep each part as soon as it is there."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("shapes", nargs="*", help=f"of {', '.join(SHAPES)}; none: all")
    parser.add_argument("--rounds", type=int, default=7, help="rounds (7)")
    parser.add_argument("--threads", type=int, default=2, help="threads of every contender (2)")
    parser.add_argument("--without", nargs="+", default=[], choices=CONTENDERS, help="contenders to leave out")
    parser.add_argument("--sweeps", action="store_true", help="sweep this project's layer instead")
    parser.add_argument("--allocator", action="store_true", help="give every contender this project's malloc settings")
    parser.add_argument("--file", type=Path, default=FILE, help=f"where figures go ({FILE})")
    arguments = parser.parse_args()
    if arguments.sweeps:
        for dimension in SWEPT:
            _keep(arguments.file, "sweeps", dimension, swept(dimension, arguments.rounds, arguments.threads))
        _keep(arguments.file, "many", "workers", workers(arguments.rounds, arguments.threads))
        _keep(arguments.file, "many", "fused seeds", fused_seeds(arguments.rounds))
        return
    for name in arguments.shapes or SHAPES:
        _shape(name, arguments)


def _shape(name: str, arguments: argparse.Namespace) -> None:
    contenders = [contender for contender in CONTENDERS if contender not in arguments.without and _installed(contender)]
    differences = checked(SHAPES[name], contenders, arguments.threads)
    how = {"threads": arguments.threads, "allocator": True if arguments.allocator else None}
    found = summarized(timed(SHAPES[name], contenders, arguments.rounds, alone=name in ALONE, **how))
    kind = "shapes_same_allocator" if arguments.allocator else "shapes"
    _keep(arguments.file, kind, name, found | {"differences": differences})


def _installed(contender: str) -> bool:
    backend = contender.rpartition(" ")[2]
    there = contender not in KERAS or all(importlib.util.find_spec(module) for module in ("keras", backend))
    if not there:
        Console(stderr=True).print(f"{contender}: not installed, left out")
    return there


def _keep(file: Path, kind: str, name: str, found: dict[str, Any]) -> None:
    stored = json.loads(file.read_text()) if file.exists() else {}
    stored.setdefault(kind, {})[name] = found | {"machine": _machine()}
    file.write_text(json.dumps(stored, indent=1) + "\n")


def _machine() -> dict[str, Any]:
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    model = next(
        (line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine()
    )
    versions = {name: version(package) for name, package in PACKAGES.items() if importlib.util.find_spec(name)}
    return {
        "processor": model,
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "versions": versions,
        "date": datetime.now(UTC).date().isoformat(),
    }


if __name__ == "__main__":
    main()
