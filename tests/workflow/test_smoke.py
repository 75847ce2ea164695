"""Every method, table and figure on synthetic cubes, the whole DAG with three methods, and the dry run of a large preset."""

import contextlib
import re
import resource
import subprocess
from pathlib import Path

import h5py
import pandas as pd
import pytest
import torch
import yaml

from ssif.data.store import Store
from ssif.metrics import evaluate
from tests.programs import configure, make
from tests.snake import ROOT, SNAKEMAKE, jobs, snakemake


@pytest.fixture(scope="module")
def finished(tmp_path_factory) -> Path:
    """A folder with everything of the smoke preset, made in this process; fewer images are classified."""
    folder = tmp_path_factory.mktemp("smoke")
    with contextlib.chdir(folder):
        configure(
            tables__table3__methods=["bicubic", "liif", "ssif-rf-gs"],
            figures__fig9__methods=["liif", "ssif-rf-gs"],
            datasets__synthetic__land_use__training__steps=200,
        )
        make()
    return folder


def test_table1_has_every_method_at_every_scale(finished):
    table = pd.read_csv(finished / "results/table1.csv")
    for_one_scale = ["RCAN+AWAN", "AWAN+RCAN", "AWAN+SSPSR", "RC/AW+MoG-DCN", "SSJSR-style, layer sizes ours", "US3RN"]
    fields = ["LIIF", "SSIF-M", "SSIF-RF-GS", "SSIF-RF-GF", "SSIF-RF-US", "SSIF-RF-UF", "SSIF+"]
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
    results = finished / "results"
    assert "SSIF-RF-UF" in (results / "table1.md").read_text() and r"\toprule" in (results / "table1.tex").read_text()
    cells = pd.read_csv(results / "cells.csv", keep_default_na=False)
    assert set(cells.loc[cells["C"] == 40, "reference"]) == {"interpolated"}
    # Tables: 8 methods at p = 2, 3, 4 and 6 at 2, 3. Figures 3 and 4: C = 8 and 40 of seven at p = 2, 3, 4, C = 8 of LIIF.
    # closed_form: RF-GI and RF-UI at p = 2, 4 and three C.
    assert len(cells[cells["changes"] == ""]) == 8 * 3 + 6 * 2 + 7 * 2 * 3 + 3 + 2 * 2 * 3
    # fig6: two at C, p = 2, 4; fig7: K = 2 at p = 4; fig10: two at p = 4; lambda_min: one at p = 2, 4; three C each.
    # table_sensors: one at p = 2, 4.
    assert len(cells[cells["changes"] != ""]) == 3 * (2 * 2 + 1 + 2 + 2) + 2
    trained, scored = {"weights.safetensors", "config.json", "train.jsonl"}, {"metrics.csv", "predictions.h5"}
    changed = trained | scored | {"robustness.csv"}
    files = {"liif.C8": trained | scored, "us3rn.p2.C31": changed, "awan-hr.C31": trained}
    for name, expected in (files | {"rcan+awan.p2.C31": scored}).items():
        run = results / f"runs/smoke/synthetic/synthetic.{name}.s0"
        assert {path.name for path in run.iterdir() if not path.name.endswith(".sha256")} == expected
    classified = {"land_use.csv", "maps.h5"}
    for name, expected in {"ssif-rf-gs": trained | scored | classified, "a2s2k": trained | classified}.items():
        run = results / f"runs/smoke/synthetic/synthetic.{name}.s0"
        assert {path.name for path in run.iterdir() if not path.name.endswith(".sha256")} == expected
    assert not list((results / "state").rglob("*.pt"))


FIGURES = ["fig1", "fig3", "fig4", "fig8", "fig9", "fig6", "fig7", "fig10", "lambda_min", "closed_form", "robustness"]


def test_every_table_and_figure_is_there(finished):
    results = finished / "results"
    for name in FIGURES:
        assert (results / f"figures/{name}.pdf").read_bytes().startswith(b"%PDF")
        assert (results / f"figures/{name}.png").stat().st_size > 20_000
    table = pd.read_csv(results / "table2.csv")
    assert table["psnr"].notna().all() and set(table["model"]) == set(pd.read_csv(results / "table1.csv")["model"])
    ablation = pd.read_csv(results / "ablation.csv")
    assert set(ablation["ablation"]) == {"fig6", "fig7", "fig10", "lambda_min", "closed_form"}
    assert ablation["mpsnr"].between(5, 60).all()
    sensors = pd.read_csv(results / "table_sensors.csv", keep_default_na=False)
    assert len(sensors) == 2 * 2 * 3 and set(sensors["intervals"]) == {"", "equal", "irregular"}
    assert sensors["mpsnr"].between(5, 60).all()
    robustness = pd.read_csv(results / "table_robustness.csv").set_index(["change", "model"])
    assert len(robustness) == 22 * 3 and robustness["mpsnr"].between(5, 60).all()
    inside = pd.read_csv(results / "table1.csv").set_index(["p", "model"]).loc[2]
    # The clean input is that of Table 1.
    pd.testing.assert_series_equal(
        robustness.loc["clean", "mpsnr"], inside["psnr"].loc[["bicubic+linear", "US3RN", "SSIF+"]], check_names=False
    )
    report = (results / "report.html").read_text()
    assert report.count("data:image/png;base64,") > len(FIGURES) and "SSIF-RF-UF, irregular intervals" in report


