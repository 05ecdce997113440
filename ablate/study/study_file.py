"""Study files: YAML in, StudySpec out, and back; every mistake at its line."""

import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from ruamel.yaml import YAML

from ablate.core.errors import DesignError, Fault, SpecError
from ablate.study import RunSpec, StudySpec
from ablate.study.faults import faults
from ablate.study.overrides import overridden
from ablate.study.yaml_document import read


def load(path: Path, overrides: Sequence[str] = ()) -> StudySpec:
    """Read a study, replace what `overrides` (PATH=VALUE each) name, and build every cell of it.

    Creates nothing on disk. Raises SpecError with a line for each mistake,
    `FILE:LINE:COL: path.to.key: what was found; what is allowed`; for an override, `--set PATH=VALUE` is the place.
    """
    document = overridden(read(path), overrides)
    try:
        study = StudySpec.model_validate(document.tree)
        study.cells  # noqa: B018  # builds every run, so that a bad one shows before anything trains
    except ValidationError as error:
        raise document.error(faults(error, StudySpec, document.tree)) from error
    except SpecError as error:
        raise document.error(error.faults) from error
    except DesignError as error:
        raise document.error([Fault(("design",), str(error))]) from error
    return study


def load_run(path: Path) -> RunSpec:
    """Read a resolved run, as `dump` writes it. Raises SpecError with a line for each mistake."""
    document = read(path)
    try:
        return RunSpec.model_validate(document.tree)
    except ValidationError as error:
        raise document.error(faults(error, RunSpec, document.tree)) from error


def dump(spec: StudySpec | RunSpec) -> str:
    """Write a study or a run as YAML, every default spelled out; it loads back as an equal one."""
    tree = spec.model_dump(mode="json", exclude={"base": {"seed"}})
    writer = YAML(typ="safe", pure=True)
    writer.default_flow_style = False
    writer.sort_base_mapping_type_on_output = False  # type: ignore[assignment]  # declared as None alone
    stream = io.StringIO()
    writer.dump(tree, stream)
    return stream.getvalue()


def schema() -> dict[str, Any]:
    """Return the JSON Schema of study files, for editors."""
    study = StudySpec.model_json_schema()
    del study["properties"]["base"]["default"]["seed"]  # which no base may have
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **study}


def schema_text() -> str:
    """Return the JSON Schema as text."""
    return json.dumps(schema(), indent=2) + "\n"
