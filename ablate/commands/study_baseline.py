"""The baselines of a study, for the table of runs that its report writes."""

from collections.abc import Collection, Mapping
from pathlib import Path

from ablate.core.errors import AblateError
from ablate.storage.paths import StudyPaths


def study_baselines(table: Path, factors: Collection[str]) -> Mapping[str, str]:
    """Return the baseline of each of these factors that a study has, if the table is that of the study; else nothing.

    The table of a study is the file runs.csv beside its study.yaml. A damaged study file changes no table, so it is
    ignored: every factor then has its first level as the baseline.
    """
    paths = StudyPaths(table.absolute().parent)
    if table.name != paths.runs_csv.name or not paths.study_yaml.is_file():
        return {}
    from ablate.study import study_file  # noqa: PLC0415  # loads the specs of all components, which only this case needs

    try:
        study = study_file.load(paths.study_yaml)
    except AblateError:
        return {}
    return {path: level for path, level in study.baseline.items() if path in factors}