def test_a_kept_image_is_the_one_that_was_scored(finished):
    folder = finished / "results/runs/smoke/synthetic/synthetic.ssif-rf-uf.s0"
    store = Store(finished / "results/data/synthetic.h5")
    with h5py.File(folder / "predictions.h5") as file:
        image, scene = torch.tensor(file["p2/C31"][()]), file.attrs["scene"]
        assert sorted(file["p2"]) == ["C31", "C40", "C8"] and list(file) == ["p2"]
    # Table 3 looks at more scales.
    with h5py.File(folder.with_name("synthetic.ssif-rf-gs.s0") / "predictions.h5") as file:
        assert list(file["p3"]) == ["C31"] and list(file) == ["p2", "p3"]
    hsi, _ = store.scene(scene)
    again = evaluate(image.float(), hsi[: image.shape[1], : image.shape[2]].permute(2, 0, 1), 2)["mpsnr"]
    table = pd.read_csv(folder / "metrics.csv").set_index(["scene", "p", "C"])
    assert again == pytest.approx(table.loc[(scene, 2, 31), "mpsnr"], abs=0.01)


def test_table3_has_every_image_and_its_bounds(finished):
    table = pd.read_csv(finished / "results/table3.csv")
    fields = ["bicubic+linear", "LIIF", "SSIF-RF-GS"]
    bounds = {"true image", "true image, bicubic", "constant answer"}
    assert set(table["model"]) == {*fields, *bounds} and set(table.loc[table["source"] == "bound", "model"]) == bounds
    assert all(scales == [2, 3] for scales in table.groupby("model")["p"].agg(sorted))
    assert table[["oa", "aa", "macro_f1", "miou"]].stack().between(0, 1).all()
    by_row = table.set_index(["model", "p"])
    constant = by_row.loc[("constant answer", 2)]
    present = constant[[name for name in table if name.startswith("recall_")]].dropna()
    assert constant["aa"] == pytest.approx(1 / len(present)) and constant["kappa"] == pytest.approx(0)
    # The classifier has learned something, or the table would say nothing.
    assert by_row.loc[("true image", 2), "aa"] > 1.2 * constant["aa"]
    page = (finished / "results/table3.md").read_text()
    assert "Acc Imp. (SSIF-RF-GS - LIIF)" in page and "Recall of each class at p=2" in page and "Reported" not in page


def test_the_maps_are_of_the_image_that_was_scored(finished):
    folder = finished / "results/runs/smoke/synthetic/synthetic.a2s2k.s0"
    counts = pd.read_csv(folder / "land_use.csv")
    pixels = counts[(counts["model"] == "true image") & (counts["p"] == 2)]
    with (
        h5py.File(folder / "maps.h5") as file,
        h5py.File(finished / "results/data/synthetic.land_cover.h5") as cover,
    ):
        whole, agreement = file["p2/true image"][()], file["p2/true image"].attrs["agreement"]
        labels = cover[f"scenes/{file.attrs['scene']}"][()]
        assert sorted(file["p2"]) == ["true image", "true image, bicubic"] and list(file) == ["p2"]
    assert whole.shape == labels.shape and pixels["pixels"].sum() == (labels > 0).sum()
    # The share of right pixels of both forms differs by no more than the share on which they disagree.
    exact = pixels.loc[pixels["true"] == pixels["predicted"], "pixels"].sum() / pixels["pixels"].sum()
    assert abs(exact - (whole == labels)[labels > 0].mean()) <= 1 - agreement + 1e-9 and agreement > 0.7


def test_snakemake_runs_every_rule_and_says_first_what_it_trains(project):
    folder, output = project
    text = "".join(path.read_text() for path in (ROOT / "workflow").rglob("*.smk"))
    rules = set(re.findall(r"^(?:use rule \w+ as|rule) (\w+)", text, re.MULTILINE))
    assert set(jobs(output)) - {"total"} == rules | {"all"}
    assert "preset smoke: 6 networks to train" in output and "  fig7 on synthetic: 1 more: ssif-rf-uf" in output
    assert "error: killed" not in output and not list((folder / "results/state").rglob("*.pt"))


