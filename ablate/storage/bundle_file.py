"""A bundle: one zip file with the records, pages and tables of a study, written to equal bytes and read with distrust.

Whoever reads a bundle trusts nothing in it. Names are compared with a list, so no file lands elsewhere and no link is
made. Sizes are limited before anything is unpacked, and every file is compared with its digest in bundle.json. Pages
are for readers who unpack the file by themselves: `unpack` leaves them out, since a page can hold a stranger's script.
"""

import hashlib
import json
import re
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zipfile import ZIP_DEFLATED, ZIP_STORED, BadZipFile, ZipFile, ZipInfo

from ablate.core.errors import DataError
from ablate.storage.atomic import whole_file

FORMAT = 1
MANIFEST = "bundle.json"
KIB, MIB, GIB = 1 << 10, 1 << 20, 1 << 30
DATA = {
    "study.yaml": 256 * KIB,
    "plan.json": 8 * MIB,
    "looks.json": 32 * MIB,
    "exclusions.jsonl": 8 * MIB,
    "merges.jsonl": 8 * MIB,
}
"""Files of a study that a merge reads, with the most bytes of each."""
RUN_DATA = {
    "record.json": MIB,
    "reduced.json": 10 * KIB,
    "run.yaml": 256 * KIB,
    "scores.parquet": 64 * MIB,
    "curve.csv": 16 * MIB,
    "failed_attempts.jsonl": 8 * MIB,
    "examples.npz": 64 * MIB,
    "probes.json": 16 * MIB,
    "checkpoint.pt": 4 * GIB,
}
"""Files of a run that a merge reads, with the most bytes of each."""
PAGES = ("report.html", "report.md", "report.json", "runs.csv", "comparison.png")
RUN_PAGE = re.compile(r"(frames_[\w-]{1,64}\.(png|gif)|forecasts_[\w-]{1,64}\.html|probes\.html)", re.ASCII)
RUN_FILE = re.compile(r"runs/([0-9a-f]{16})/([\w.-]{1,100})", re.ASCII)
MOST_UNPACKED = 4 * GIB  # of all compressed files together: 10,000 runs have 0.2 GiB
MOST_NAMES = 256 * MIB  # bytes of the list of files, which is read at once: 10,000 runs have 10 MiB
MOST_MANIFEST = 64 * MIB
LONGEST_NAME = 200  # characters of a name in a message
COMPRESSED = (".parquet", ".png", ".gif", ".npz", ".pt")  # their content is compressed or does not shrink
END = struct.Struct("<4s4H2LH")  # the end of a zip file, without a comment
LARGE_END, LARGE = struct.Struct("<4s12x2L4Q"), 0xFFFFFFFF  # the end of a zip file with many entries
LOCATOR = struct.Struct("<4sLQL")
EPOCH = (1980, 1, 1, 0, 0, 0)  # the first date that a zip file can hold
CHUNK = MIB

Content = bytes | Path


def write_bundle(file: Path, study: str, contents: Mapping[str, Content], facts: Mapping[str, Any]) -> None:
    """Write a bundle whole; equal contents give equal bytes.

    `contents` are the files by their name in the bundle, `facts` plain values that go into bundle.json.
    """
    digests = {name: _digest(content) for name, content in sorted(contents.items())}
    manifest = {"format": FORMAT, "study": study, **facts, "files": digests}
    text = json.dumps(manifest, indent=1, sort_keys=True).encode() + b"\n"
    with whole_file(file) as path, ZipFile(path, "w") as archive:
        for name, content in ((MANIFEST, text), *sorted(contents.items())):
            _add(archive, name, content)


def _add(archive: ZipFile, name: str, content: Content) -> None:
    info = ZipInfo(name, EPOCH)
    info.create_system, info.external_attr = 3, 0o644 << 16  # as on Unix, wherever it is written
    info.compress_type = ZIP_STORED if name.endswith(COMPRESSED) else ZIP_DEFLATED
    info.file_size = len(content) if isinstance(content, bytes) else content.stat().st_size
    with archive.open(info, "w") as entry:
        for chunk in _chunks(content):
            entry.write(chunk)


def _digest(content: Content) -> str:
    digest = hashlib.sha256()
    for chunk in _chunks(content):
        digest.update(chunk)
    return digest.hexdigest()


def _chunks(content: Content) -> Iterator[bytes]:
    if isinstance(content, bytes):
        yield content
        return
    with content.open("rb") as file:
        while chunk := file.read(CHUNK):
            yield chunk


