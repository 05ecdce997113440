"""Study files: YAML in, StudySpec out, and back; every mistake at its line."""

import io
import json
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from ruamel.yaml import YAML

from ablate.core.errors import DesignError, Fault, OldNamesWarning, SpecError
from ablate.inference.settings import IGNORED
from ablate.storage.records import SCHEMA
from ablate.study import RunSpec, StudySpec
from ablate.study.faults import faults
from ablate.study.overrides import overridden
from ablate.study.schema import NUMBER, schema_number
from ablate.study.schema_upgrade import BothNamesError, OlderVersionError, upgrade_run, upgrade_study
from ablate.study.yaml_document import Document, read

OLD_NAMES_END = "0.3"
"""Names that changed go on working for one minor version."""


def load(path: Path, overrides: Sequence[str] = ()) -> StudySpec:
    """Read a study, replace what `overrides` (PATH=VALUE each) name, and build every cell of it.

    Creates nothing on disk. Raises SpecError with a line for each mistake,
    `FILE:LINE:COL: path.to.key: what was found; what is allowed`; for an override, `--set PATH=VALUE` is the place.
    """
    document = _current(path, overrides)
    try:
        study = StudySpec.model_validate(document.tree)
        study.cells  # noqa: B018  # builds every run, so that a bad one shows before anything trains
    except ValidationError as error:
        raise document.error(faults(error, StudySpec, document.tree)) from error
    except SpecError as error:
        raise document.error(error.faults) from error
    except DesignError as error:
        raise document.error([Fault(("design",), str(error))]) from error
    _warn_of_ignored(path, study)
    return study


def at_its_place(path: Path, overrides: Sequence[str], faults: Sequence[Fault]) -> SpecError:
    """Return the error that lists faults of a loaded study, each with its line in the file or its override."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", OldNamesWarning)  # `load` has warned
        return _current(path, overrides).error(faults)


def _current(path: Path, overrides: Sequence[str]) -> Document:
    """Read a file with its overrides, in the names and defaults of today; old names give one warning."""
    document = read(path)
    try:
        number = schema_number(document.tree)
    except SpecError as error:
        raise document.error(error.faults) from error
    try:
        upgrade = upgrade_study(document.tree, number, document.origins)
        document, renamed = overridden(Document(upgrade.tree, upgrade.origins), overrides)
        of_overrides = upgrade_study(document.tree, SCHEMA, document.origins)  # a value may be a block of old names
    except (BothNamesError, OlderVersionError) as error:
        raise document.error(error.faults) from error
    if renamed := upgrade.renamed | renamed | of_overrides.renamed:
        warn_of_old_names(path, renamed)
    return Document(of_overrides.tree, of_overrides.origins)


def warn_of_old_names(path: Path, renamed: Mapping[str, str]) -> None:
    """Warn once of a file that uses old names, and say what they are called now."""
    names = ", ".join(f"{old!r} is {name!r} now" for old, name in renamed.items())
    advice = f"old names work until version {OLD_NAMES_END}; `ablate upgrade {path}` rewrites the file"
    warnings.warn(f"{path}: {names}; {advice}", OldNamesWarning, stacklevel=2)


def _warn_of_ignored(path: Path, study: StudySpec) -> None:
    """Warn of settings that have no effect any more; a stored study spells out all their defaults."""
    chosen = study.analysis.non_defaults()
    if ignored := [f"analysis.{name}" for name in IGNORED if name in chosen]:
        advice = f"leave it out; version {OLD_NAMES_END} refuses it"
        warnings.warn(f"{path}: {', '.join(ignored)} has no effect any more; {advice}", OldNamesWarning, stacklevel=3)


def load_run(path: Path) -> RunSpec:
    """Read a resolved run, as `dump` writes it. Raises SpecError with a line for each mistake."""
    document = read(path)
    try:
        return RunSpec.model_validate(upgrade_run(document.tree, schema_number(document.tree)).tree)
    except ValidationError as error:
        raise document.error(faults(error, RunSpec, document.tree)) from error


def dump(spec: StudySpec | RunSpec) -> str:
    """Write a study or a run as YAML, every default spelled out; it loads back as an equal one."""
    tree = {NUMBER: SCHEMA, **spec.model_dump(mode="json", exclude={"base": {"seed"}})}
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
    study["properties"][NUMBER] = {
        "description": "Number of the schema that the file is written in; 1 where it is missing.",
        "maximum": SCHEMA,
        "minimum": 1,
        "type": "integer",
    }
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **study}


def schema_text() -> str:
    """Return the JSON Schema as text."""
    return json.dumps(schema(), indent=2) + "\n"
