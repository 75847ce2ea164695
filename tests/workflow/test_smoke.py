"""The whole DAG on synthetic cubes, and the dry runs of the large presets."""

import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest

ROOT = Path(__file__).resolve().parents[2]
SNAKEMAKE = [str(Path(sys.executable).with_name("snakemake")), "--snakefile", str(ROOT / "Snakefile")]


def snakemake(folder: Path, preset: str, *arguments: str) -> str:
    """Run Snakemake in `folder`; return all it printed."""
    command = [
        *SNAKEMAKE,
        "--directory",
        str(folder),
        "--configfile",
        str(ROOT / f"config/{preset}.yaml"),
        "--cores",
        "2",
        *arguments,
    ]
    done = subprocess.run(command, capture_output=True, text=True, env=os.environ | {"PYTHONPATH": str(ROOT)})
    output = done.stdout + done.stderr
    assert done.returncode == 0, output[-3000:]
    return output


@pytest.fixture(scope="module")
def finished(tmp_path_factory) -> tuple[Path, str]:
    folder = tmp_path_factory.mktemp("smoke")
    return folder, snakemake(folder, "smoke", "results/table1.csv")


def test_table1_has_every_method_at_every_scale(finished):
    table = pd.read_csv(finished[0] / "results/table1.csv")
    for_one_scale = ["RCAN+AWAN", "AWAN+RCAN", "AWAN+SSPSR", "RC/AW+MoG-DCN", "SSJSR-style, layer sizes ours", "US3RN"]
    fields = ["LIIF", "SSIF-M", "SSIF-RF-GS", "SSIF-RF-GF", "SSIF-RF-US", "SSIF-RF-UF"]
    assert list(table["model"].unique()) == ["bicubic+linear", *for_one_scale, *fields]
    scales = table.groupby("model")["p"].agg(list)
    assert all(scales[model] == [2, 3] for model in for_one_scale)
    assert all(scales[model] == [2, 3, 4] for model in ["bicubic+linear", *fields])
    assert table[["psnr", "ssim", "sam", "ergas", "cc", "rmse"]].notna().all(axis=None)
    assert (table["seeds"] == 1).all() and set(table["preset"]) == {"smoke"}
    assert table.groupby("p")["distribution"].first().to_dict() == {2: "in", 3: "in", 4: "out"}
    assert (
        table["psnr"].between(5, 60).all() and table["ssim"].between(-1, 1).all() and table["sam"].between(0, 90).all()
    )


def test_the_other_files_are_there(finished):
    results = finished[0] / "results"
    assert "SSIF-RF-UF" in (results / "table1.md").read_text() and r"\toprule" in (results / "table1.tex").read_text()
    cells = pd.read_csv(results / "cells.csv")
    assert set(cells.loc[cells["C"] == 40, "reference"]) == {"interpolated"}
    assert len(cells) == 3 * (6 * 3 + 1) + 6 * 2
    trained, scored = {"weights.safetensors", "config.json", "train.jsonl"}, {"metrics.csv"}
    files = {"liif.C31": trained | scored, "us3rn.p2.C31": trained | scored, "awan-hr.C31": trained}
    for name, expected in (files | {"rcan+awan.p2.C31": scored}).items():
        run = results / f"runs/smoke/synthetic/synthetic.{name}.s0"
        assert {path.name for path in run.iterdir()} == expected
    assert not list((results / "state").rglob("*.pt"))


def test_again_there_is_nothing_to_be_done_and_soon(finished):
    start = time.monotonic()
    assert "Nothing to be done" in snakemake(finished[0], "smoke", "results/table1.csv")
    assert time.monotonic() - start < 20


def test_the_cost_is_printed_first(finished):
    assert "preset smoke: 22 networks on synthetic; training is about" in finished[1]


def test_chained_rows_train_their_last_stages_alone(finished):
    """The chained variants as an option: the first stages are there already."""
    methods = "methods=[rcan+awan-chained,rcan+awan+mog-dcn-chained]"
    output = snakemake(finished[0], "smoke", "--config", methods, "--", "results/table1.csv")
    assert re.search(r"^train +4$", output, re.MULTILINE)
    table = pd.read_csv(finished[0] / "results/table1.csv")
    assert list(table["model"].unique()) == ["RCAN+AWAN (chained)", "RC/AW+MoG-DCN (chained)"]
    assert table["psnr"].between(5, 60).all()


@pytest.mark.parametrize(("preset", "trainings"), [("standard", 29), ("paper", 87), ("cave-cpu", 6)])
def test_dry_run_of_a_large_preset(tmp_path, preset, trainings):
    output = snakemake(tmp_path, preset, "--dry-run", "results/table1.csv")
    assert f"preset {preset}: {trainings} networks on cave; training is about" in output
    assert re.search(rf"^train +{trainings}$", output, re.MULTILINE)


def test_a_mistake_in_the_configuration_is_one_line(tmp_path):
    (tmp_path / "config").mkdir()
    (tmp_path / "config/config.yaml").write_text((ROOT / "config/smoke.yaml").read_text())
    command = [*SNAKEMAKE, "--directory", str(tmp_path), "--cores", "1", "--dry-run", "--config", "methods=[ssif-xl]"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode != 0
    assert "unknown model 'ssif-xl'; known: awan+rcan, awan+rcan-chained" in done.stdout + done.stderr
