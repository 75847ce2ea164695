"""docs/published-weights.md: imported weights are scored and shown as such, and Snakemake never trains over them."""

import contextlib
import csv
import hashlib
import json
import re
from pathlib import Path

import pytest
import safetensors.torch
import torch

from baselines.us3rn import US3RN
from tests.programs import configure, run
from tests.snake import ROOT, jobs, snakemake
from workflow import import_weights, prepare

RUN = "synthetic.us3rn.p2.C31.s0"
PAGE = "results/report.html"
NAMES = ROOT / "tests/release_names/us3rn_p4_c3_C31.csv"


def release(path: Path, seed: int) -> dict[str, torch.Tensor]:
    """Write a US3RN for p = 2 as released; return its tensors by our names."""
    torch.manual_seed(seed)
    own = US3RN(3, 31, 2).state_dict()
    with open(NAMES, newline="") as file:
        known = {row["name_here"]: row["release_name"] for row in csv.DictReader(file)}
    torch.save({"epoch": 152, "param": {f"module.{known[name]}": value for name, value in own.items()}}, path)
    return own


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """A working folder with a preset of two methods and one table, in which one network of three was imported."""
    folder = tmp_path_factory.mktemp("imported")
    release(folder / "_epoch_152.pth", seed=0)
    with contextlib.chdir(folder):
        configure(methods=["bicubic", "us3rn"], tables={"table1": "synthetic"}, figures={}, ablations={})
        assert run(prepare, "--dataset", "synthetic") is None
        assert run(import_weights, "--run", RUN, "_epoch_152.pth") is None
    return folder


@pytest.fixture(autouse=True)
def in_folder(folder, monkeypatch):
    monkeypatch.chdir(folder)


def run_folder(folder: Path) -> Path:
    return folder / "results/runs/smoke/synthetic" / RUN


def dry(folder: Path) -> dict[str, int]:
    return jobs(snakemake(folder, folder / "config.yaml", "--dry-run", PAGE))


def test_imported_weights_are_scored_and_shown_as_such(folder):
    # Data that are newer than its weights would have any other run trained again.
    (folder / "results/data/synthetic.h5").touch()
    planned = dry(folder)
    # The fitted map and US3RN at p = 3.
    assert planned["train"] == 2 and planned["evaluate"] == 3
    snakemake(folder, folder / "config.yaml", PAGE)
    sha256 = hashlib.sha256((folder / "_epoch_152.pth").read_bytes()).hexdigest()
    source = f"us3rn.p2.C31.s0 from _epoch_152.pth (sha256 {sha256[:12]})"
    table = (folder / "results/table1.md").read_text()
    assert f"Imported weights, not trained here: {source}." in table and "us3rn.p3.C31.s0 from" not in table
    tabular = (folder / "results/table1.tex").read_text()
    assert source.replace("_", r"\_") in tabular
    page = (folder / PAGE).read_text()
    row = next(row for row in re.findall(r"<tr.*?</tr>", page, flags=re.DOTALL) if f'"row">{RUN}<' in row)
    assert source in page and "<td>imported</td>" in row
    record = json.loads((run_folder(folder) / "config.json").read_text())
    assert record["imported"] == {"file": "_epoch_152.pth", "sha256": sha256}
    trained = json.loads((run_folder(folder).with_name(RUN.replace("p2", "p3")) / "config.json").read_text())
    assert record.keys() - trained.keys() == {"imported"} and trained.keys() - record.keys() == {"trained_in"}
    assert record["data"] == trained["data"] and record["training"] == trained["training"]
    kept = safetensors.torch.load_file(run_folder(folder) / "weights.safetensors")
    expected = release(folder / "again.pth", seed=0)
    assert kept.keys() == expected.keys() and all(torch.equal(kept[name], expected[name]) for name in kept)
    assert "Nothing to be done" in snakemake(folder, folder / "config.yaml", PAGE)


def test_only_the_folder_of_a_trained_run_gives_way(folder):
    trained = RUN.replace("p2", "p3")
    said = run(import_weights, "--run", trained, "_epoch_152.pth")
    assert said.startswith(f"error: {trained} has trained weights already; ")


def test_weights_that_do_not_fit_leave_those_before(folder):
    before = (run_folder(folder) / "weights.safetensors").read_bytes()
    torch.save({"weight": torch.rand(3)}, "other.pth")
    assert run(import_weights, "--run", RUN, "other.pth").startswith("error: other.pth does not fit this US3RN")
    assert (run_folder(folder) / "weights.safetensors").read_bytes() == before


def test_a_deleted_import_is_trained_and_other_weights_are_scored_anew(folder):
    # What shows the deleted weights is there and newer than all that is left.
    run_folder(folder).rename("aside")
    assert dry(folder)["train"] == 1
    Path("aside").rename(run_folder(folder))
    release(folder / "newer.pth", seed=1)
    assert run(import_weights, "--run", RUN, "newer.pth") is None
    planned = dry(folder)
    assert "train" not in planned and planned["evaluate"] == 1 and planned["table"] == 1 and planned["report"] == 1
