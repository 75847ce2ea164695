"""A checkout, a data folder and cubes may be called what they like; a preset may not."""

import os
import subprocess
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from ssif.data import synthetic
from ssif.formats import create_image
from ssif.formats.header import Header
from tests.snake import ROOT, checkout, snakemake

ODD = 'it\'s a "dir" $HOME `x` (ü) #1 50% \\ & a:b'
CUBES = ["a{dataset}.npy", "s3:it's #2 $x.hdr", 'test [1] "x" ü.tif']


@pytest.fixture
def odd(tmp_path) -> Path:
    """A copy of the project in a folder with a name of that kind."""
    folder = tmp_path / ODD
    checkout(folder)
    return folder


def cubes(folder: Path) -> None:
    data = synthetic.read(size=32, scenes=3)
    folder.mkdir(parents=True)
    for name, scene in zip(CUBES, data.scenes):
        with create_image(folder / name, Header(*scene.hsi.shape, "uint16", data.bands, scale=1 / 65535)) as write:
            write(scene.hsi.astype(np.float32) / 65535)


def test_a_table_is_made_whatever_the_folders_are_called(odd, tmp_path):
    config = yaml.safe_load((ROOT / "config/my-data.yaml").read_text())
    data = config["datasets"]["my_data"]
    data |= {"msi": "nikon-d700", "source": {"folder": f"cubes {ODD} {{x}}", "test": CUBES[-1:]}}
    data["network"]["encoder"] |= {"blocks": 1, "channels": 8}
    data["training"] |= {"steps": 2, "lr_sizes": [6]}
    (odd / "config/my 'own' $x.yaml").write_text(yaml.safe_dump(config | {"methods": ["ssif-m"]}))
    cubes(tmp_path / f"data {ODD}" / f"cubes {ODD} {{x}}")
    environment = os.environ | {
        "SSIF_DATA": str(tmp_path / f"data {ODD}"), "PRESET": "my 'own' $x", "CORES": "1", "OMP_NUM_THREADS": "1"
    }  # fmt: skip
    environment.pop("PYTHONPATH", None)

    def make() -> str:
        done = subprocess.run(["make", "table1"], cwd=odd, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, (done.stdout + done.stderr)[-3000:]
        return done.stdout + done.stderr

    make()
    table = pd.read_csv(odd / "results/table1.csv")
    assert set(table["model"]) == {"SSIF-M"} and table["psnr"].between(5, 60).all()
    scores = pd.read_csv(odd / "results/runs/my-data/my_data/my_data.ssif-m.s0/metrics.csv")
    assert set(scores["scene"]) == {CUBES[-1].removesuffix(".tif")}
    assert "Nothing to be done" in make()


def test_of_a_preset_that_is_refused_nothing_is_written_or_run(tmp_path):
    folder = tmp_path / "a/b/c"
    folder.mkdir(parents=True)
    change = "preset=../../x$(touch PWN)"
    output = snakemake(folder, "smoke", "--config", change, "--", "results/data/synthetic.h5", fails=True)
    assert "preset must be a name of at most 40 letters" in output
    assert {path.name for path in tmp_path.rglob("*") if ".snakemake" not in path.parts} == {"a", "b", "c"}


def test_a_checkout_with_braces_in_its_path_is_refused_in_words(odd):
    folder = odd.rename(odd.with_name("a{b}"))
    command = [folder / ".venv/bin/python", "-m", "snakemake", "--cores", "1", "--dry-run"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    assert done.returncode and f"rename the folder {folder}" in done.stdout + done.stderr
    assert not (folder / "results/presets").exists()
