"""Coverage-guided fuzzing of what reads files from elsewhere: `python -m tests.fuzz TARGET [-max_total_time=600]`.

Needs `pip install atheris`. Begins with files that are as they should be; the first input that ends in anything but an
AblateError is kept as crash-*. A folder after the options keeps what was found on the way, to go on from.
"""

import sys
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import atheris

with atheris.instrument_imports(include=["ablate", "ruamel", "numpy.lib", "pydantic"]):
    from tests.fuzz.targets import TARGETS

from ablate.core.errors import AblateError


def main() -> None:
    name, *options = sys.argv[1:]
    target = TARGETS[name]
    with TemporaryDirectory() as folder:
        seeds = Path(folder) / "seeds"
        seeds.mkdir()
        for number, seed in enumerate(target.seeds()):
            (seeds / str(number)).write_bytes(seed)
        file = Path(folder) / target.name

        def one(data: bytes) -> None:
            file.write_bytes(data)
            with suppress(AblateError):
                target.read(file)

        atheris.Setup([sys.argv[0], "-rss_limit_mb=4000", *options, str(seeds)], one)
        atheris.Fuzz()


if __name__ == "__main__":
    main()