@dataclass(frozen=True)
class Bundle:
    """What bundle.json says, and the data files of a bundle by their name."""

    file: Path
    study: str
    manifest: Mapping[str, Any]
    data: Mapping[str, ZipInfo]

    @classmethod
    def open(cls, file: Path) -> "Bundle":
        """Read the list of files and bundle.json. Raises DataError for anything but a bundle of this format."""
        try:
            _check_end(file)
            with ZipFile(file) as archive:
                entries = _checked_entries(file, archive)
                manifest = json.loads(_content(archive, entries.pop(MANIFEST), MOST_MANIFEST))
                _require(isinstance(manifest, dict), f"{MANIFEST} is no mapping")
                _require(manifest.get("format") == FORMAT, f"its format is {manifest.get('format')!r}, not {FORMAT}")
                study, digests = manifest.get("study"), manifest.get("files")
                _require(isinstance(study, str), f"{MANIFEST} names no study")
                _require(isinstance(digests, dict) and digests.keys() == entries.keys(), "its list of files is wrong")
                data = {name: info for name, info in entries.items() if _limit(name)}
                return cls(file, str(study), manifest, data)
        except FileNotFoundError as error:
            raise DataError(f"{file}: there is no such file") from error
        except (OSError, ValueError, KeyError, RecursionError, NotImplementedError, BadZipFile, struct.error) as error:
            raise _unreadable(file, error) from error

    def unpack(self, folder: Path) -> None:
        """Write every data file below a folder, and compare it with its digest. Raises DataError."""
        try:
            with ZipFile(self.file) as archive:
                for name, info in self.data.items():
                    self._unpack_file(archive, name, info, folder / name)
        except (OSError, ValueError, NotImplementedError, BadZipFile, EOFError) as error:
            raise _unreadable(self.file, error) from error
        except Exception as error:  # zlib's error is no class of zipfile
            raise _unreadable(self.file, error) from error

    def _unpack_file(self, archive: ZipFile, name: str, info: ZipInfo, target: Path) -> None:
        target.parent.mkdir(parents=True, exist_ok=True)
        digest = hashlib.sha256()
        with archive.open(info) as entry, target.open("xb") as file:
            while chunk := entry.read(CHUNK):
                digest.update(chunk)
                file.write(chunk)
        _require(digest.hexdigest() == self.manifest["files"][name], f"the digest of {name} does not match")


def _check_end(file: Path) -> None:
    """Raise ValueError for a file that is no zip, or whose list of files would take much memory."""
    with file.open("rb") as zip_file:
        size = zip_file.seek(0, 2)
        _require(size > END.size, "it is no zip file")
        zip_file.seek(size - END.size)
        magic, *_, names_size, _, comment = END.unpack(zip_file.read(END.size))
        _require(magic == b"PK\x05\x06" and comment == 0, "it is no zip file, or not one that `ablate bundle` wrote")
        if size > END.size + LOCATOR.size:
            zip_file.seek(size - END.size - LOCATOR.size)
            locator, _, place, _ = LOCATOR.unpack(zip_file.read(LOCATOR.size))
            if locator == b"PK\x06\x07":
                zip_file.seek(min(place, size))
                *_, names_size, _ = LARGE_END.unpack(zip_file.read(LARGE_END.size))
        _require(names_size <= MOST_NAMES, f"its list of files has {names_size:,} bytes")


def _checked_entries(file: Path, archive: ZipFile) -> dict[str, ZipInfo]:
    """Return the entries by name. Raises ValueError for a name, kind or size that no bundle has."""
    entries: dict[str, ZipInfo] = {}
    for info in archive.infolist():
        name, limit = info.filename, _limit(info.filename)
        place = ascii(name[:LONGEST_NAME])
        _require(name == MANIFEST or limit > 0 or _is_page(name), f"{place} is no file of a bundle")
        _require(name not in entries, f"{place} is in it twice")
        _require(info.external_attr >> 16 & 0o170000 in (0, 0o100000), f"{place} is a link or a device")
        _require(not info.flag_bits & 1, f"{place} is encrypted")
        stored = info.compress_type == ZIP_STORED
        _require(stored or info.compress_type == ZIP_DEFLATED, f"{place} is compressed by an unknown method")
        _require(stored or not name.endswith(COMPRESSED), f"{place} is compressed twice")
        _require(not limit or info.file_size <= limit, f"{place} has {info.file_size:,} bytes; at most {limit:,}")
        entries[name] = info
    _require(MANIFEST in entries, f"it has no {MANIFEST}")
    _require("study.yaml" in entries and "plan.json" in entries, "it has no study.yaml and plan.json")
    packed, unpacked = sum(info.compress_size for info in entries.values()), _unpacked(entries)
    _require(packed <= file.stat().st_size, "its files overlap")
    _require(unpacked <= MOST_UNPACKED, f"its files have {unpacked:,} bytes; at most {MOST_UNPACKED:,}")
    return entries


def _unpacked(entries: Mapping[str, ZipInfo]) -> int:
    return sum(info.file_size for name, info in entries.items() if info.compress_type != ZIP_STORED and _limit(name))


def _limit(name: str) -> int:
    """Return the most bytes of a data file; 0 for any other name."""
    match = RUN_FILE.fullmatch(name)
    return RUN_DATA.get(match[2], 0) if match else DATA.get(name, 0)


def _is_page(name: str) -> bool:
    match = RUN_FILE.fullmatch(name)
    return bool(RUN_PAGE.fullmatch(match[2])) if match else name in PAGES


def _content(archive: ZipFile, info: ZipInfo, limit: int) -> bytes:
    _require(info.file_size <= limit, f"{info.filename} has {info.file_size:,} bytes; at most {limit:,}")
    return archive.read(info)


def _require(condition: bool, reason: str) -> None:  # noqa: FBT001  # reads as an assertion
    if not condition:
        raise ValueError(reason)


def _unreadable(file: Path, error: Exception) -> DataError:
    reason = " ".join(str(error).split()) or type(error).__name__
    return DataError(
        f"{file}: no bundle, or a damaged one ({reason}); write it again with ablate bundle, and copy it whole"
    )
