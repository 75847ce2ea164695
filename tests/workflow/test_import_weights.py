"""docs/published-weights.md: imported weights are scored and shown as such, and Snakemake never trains over them."""

import csv
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import safetensors.torch
import torch
import yaml

from baselines.us3rn import US3RN
from tests.snake import ROOT, jobs, snakemake

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


def program(folder: Path, name: str, *arguments: str) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", f"workflow.{name}", *arguments, "--config", "small.yaml"]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, env=environment)


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """A working folder with a preset of two methods and one table, in which one network of three was imported."""
    folder = tmp_path_factory.mktemp("imported")
    config = yaml.safe_load((ROOT / "config/smoke.yaml").read_text())
    config |= {"methods": ["bicubic", "us3rn"], "tables": {"table1": "synthetic"}, "figures": {}, "ablations": {}}
    (folder / "small.yaml").write_text(yaml.safe_dump(config))
    assert program(folder, "prepare", "--dataset", "synthetic").returncode == 0
    release(folder / "_epoch_152.pth", seed=0)
    done = program(folder, "import_weights", "--run", RUN, "_epoch_152.pth")
    assert done.returncode == 0, done.stderr
    return folder


def run_folder(folder: Path) -> Path:
    return folder / "results/runs/smoke/synthetic" / RUN


def dry(folder: Path) -> dict[str, int]:
    return jobs(snakemake(folder, folder / "small.yaml", "--dry-run", PAGE))


def test_imported_weights_are_scored_and_shown_as_such(folder):
    # Data that are newer than its weights would have any other run trained again.
    (folder / "results/data/synthetic.h5").touch()
    planned = dry(folder)
    # The fitted map and US3RN at p = 3.
    assert planned["train"] == 2 and planned["evaluate"] == 3
    snakemake(folder, folder / "small.yaml", PAGE)
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
    assert "Nothing to be done" in snakemake(folder, folder / "small.yaml", PAGE)


def test_only_the_folder_of_a_trained_run_gives_way(folder):
    trained = RUN.replace("p2", "p3")
    done = program(folder, "import_weights", "--run", trained, "_epoch_152.pth")
    assert done.returncode == 1 and re.fullmatch(rf"error: {trained} has trained weights already; .*\n", done.stderr)


def test_weights_that_do_not_fit_leave_those_before(folder):
    before = (run_folder(folder) / "weights.safetensors").read_bytes()
    torch.save({"weight": torch.rand(3)}, folder / "other.pth")
    done = program(folder, "import_weights", "--run", RUN, "other.pth")
    assert done.returncode == 1 and done.stderr.startswith("error: other.pth does not fit this US3RN")
    assert done.stderr.count("\n") == 1 and "Traceback" not in done.stderr
    assert (run_folder(folder) / "weights.safetensors").read_bytes() == before


def test_other_weights_are_scored_anew_and_a_deleted_import_is_trained(folder):
    release(folder / "newer.pth", seed=1)
    assert program(folder, "import_weights", "--run", RUN, "newer.pth").returncode == 0
    planned = dry(folder)
    assert "train" not in planned and planned["evaluate"] == 1 and planned["table"] == 1 and planned["report"] == 1
    # What shows the deleted weights is there and newer than all that is left.
    snakemake(folder, folder / "small.yaml", PAGE)
    shutil.rmtree(run_folder(folder))
    assert dry(folder)["train"] == 1
