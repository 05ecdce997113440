"""Bundles from anybody, to `ablate merge`: read, or refused in words; nothing lands elsewhere, no memory is trusted."""

import contextlib
import hashlib
import io
import json
import pickle
import stat
import struct
import zipfile

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from pyarrow import parquet
from rich.console import Console

from ablate.commands.bundle import BundleOptions, bundle
from ablate.core.errors import AblateError
from ablate.execution.merging import bundle_source
from ablate.planning.preregistration import preregister
from ablate.storage.bundle_file import Bundle
from ablate.storage.paths import Store
from ablate.study import study_file
from tests.contained import assert_refused
from tests.mutation import GENTLY, mutated


@pytest.fixture(scope="module")
def contents():
    """Return what a whole bundle of one run holds, by name; made once."""
    return {}


@pytest.fixture
def whole(contents, tmp_path, small_study, made_record):
    if not contents:
        study, store = small_study(), Store(tmp_path / "made" / "mlruns")
        paths, run = store.study(study.name), study.planned_runs[0]
        paths.run(run.id).folder.mkdir(parents=True)
        (tmp_path / "made" / "study.yaml").write_text(study_file.dump(study))
        paths.study_yaml.write_text(study_file.dump(study))
        preregister(paths, study)
        paths.run(run.id).run_yaml.write_text(study_file.dump(run.spec))
        made_record(run).save(paths.run(run.id))
        output = tmp_path / "made" / "b.zip"
        bundle(tmp_path / "made" / "study.yaml", store.root, BundleOptions(output=output), Console(quiet=True))
        with zipfile.ZipFile(output) as archive:
            contents |= {name: archive.read(name) for name in archive.namelist()}
    return dict(contents)


@pytest.fixture
def here(tmp_path):
    folder = tmp_path / "around" / "here"
    folder.mkdir(parents=True)
    return folder


def run_of(whole):
    return next(name for name in whole if name.endswith("/record.json")).removesuffix("/record.json")


def zipped(entries, manifest=None):
    """Return the bytes of a zip of (ZipInfo or name, content), with a manifest of right digests in front."""
    files = {getattr(name, "filename", name): hashlib.sha256(content).hexdigest() for name, content in entries}
    manifest = {"format": 1, "study": "small", "files": files} | (manifest or {})
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr("bundle.json", json.dumps(manifest))
        for name, content in entries:
            archive.writestr(name, content)
    return file.getvalue()


def with_file(whole, name, content):
    whole.pop("bundle.json")
    return zipped([*(whole | {name: content}).items()])


def with_entry(whole, name, content=b"x"):
    whole.pop("bundle.json")
    return zipped([*whole.items(), (name, content)])


def consistent(whole, **changes):
    """Return the bundle with changed files of its run, whose digests in record.json and reduced.json are right."""
    run = run_of(whole)
    files = {name: content for name, content in changes.items() if name != "head"}
    head = json.loads(whole[f"{run}/record.json"]) | changes.get("head", {})
    digests = {name.replace("_", ".", 1): hashlib.sha256(content).hexdigest() for name, content in files.items()}
    for name in ("curve.csv", "examples.npz"):
        head["files"][name] = digests.get(name, head["files"][name])
    if "scores.parquet" in digests:
        reduced = {"format": 1, "files": {"scores.parquet": digests["scores.parquet"]}}
        whole[f"{run}/reduced.json"] = json.dumps(reduced).encode()
    del head["digest"]
    head["digest"] = hashlib.sha256(json.dumps(head, sort_keys=True).encode()).hexdigest()
    whole[f"{run}/record.json"] = json.dumps(head).encode()
    whole |= {f"{run}/{name.replace('_', '.', 1)}": content for name, content in files.items()}
    whole.pop("bundle.json")
    return zipped([*whole.items()])


def scores(rows, **options):
    file = io.BytesIO()
    kinds = {"view": pa.string(), "clip": pa.int64(), "step": pa.int64(), "metric": pa.string(), "value": pa.float32()}
    kinds |= options.pop("kinds", {})
    columns = {name: pa.array([row[place] for row in rows], kind) for place, (name, kind) in enumerate(kinds.items())}
    parquet.write_table(pa.table(columns), file, **options)
    return file.getvalue()


