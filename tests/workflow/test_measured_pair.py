"""Measured input beside simulated input: an MSI of another instrument, on a grid of its own, shifted, in another unit."""

import sys

import numpy as np
import pandas as pd
import pytest
import yaml
from scipy import ndimage

import ssif
from ssif import cli
from ssif.data import synthetic
from ssif.formats import create_image, open_image
from ssif.formats.header import Header
from tests import programs
from tests.snake import ROOT, snakemake
from tests.unit.test_pairs import place

RATIO = 2


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Three cubes, and MSIs whose pixels are 2 x 2 pixels of the cubes, 0.7 MSI pixels lower, in digital numbers up to 4000."""
    folder = tmp_path_factory.mktemp("pair")
    for name in ("hsi", "msi"):
        (folder / name).mkdir()
    data = synthetic.read(size=64, scenes=3)
    grid = {"scale": 1 / 65535, **place(10)}
    for name, scene in zip(("site_1.tif", "site_2.tif", "test_1.tif"), data.scenes):
        cube = scene.hsi.astype(np.float32) / 65535
        with create_image(folder / "hsi" / name, Header(*cube.shape, "uint16", data.bands, **grid)) as write:
            write(cube)
        msi = np.stack([cube[..., b - 3 : b + 3].mean(axis=-1) for b in (6, 14, 24)], axis=-1)
        msi = ndimage.shift(msi, (0.7 * RATIO, 0, 0), order=3, mode="nearest").clip(0)
        msi = msi.reshape(64 // RATIO, RATIO, 64 // RATIO, RATIO, 3).mean(axis=(1, 3))
        with create_image(folder / "msi" / name, Header(*msi.shape, "uint16", **place(10 * RATIO))) as write:
            write(np.rint(4000 * msi))
    preset = yaml.safe_load((ROOT / "config/my-data.yaml").read_text())
    common = preset["datasets"].pop("my_data")
    common |= {"scales": {"train": [2, 4], "test": [2, 4]}, "exceptions": {}}
    common["network"] |= {"encoder": {"name": "edsr", "blocks": 1, "channels": 8}}
    common["training"] |= {"steps": 60, "lr_sizes": [8]}
    source = {"folder": "hsi", "test": ["test_*"]}
    measured = {"folder": "msi", "white": 4000, "bands": "400:700:3", "align": True}
    preset["datasets"] = {
        "measured": common | {"source": source | {"msi": measured}, "msi": "own"},
        "simulated": common | {"source": source, "msi": "nikon-d700"},
    }
    preset |= {"preset": "pair", "methods": ["bicubic", "ssif+"]}
    preset["tables"] = {"table1": "measured", "table2": "simulated"}
    (folder / "config.yaml").write_text(yaml.safe_dump(preset))
    return folder


@pytest.fixture(autouse=True)
def in_folder(folder, monkeypatch):
    monkeypatch.chdir(folder)
    monkeypatch.delenv("SSIF_DATA", raising=False)


def test_both_inputs_are_scored_and_stand_in_one_table(folder, monkeypatch):
    programs.make()
    cells = pd.read_csv(folder / "results/cells.csv")
    scores = cells.pivot(index=["model", "p"], columns="input", values="mpsnr")
    assert scores.shape == (4, 2) and scores["measured"].between(10, 60).all()
    assert (scores["measured"] != scores["simulated"]).all()
    text = (folder / "results/table1.md").read_text()
    assert "Input: measured, site_1.tif as it is, 2 pixels of the cube to a pixel, shifted by 0.7" in text
    assert "taken off" in text and "PSNR above bicubic+linear at p = 2, 4: " in text
    assert set(pd.read_csv(folder / "results/table1.csv").query("source != 'reported'")["input"]) == {"measured"}

    # The weights know the bands of the MSI and the values of both images.
    card = ssif.load(folder / "results/runs/pair/measured/measured.ssif+.s0/weights.safetensors").card
    assert (card["msi"], card["white"], card["output_white"], len(card["input_bands"])) == ("own", 4000, 1, 3)

    # A prediction takes an MSI as it is and has the values of the cubes.
    weights = folder / "results/runs/pair/measured/measured.ssif+.s0/weights.safetensors"
    command = ["ssif", "predict", "msi/test_1.tif", "finer.tif", "--weights", str(weights), "--scale", "2"]
    monkeypatch.setattr(sys, "argv", [*command, "--bands", "400:700:31", "--input", "400:700:3"])
    cli.main()
    with open_image(folder / "finer.tif") as image, open_image(folder / "hsi/test_1.tif") as truth:
        assert (image.header.height, image.header.transform) == (64, truth.header.transform)
        whole = slice(0, 64), slice(0, 64)
        assert np.abs(image.read(*whole) - truth.read(*whole)).mean() < 0.1


def test_a_scale_below_that_of_the_msi_is_refused(folder):
    preset = yaml.safe_load((folder / "config.yaml").read_text())
    preset["datasets"]["measured"]["scales"]["train"] = [1, 4]
    (folder / "fine.yaml").write_text(yaml.safe_dump(preset))
    # By Snakemake, which also looks at the files of the MSI.
    field = "results/runs/pair/measured/measured.ssif+.s0/config.json"
    output = snakemake(folder, folder / "fine.yaml", "--forcerun", "train", "--", field, fails=True)
    assert "is 2 pixels of the cubes wide, so every scale must be at least p = 2, not 1" in output
