"""Real EnMAP tiles: training on three of them, scores and a prediction of the fourth."""

import os
import resource
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
import yaml

from ssif.formats import open_image
from tests.real_data import real
from tests.snake import ROOT, snakemake

TEST = "enmap_potsdam_tile_192_96.tif"


@pytest.mark.slow
def test_a_tile_that_was_not_seen(tmp_path, monkeypatch):
    """218 good bands of VNIR and SWIR from the four channels of Sentinel-2 with 10 m, in five minutes."""
    tiles = real("enmap")
    monkeypatch.delenv("SSIF_DATA", raising=False)
    preset = yaml.safe_load((ROOT / "config/my-data.yaml").read_text())
    data = preset["datasets"]["my_data"]
    data |= {"source": {"folder": str(tiles), "test": [TEST]}, "msi": "sentinel-2a:B2,B3,B4,B8"}
    data |= {"scales": {"train": [1, 4], "test": [2, 3]}, "counts": {"train": [60, 218], "test": [218]}}
    data["training"]["lr_sizes"] = [6, 8]
    data["exceptions"]["ssif+"] |= {"steps": 400, "lr_sizes": [6, 8]}
    preset |= {"preset": "enmap", "methods": ["bicubic", "ssif+"]}
    (tmp_path / "enmap.yaml").write_text(yaml.safe_dump(preset))
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    snakemake(tmp_path, tmp_path / "enmap.yaml", "--", "results/table1.csv")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    # Of processes, because other work may share the cores.
    seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    print(f"{seconds:.0f} s of two cores")
    assert seconds < 2 * 300
    scores = pd.read_csv(tmp_path / "results/table1.csv").query("source != 'reported'").set_index(["model", "p"])
    gain = scores.loc["SSIF+", ["psnr", "sam"]] - scores.loc["bicubic+linear", ["psnr", "sam"]]
    print(scores[["psnr", "sam"]])
    assert (gain["psnr"] > 0).all() and (gain["sam"] < 0).all()

    weights = tmp_path / "results/runs/enmap/my_data/my_data.ssif+.s0/weights.safetensors"
    command = [sys.executable, "-m", "ssif.cli", "predict", str(tiles / TEST), "fine.tif", "--weights", str(weights)]
    command += ["--scale", "2", "--bands", "450:1300:85"]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    with open_image(tiles / TEST) as before, open_image(tmp_path / "fine.tif") as after:
        a, b, c, d, e, f = before.header.transform
        assert after.header.transform == (a / 2, b, c, d, e / 2, f) and after.header.crs == before.header.crs
        assert (after.header.height, after.header.width, after.header.count) == (64, 64, 85)
        whole = after.read(slice(0, 64), slice(0, 64))
        assert np.isfinite(whole).any() and np.nanmax(whole) <= 1
