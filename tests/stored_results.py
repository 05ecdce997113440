"""Stores of earlier versions, unpacked for a test as somebody who moved a store would have them."""

import sqlite3
import tarfile
from pathlib import Path

STORED = Path(__file__).parent / "stored"
MADE_IN = "/tmp/stored"  # noqa: S108  # the folder that both stores were made in, which MLflow wrote down


def unpacked(name: str, folder: Path) -> Path:
    """Unpack `name`.tar.xz into a folder, and return the folder of the store."""
    with tarfile.open(STORED / f"{name}.tar.xz") as archive:
        archive.extractall(folder, filter="data")
    with sqlite3.connect(folder / name / "mlflow.db") as database:
        for table, column in (("experiments", "artifact_location"), ("runs", "artifact_uri")):
            database.execute(f"UPDATE {table} SET {column} = replace({column}, ?, ?)", (MADE_IN, str(folder)))  # noqa: S608  # two names of this file
    return folder / name