def long_word(length, rows):
    """Return scores whose view is one long word in every row, which a small file stores once."""
    words = pa.DictionaryArray.from_arrays(pa.array(np.zeros(rows, np.int32)), pa.array(["x" * length]))
    numbers = pa.array(np.zeros(rows, np.int64))
    metrics = pa.array(["ghost_ratio"] * rows)
    table = pa.table(
        {"view": words, "clip": numbers, "step": numbers, "metric": metrics, "value": numbers.cast(pa.float32())}
    )
    file = io.BytesIO()
    parquet.write_table(table, file, store_schema=False)
    return file.getvalue()


def arrays(**arrays):
    file = io.BytesIO()
    np.savez_compressed(file, **arrays)
    return file.getvalue()


def claiming(*shape):
    """Return an archive whose array claims a shape that it does not have."""
    text = repr({"descr": "|u1", "fortran_order": False, "shape": shape}).encode() + b"\n"
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("rollout.history.npy", b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text)
    return file.getvalue()


class Code:
    """Leaves a file where it is unpickled."""

    def __reduce__(self):
        return (open, ("ran", "w"))


def link(name):
    info = zipfile.ZipInfo(name)
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    return info


def deflated(name):
    info = zipfile.ZipInfo(name)
    info.compress_type = zipfile.ZIP_DEFLATED
    return info


def claims_size(content, name, size):
    """Set the unpacked size that the list of files claims for a file."""
    place = content.rindex(b"PK\x01\x02", 0, content.rindex(name.encode()))
    return content[: place + 24] + struct.pack("<L", size) + content[place + 28 :]


ROW = ("rollout", 0, 1, "ghost_ratio", 0.5)
FRAMES = np.zeros((1, 3, 16, 16), np.uint8)
RUN = "runs/0123456789abcdef"
PARTS = ("history", "target", "forecast")

CONTAINERS = {
    "nothing": lambda _: b"",
    "text": lambda _: b"ghost" * 100,
    "pickle": lambda _: pickle.dumps(Code()),
    "end of a zip": lambda _: b"PK\x05\x06" + bytes(18),
    "end with a comment": lambda whole: zipped([*whole.items()])[:-2] + b"\x05\x00hello",
    "list of 4 GiB": lambda _: bytes(100) + struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 1, 1, 2**32 - 2, 0, 0),
    "path upward": lambda whole: with_entry(whole, "../up.json"),
    "path upward in a run": lambda whole: with_entry(whole, f"{RUN}/../../../up.json"),
    "path of the root": lambda whole: with_entry(whole, "/tmp/up.json"),  # noqa: S108  # refused
    "path of Windows": lambda whole: with_entry(whole, "..\\up.json"),
    "name of no file": lambda whole: with_entry(whole, f"{RUN}/run.py"),
    "hidden name": lambda whole: with_entry(whole, f"{RUN}/.training.pt"),
    "run of no identity": lambda whole: with_entry(whole, "runs/ghost/record.json"),
    "folder": lambda whole: with_entry(whole, f"{RUN}/"),
    "name of escapes": lambda whole: with_entry(whole, "\x1b[2J"),
    "long name": lambda whole: with_entry(whole, "x" * 60_000),
    "link": lambda whole: with_entry(whole, link(f"{RUN}/run.yaml"), b"/etc/passwd"),
    "link as study": lambda whole: zipped([(link("study.yaml"), b"/etc/passwd"), ("plan.json", whole["plan.json"])]),
    "name twice": lambda whole: with_entry(whole, "study.yaml", whole["study.yaml"]),
    "no study": lambda _: zipped([]),
    "no manifest": lambda whole: zipped([*whole.items()]).replace(b"bundle.json", b"report.html"),
    "unlisted file": lambda whole: zipped([*without_manifest(whole)], {"files": {"study.yaml": "0"}}),
    "wrong digest": lambda whole: zipped([*without_manifest(whole)], {"files": dict.fromkeys(whole, "0" * 64)}),
    "another format": lambda whole: zipped([*without_manifest(whole)], {"format": 2}),
    "another study": lambda whole: zipped([*without_manifest(whole)], {"study": "large"}),
    "study of a path": lambda whole: zipped([*without_manifest(whole)], {"study": "../../up"}),
    "books of anything": lambda whole: zipped([*without_manifest(whole)], {"books": [{"name": 1}]}),
    "too large": lambda whole: with_file(whole, "study.yaml", b"#" * (256 * 1024 + 1)),
    "size of 4 GiB": lambda whole: claims_size(zipped([*without_manifest(whole)]), "study.yaml", 2**32 - 2),
    "false size": lambda whole: claims_size(zipped([*without_manifest(whole)]), "study.yaml", 10),
    "compressed twice": lambda whole: with_entry(whole, deflated(f"{RUN}/scores.parquet"), bytes(10**6)),
    "deep manifest": lambda _: deep_manifest(),
    "cut off": lambda whole: zipped([*without_manifest(whole)])[:-300],
}


