"""Forecasts from anybody, to `ablate score`: read, or refused in words; no code is run, no memory taken on trust."""

import contextlib
import io
import pickle
import zipfile

import numpy as np
import pytest
from hypothesis import given

from ablate.core.errors import AblateError, DataError
from ablate.measurement.scoring.forecast_files import read_forecasts
from tests.contained import assert_refused
from tests.mutation import GENTLY, mutated


class Code:
    """Leaves a file where it is unpickled."""

    def __reduce__(self):
        return (open, ("ran", "w"))


def npy(header, body=b""):
    text = (header if isinstance(header, str) else repr(header)).encode() + b"\n"
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text + body


def claimed(*shape):
    return npy({"descr": "<f4", "fortran_order": False, "shape": shape}, b"\0" * 64)


def saved(array, **options):
    file = io.BytesIO()
    np.save(file, array, **options)
    return file.getvalue()


def archived(content, name="p.npy"):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, content)
    return file.getvalue()


FILES = {
    "claimed shape": claimed(10**6, 10**6, 64, 64),
    "claimed shape beyond integers": claimed(2**62, 2**62, 8, 8),
    "negative shape": claimed(-1, 5, 11, 11),
    "shape of many axes": claimed(*[1] * 5_000),
    "objects": saved(np.array([Code()], dtype=object), allow_pickle=True),
    "pickle": pickle.dumps(Code()),
    "code as header": npy("__import__('os').system('touch ran')"),
    "deep header": npy("(" * 60_000),
    "words": saved(np.array(["ghost"])),
    "records": saved(np.zeros((1, 3, 11, 11), [("a", "f4"), ("b", "f4")])),
    "nothing": b"",
    "long header": b"\x93NUMPY\x02\x00" + (2**31).to_bytes(4, "little"),
    "no numbers": saved(np.full((1, 3, 11, 11), np.nan, np.float32)),
    "infinite": saved(np.full((1, 3, 11, 11), np.inf, np.float32)),
    "no clips": saved(np.zeros((0, 3, 11, 11), np.float32)),
    "archive of objects": archived(saved(np.array([Code()], dtype=object), allow_pickle=True)),
    "archive of a claim": archived(claimed(10**4, 10**3, 64, 64)),
    "archive of nothing": archived(b""),
    "archive of a path": archived(saved(np.zeros((1, 3, 8, 8))), "../../up.npy"),
}


@pytest.mark.parametrize("name", FILES)
def test_invalid_files_are_refused_within_bounded_memory(tmp_path, name):
    here = tmp_path / "here"
    here.mkdir()
    (here / "p.npy").write_bytes(FILES[name])
    np.save(here / "y.npy", np.zeros((1, 3, 11, 11), np.float32))
    assert_refused("score", "--forecast", "p.npy", "--target", "y.npy", "--html", "s.html", cwd=here)


def test_an_archive_is_refused_by_its_declared_size(tmp_path, monkeypatch):
    monkeypatch.setattr("ablate.measurement.scoring.forecast_files.MAX_ARCHIVED", 1_000_000)
    np.savez_compressed(tmp_path / "p.npz", np.zeros((1, 500, 64, 64), np.uint8))
    with pytest.raises(DataError, match="unpack it"):
        read_forecasts(tmp_path / "p.npz", tmp_path / "p.npz", None, step_first=False)


@pytest.mark.parametrize("name", ["../" * 40, "x" * 5_000, "\N{GHOST}.npy", "", "\x1b[2J"])
def test_an_impossible_file_name_is_refused(tmp_path, name):
    here = tmp_path / "here"
    here.mkdir()
    assert "\x1b[2J" not in assert_refused("score", "--forecast", name, "--target", name, cwd=here).stderr


@GENTLY
@given(mutated(saved(np.zeros((1, 3, 11, 11), np.float32))))
def test_a_forecast_of_any_bytes_is_read_or_refused(tmp_path, content):
    (tmp_path / "p.npy").write_bytes(content)
    np.save(tmp_path / "y.npy", np.zeros((1, 3, 11, 11), np.float32))
    with contextlib.suppress(AblateError):
        read_forecasts(tmp_path / "p.npy", tmp_path / "y.npy", None, step_first=False)