def test_again_there_is_nothing_to_be_done_and_soon(project):
    start = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
    assert "Nothing to be done" in snakemake(project[0], project[0] / "preset.yaml", root=project[0])
    assert resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - start < 20


def test_one_more_k_trains_exactly_one_network(project):
    folder, _ = project
    config = yaml.safe_load((folder / "preset.yaml").read_text())
    config["ablations"]["fig7"]["values"].append(8)
    (folder / "more.yaml").write_text(yaml.safe_dump(config))
    output = snakemake(folder, folder / "more.yaml", "--dry-run", "results/figures/fig7.pdf", root=folder)
    assert jobs(output) == {"train": 1, "evaluate": 1, "figure": 1, "total": 3}
    assert "ssif-rf-uf.k-8.s0" in output


def test_a_lost_figure_is_drawn_again_without_training(project):
    folder, _ = project
    figure = folder / "results/figures/fig3.pdf"
    before = figure.read_bytes()
    figure.unlink()
    output = snakemake(folder, folder / "preset.yaml", "results/figures/fig3.pdf", root=folder)
    assert jobs(output) == {"figure": 1, "total": 1} and figure.read_bytes() == before


@pytest.mark.slow
def test_the_whole_smoke_preset_by_snakemake(tmp_path):
    assert jobs(snakemake(tmp_path, "smoke"))["train"] == 34
    assert "Nothing to be done" in snakemake(tmp_path, "smoke")


def test_a_job_that_fails_is_called_failed(tmp_path):
    """Its output goes through tee, whose exit status would hide that of the program."""
    output = snakemake(tmp_path, "cave-cpu", "results/data/cave.h5", fails=True, SSIF_DATA=str(tmp_path))
    assert re.search(r"^error: .*complete_ms_data", output, re.MULTILINE)
    assert "Error in rule prepare" in output and "MissingOutputException" not in output


def test_dry_run_of_a_large_preset(tmp_path):
    """tests/unit/test_plan.py counts the networks of the others."""
    output = snakemake(tmp_path, "standard", "--dry-run")
    assert "preset standard: 126 networks to train" in output and jobs(output)["train"] == 126


def test_rcan_starts_from_its_p_2(tmp_path):
    output = snakemake(
        tmp_path, "smoke", "--dry-run", "results/runs/smoke/synthetic/synthetic.rcan-msi.p3.s0/config.json"
    )
    assert jobs(output) == {"prepare": 1, "train": 2, "total": 3}


@pytest.mark.slow
@pytest.mark.parametrize("preset", ["paper", "cave-figures", "cave-validation", "cave-cpu", "cave-antialias"])
def test_dry_run_of_every_preset(tmp_path, preset):
    output = snakemake(tmp_path, preset, "--dry-run")
    (trainings,) = re.findall(rf"^preset {preset}: (\d+) networks to train", output, re.MULTILINE)
    assert jobs(output)["train"] == int(trainings)


def test_jobs_read_a_whole_preset_and_run_the_code_of_the_checkout(tmp_path):
    """A change on the command line stands before the preset's base, and code in the working directory is not run."""
    (tmp_path / "workflow").mkdir()
    for name in ("__init__", "prepare"):
        (tmp_path / f"workflow/{name}.py").write_text("raise SystemExit('another checkout')")
    (tmp_path / "own.yaml").write_text("base: smoke\npreset: own\ndatasets: {synthetic: {network: {k: 7}}}\n")
    snakemake(tmp_path, tmp_path / "own.yaml", "results/data/synthetic.h5", "--config", "methods=[liif,ssif+]")
    smoke = yaml.safe_load((ROOT / "config/smoke.yaml").read_text())
    smoke["datasets"]["synthetic"]["network"]["k"] = 7
    written = yaml.safe_load((tmp_path / "results/presets/own.yaml").read_text())
    assert written == smoke | {"preset": "own", "methods": ["liif", "ssif+"]}


def test_a_mistake_in_the_configuration_is_one_line(tmp_path):
    (tmp_path / "config").mkdir()
    (tmp_path / "config/config.yaml").write_text((ROOT / "config/smoke.yaml").read_text())
    command = [*SNAKEMAKE, "--directory", str(tmp_path), "--cores", "1", "--dry-run", "--config", "methods=[ssif-xl]"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode != 0
    assert "unknown model 'ssif-xl'; known: awan+rcan, awan+sspsr" in done.stdout + done.stderr