def without_manifest(whole):
    whole.pop("bundle.json", None)
    return whole.items()


def deep_manifest():
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("study.yaml", "a: 1")
        archive.writestr("plan.json", "{}")
        archive.writestr("bundle.json", '{"files": ' + "[" * 100_000)
    return file.getvalue()


CONTENTS = {
    "study of tags": lambda whole: with_file(whole, "study.yaml", b"!!python/object/apply:os.system [touch ran]"),
    "study of nothing": lambda whole: with_file(whole, "study.yaml", b""),
    "plan of a list": lambda whole: with_file(whole, "plan.json", b"[]"),
    "deep plan": lambda whole: with_file(whole, "plan.json", b"[" * 100_000),
    "edited plan": lambda whole: with_file(whole, "plan.json", whole["plan.json"].replace(b"tanh", b"relu", 1)),
    "plan of other types": lambda whole: with_file(whole, "plan.json", forged_plan(whole, note=["x"])),
    "plan of clashing keys": lambda whole: with_file(whole, "plan.json", forged_plan(whole, plan={"a": 1, "a.b": 2})),
    "looks of a list": lambda whole: with_file(whole, "looks.json", b"[]"),
    "exclusions of words": lambda whole: with_file(whole, "exclusions.jsonl", b"ghost\n"),
    "exclusion of a filter": lambda whole: with_file(whole, "exclusions.jsonl", exclusion("' OR 1=1 --")),
    "merges of words": lambda whole: with_file(whole, "merges.jsonl", b"{}\n"),
    "deep record": lambda whole: with_file(whole, f"{run_of(whole)}/record.json", b'{"a":' * 50_000),
    "edited record": lambda whole: with_file(
        whole, f"{run_of(whole)}/record.json", whole[f"{run_of(whole)}/record.json"].replace(b"cpu", b"gpu")
    ),
    "record of another run": lambda whole: consistent(whole, head={"run": {"data": {"digits": 3}}}),
    "outcome of another kind": lambda whole: consistent(whole, head={"outcome": "excellent"}),
    "fact of a list": lambda whole: consistent(whole, head={"facts": {"device": ["cpu"]}}),
    "fact of a wrong type": lambda whole: consistent(whole, head={"facts": {"seconds": "long"}}),
    "fact of an impossible name": lambda whole: consistent(whole, head={"facts": {"a'b\n": 1}}),
    "fact of no number": lambda whole: consistent(whole, head={"facts": {"seconds": float("inf")}}),
    "scores of no table": lambda whole: consistent(whole, scores_parquet=b"PAR1 ghost PAR1"),
    "scores of other columns": lambda whole: consistent(
        whole, scores_parquet=scores([(*ROW, 1)], kinds={"weight": pa.int64()})
    ),
    "scores of words": lambda whole: consistent(
        whole, scores_parquet=scores([(*ROW[:4], "a lot")], kinds={"value": pa.string()})
    ),
    "scores of lists": lambda whole: consistent(
        whole, scores_parquet=scores([(*ROW[:4], [0.5])], kinds={"value": pa.list_(pa.float32())})
    ),
    "too many scores": lambda whole: consistent(whole, scores_parquet=scores([ROW] * 1_000_001)),
    "a long word a million times": lambda whole: consistent(whole, scores_parquet=long_word(10**6, rows=900_000)),
    "unknown view": lambda whole: consistent(whole, scores_parquet=scores([("a' OR 1", *ROW[1:])])),
    "unknown metric": lambda whole: consistent(whole, scores_parquet=scores([(*ROW[:3], "ghost\n", 0.5)])),
    "curve of words": lambda whole: consistent(whole, curve_csv=b"step,loss,held_out_loss\nlong,low,high\n"),
    "curve of other columns": lambda whole: consistent(whole, curve_csv=b"a,b\n1,2\n"),
    "frames of objects": lambda whole: consistent(
        whole, examples_npz=arrays(**{"rollout.history": np.array([Code()], dtype=object)})
    ),
    "frames that claim memory": lambda whole: consistent(whole, examples_npz=claiming(10**6, 10**6)),
    "frames of floats": lambda whole: consistent(whole, examples_npz=example(forecast=FRAMES.astype(float))),
    "frames of other sizes": lambda whole: consistent(whole, examples_npz=example(forecast=FRAMES[:, :, :8])),
    "frames of other axes": lambda whole: consistent(whole, examples_npz=example(target=FRAMES[0])),
    "no frames": lambda whole: consistent(whole, examples_npz=example(**dict.fromkeys(PARTS, FRAMES[:, :0]))),
    "frames of no archive": lambda whole: consistent(whole, examples_npz=b"PK ghost"),
    "probes of words": lambda whole: with_file(whole, f"{run_of(whole)}/probes.json", b"[1, 2]"),
    "whole record": lambda whole: without(whole, f"{run_of(whole)}/reduced.json"),
    "no scores": lambda whole: without(whole, f"{run_of(whole)}/scores.parquet"),
    "reduction of paths": lambda whole: with_file(
        whole, f"{run_of(whole)}/reduced.json", b'{"format": 1, "files": {"../../x": "0"}}'
    ),
}


