"""Training speed of a ConvLSTM compared with its peers: `python -m benchmarks.speed [shape ...] [--sweeps]`.

Peers are Keras' ConvLSTM2D on every installed backend (`pip install -c constraints.txt -e '.[benchmarks]'`), and three
cells as people write them in torch. Outputs and gradients are compared first. Then every contender trains for a moment
in every round, in a separate process, one at a time; the order is reversed from round to round. Calibrators run in the
same rounds. Figures are added to a JSON file, from which `python -m benchmarks.speed.page` writes the page.
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
"""Shapes of which only one contender at a time fits into memory."""


def main() -> None:
    """Time the shapes or sweeps of the command line, and store each result at once."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("shapes", nargs="*", help=f"any of {', '.join(SHAPES)}; default: all")
    parser.add_argument("--rounds", type=int, default=7, help="rounds (7)")
    parser.add_argument("--threads", type=int, default=2, help="threads of every contender (2)")
    parser.add_argument("--without", nargs="+", default=[], choices=CONTENDERS, help="contenders to leave out")
    parser.add_argument("--sweeps", action="store_true", help="time this project's layer over its dimensions instead")
    parser.add_argument("--allocator", action="store_true", help="this project's malloc settings for every contender")
    parser.add_argument("--cpu", action="store_true", help="CPU seconds: for one thread on a machine with other load")
    parser.add_argument("--file", type=Path, default=FILE, help=f"file for the figures ({FILE})")
    arguments = parser.parse_args()
    if arguments.sweeps:
        for dimension in SWEPT:
            _store(arguments.file, "sweeps", dimension, swept(dimension, arguments.rounds, arguments.threads))
        _store(arguments.file, "many", "workers", workers(arguments.rounds, arguments.threads))
        _store(arguments.file, "many", "fused seeds", fused_seeds(arguments.rounds))
        return
    for name in arguments.shapes or SHAPES:
        _shape(name, arguments)


def _shape(name: str, arguments: argparse.Namespace) -> None:
    contenders = [contender for contender in CONTENDERS if contender not in arguments.without and _installed(contender)]
    differences = checked(SHAPES[name], contenders, arguments.threads)
    settings = {"threads": arguments.threads, "allocator": True if arguments.allocator else None}
    figures = summarized(
        timed(SHAPES[name], contenders, arguments.rounds, alone=name in ALONE, cpu=arguments.cpu, **settings)
    )
    kind = "shapes_cpu" if arguments.cpu else "shapes_same_allocator" if arguments.allocator else "shapes"
    _store(arguments.file, kind, name, figures | {"differences": differences})


def _installed(contender: str) -> bool:
    backend = contender.rpartition(" ")[2]
    is_installed = contender not in KERAS or all(importlib.util.find_spec(module) for module in ("keras", backend))
    if not is_installed:
        Console(stderr=True).print(f"{contender}: not installed, left out")
    return is_installed


def _store(file: Path, kind: str, name: str, figures: dict[str, Any]) -> None:
    stored = json.loads(file.read_text()) if file.exists() else {}
    stored.setdefault(kind, {})[name] = figures | {"machine": _machine()}
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
