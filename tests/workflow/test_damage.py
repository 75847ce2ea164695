"""Damage to every kind of file that the programs read again: each is told in one line, with the command that mends it."""

import contextlib
import importlib
import re
import shutil
from pathlib import Path

import h5py
import pandas as pd
import pytest

from ssif import seals
from tests.programs import configure, make, run
from workflow import evaluate, figure, report
from workflow.tables import ablation, land_use, over_scales, robustness, sensors

FIELD, BICUBIC, CLASSIFIER = (f"synthetic.{name}.s0" for name in ("ssif-rf-uf", "bicubic", "a2s2k"))
RUNS = "results/runs/smoke/synthetic"
SCORED = (evaluate, ["--run", FIELD], f"{RUNS}/{FIELD}/metrics.csv")
CLASSIFIED = (land_use, ["--table", "table3"], "results/table3.csv")
REPORTED = (report, [], "results/report.html")
# A file, a program that reads it, and what that makes of it.
READERS = {
    "results/data/synthetic.h5": SCORED,
    f"{RUNS}/{FIELD}/weights.safetensors": SCORED,
    "results/data/synthetic.land_cover.h5": CLASSIFIED,
    f"{RUNS}/{FIELD}/land_use.csv": CLASSIFIED,
    f"{RUNS}/{FIELD}/predictions.h5": (figure, ["--figure", "fig8"], "results/figures/fig8.png"),
    f"{RUNS}/{CLASSIFIER}/maps.h5": (figure, ["--figure", "fig9"], "results/figures/fig9.png"),
    f"{RUNS}/{FIELD}/metrics.csv": (over_scales, ["--table", "table1"], "results/table1.csv"),
    f"{RUNS}/{BICUBIC}/sensors.csv": (sensors, [], "results/table_sensors.csv"),
    f"{RUNS}/{BICUBIC}/robustness.csv": (robustness, [], "results/table_robustness.csv"),
    f"{RUNS}/{FIELD}/config.json": (ablation, [], "results/ablation.csv"),
    f"{RUNS}/{FIELD}/train.jsonl": REPORTED,
    "results/cells.csv": REPORTED,
    "results/table1.csv": REPORTED,
    "results/figures/fig8.png": REPORTED,
}
NOTED = [name for name in READERS if not name.endswith((".h5", ".safetensors"))]


@pytest.fixture(scope="module")
def finished(tmp_path_factory) -> Path:
    """A folder with every kind of file, of a few small networks."""
    shown = {"dataset": "synthetic", "scales": [2], "methods": ["ssif-rf-uf"]}
    folder = tmp_path_factory.mktemp("finished")
    with contextlib.chdir(folder):
        configure(
            methods=["bicubic", "ssif-rf-uf"],
            tables={
                "table1": "synthetic",
                "table3": shown,
                "table_sensors": shown | {"methods": ["bicubic"], "sensors": ["quickbird"]},
                "table_robustness": shown | {"methods": ["bicubic"]},
            },
            figures={"fig8": shown, "fig9": shown},
            ablations={"fig7": {**shown, "change": "k", "values": [2, 4]}},
            datasets__synthetic__training__steps=2,
            datasets__synthetic__land_use__training__steps=2,
        )
        make()
    return folder


@pytest.fixture
def folder(finished, tmp_path, monkeypatch) -> Path:
    """A copy of it to be spoiled, as the working directory."""
    shutil.copytree(finished, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def damages(name: str) -> dict[str, bytes]:
    """Ways in which the bytes of a file are spoiled."""
    whole = Path(name).read_bytes()
    spoiled = {"emptied": b"", "halved": whole[: len(whole) // 2], "another kind": b"\xff\xfe\x00 binary" * 50}
    # A checksum sees every byte; a file without one has a structure that may be hit.
    places = (0, min(600, len(whole) - 1), 4 * len(whole) // 5, len(whole) - 2) if name not in NOTED else ()
    for place in (len(whole) // 3, *places):
        spoiled[f"byte {place}"] = whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :]
    return spoiled


def made(path: str) -> object:
    """What a file says, but for times and memory."""
    if path.endswith(".csv"):
        found = pd.read_csv(path).drop(columns=["seconds", "peak_mib", "training_seconds"], errors="ignore")
        return found.to_csv()
    # The minutes of a training and its steps a second stand before its loss.
    minutes = rb"<td>[\d.]+</td><td>[\d.]+</td>(?=<td>\d\.\d{4}</td>)" if path.endswith(".html") else b""
    return re.sub(minutes, b"", Path(path).read_bytes())


def assert_told(name: str, way: str) -> str:
    """The reader of a damaged file says so in its one line; return the command that makes it again."""
    program, arguments, _ = READERS[name]
    message = run(program, *arguments)
    assert message, f"{name}, {way}: used without a word"
    assert name in message, f"{name}, {way}: {message}"
    return re.search(r": python -m (workflow\.\S+)( .*)?$", message)


@pytest.mark.parametrize("name", READERS)
def test_every_damage_is_told_and_its_remedy_helps(folder, name):
    program, arguments, result = READERS[name]
    before = made(result)
    for way, spoiled in damages(name).items():
        Path(name).write_bytes(spoiled)
        remedy = assert_told(name, way)
    assert run(importlib.import_module(remedy[1]), *(remedy[2] or "").split()) is None
    assert run(program, *arguments) is None and made(result) == before


@pytest.mark.parametrize("name", NOTED)
def test_half_a_file_that_was_copied_alone_is_told(folder, name):
    spoiled = damages(name)
    Path(name).with_name(f".{Path(name).name}.sha256").unlink()
    for way in ("emptied", "halved", "another kind"):
        Path(name).write_bytes(spoiled[way])
        assert_told(name, way)


@pytest.mark.parametrize("name", NOTED)
def test_a_damaged_checksum_is_told(folder, name):
    note = Path(name).with_name(f".{Path(name).name}.sha256")
    whole = note.read_bytes()
    for spoiled in (b"", b"\xff", (b"1" if whole.startswith(b"0") else b"0") + whole[1:]):
        note.write_bytes(spoiled)
        assert_told(name, "its note")


@pytest.mark.parametrize("name", [name for name in READERS if name.endswith(".h5")])
@pytest.mark.parametrize("link", [h5py.ExternalLink("other.h5", "/x"), h5py.SoftLink("/scenes")])
def test_a_file_that_leads_elsewhere_is_refused(folder, name, link):
    with h5py.File(name, "a") as file:
        file["more"] = link
    seals.seal(Path(name))
    assert assert_told(name, "a link")


@pytest.mark.parametrize("name", [name for name in READERS if name.endswith(".h5")])
def test_values_in_another_file_are_refused(folder, name):
    (folder / "secret").write_bytes(b"root:x:0:0")
    with h5py.File(name, "a") as file:
        file.create_dataset("more", (10,), "u1", external=[("/etc/passwd", 0, 10)])
    seals.seal(Path(name))
    assert assert_told(name, "values elsewhere")