def example(**parts):
    parts = dict.fromkeys(PARTS, FRAMES) | parts
    return arrays(**{f"rollout.{name}": array for name, array in parts.items()}, **{"rollout.clips": np.arange(1)})


def without(whole, name):
    del whole[name]
    return zipped([*without_manifest(whole)])


def exclusion(run):
    line = {"run": run, "title": "t", "change": "exclude", "because": "b", "at": "now", "results": 0}
    return json.dumps(line).encode() + b"\n"


def forged_plan(whole, **changes):
    plan = json.loads(whole["plan.json"]) | changes
    text = json.dumps(plan["plan"], sort_keys=True, separators=(",", ":"))
    return json.dumps(plan | {"digest": hashlib.sha256(text.encode()).hexdigest()}).encode()


@pytest.mark.parametrize("name", [*CONTAINERS, *CONTENTS])
def test_invalid_bundles_are_refused_within_bounded_memory(here, whole, name):
    (here / "b.zip").write_bytes((CONTAINERS | CONTENTS)[name](whole))
    done = assert_refused("merge", "b.zip", "--into", "mlruns", cwd=here)
    assert "\x1b" not in done.stderr
    assert "b.zip" in done.stderr


def test_the_bundle_from_which_these_are_made_is_read(here, whole):
    (here / "b.zip").write_bytes(zipped([*without_manifest(whole)]))
    source = bundle_source(here / "b.zip", here / "unpacked")
    (run,) = [name.split("/")[1] for name in whole if name.endswith("record.json")]
    assert source.record(run).outcome == "finished"


def test_consistent_changes_alone_are_read(here, whole):
    scored = scores([ROW, ("one_step", 0, 1, "mse", 4.0)])
    (here / "b.zip").write_bytes(consistent(whole, scores_parquet=scored, examples_npz=example()))
    source = bundle_source(here / "b.zip", here / "unpacked")
    (run,) = [files.folder.name for files in source.paths.attempted]
    assert source.record(run).metric_means == {("rollout", "ghost_ratio"): 0.5, ("one_step", "mse"): 4.0}


def test_pages_of_a_bundle_are_not_unpacked(here, whole):
    whole |= {"report.html": b"<script>", f"{run_of(whole)}/forecasts_rollout.html": b"<script>"}
    (here / "b.zip").write_bytes(zipped([*without_manifest(whole)]))
    Bundle.open(here / "b.zip").unpack(here / "unpacked")
    assert list((here / "unpacked").rglob("*.html")) == []


SMALL = zipped([("study.yaml", b"name: small"), ("plan.json", b"{}"), (deflated("looks.json"), b"{}" * 100)])


@GENTLY
@given(mutated(SMALL))
def test_a_bundle_of_any_bytes_is_read_or_refused(tmp_path_factory, content):
    folder = tmp_path_factory.mktemp("any")
    (folder / "b.zip").write_bytes(content)
    with contextlib.suppress(AblateError):
        bundle_source(folder / "b.zip", folder / "unpacked")
    assert {file.name for file in folder.iterdir()} <= {"b.zip", "unpacked"}
