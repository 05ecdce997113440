"""Power by the number of seeds for the layouts of docs/planning.md, as Markdown.

Run it with `python -m benchmarks.power_by_seeds`; it takes about 20 seconds. Power is that of `ablate plan`.
"""

import sys
from pathlib import Path

from ablate.inference.kind_of_test import FEWEST_FLIPPED
from ablate.planning.few_seed_power import few_seed_power
from ablate.planning.flip_power import flip_power
from ablate.planning.planned_effects import planned_effects
from ablate.planning.power import PowerCurve, never_falling
from ablate.study import StudySpec, study_file

HERE = Path(__file__).parent
SEEDS = range(3, 15)
# the study, the place of the effect in its family, its size in standard deviations of a run
LAYOUTS = {
    "2x2x2, 1 SD": (HERE / "factorial.yaml", (), 0, 1.0),
    "3x3x2x2x2, two-level factor, 0.4 SD": (HERE / "fraction.yaml", ("design={kind: full_factorial}",), 2, 0.4),
    "one at a time, two-level factor, 2 SD": (HERE / "one_at_a_time.yaml", (), 1, 2.0),
}


def main() -> None:
    """Print the table."""
    sys.stdout.write("| layout and effect |" + "".join(f" {seeds} |" for seeds in SEEDS) + "\n")
    sys.stdout.write("|---|" + "---|" * len(SEEDS) + "\n")
    for name, (file, overrides, place, size) in LAYOUTS.items():
        powers = [curve.power(size) for curve in curves(study_file.load(file, overrides), place)]
        sys.stdout.write(f"| {name} |" + "".join(f" {100 * power:.0f} |" for power in powers) + "\n")


def curves(study: StudySpec, place: int) -> list[PowerCurve]:
    """Return the power curve of the effect at this place for each number of seeds."""
    effects, settings = planned_effects(study), study.settings
    few = [few_seed_power(effects, n, settings.alpha, 0.0)[place] for n in SEEDS if n < FEWEST_FLIPPED]
    flipped = [flip_power(effects, n, settings.alpha, 0.0, settings.draws)[place] for n in SEEDS if n >= FEWEST_FLIPPED]
    return [*few, *never_falling(flipped)]


if __name__ == "__main__":
    main()
