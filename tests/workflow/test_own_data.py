"""docs/add-a-data-set.md: cubes in a folder and an edited config/my-data.yaml are enough for a table."""

import re
import sys

import numpy as np
import pandas as pd
import pytest

import ssif
from ssif import cli
from ssif.data import synthetic
from ssif.formats import create_image, open_image
from ssif.formats.header import Header
from tests.snake import ROOT, jobs, snakemake


@pytest.fixture(scope="module")
def field(tmp_path_factory):
    """A working folder with three cubes, one of them called a test cube, and the preset as a user would edit it."""
    folder = tmp_path_factory.mktemp("field")
    data = synthetic.read(size=48, scenes=3)
    for name, scene in zip(("site_1.hdr", "site_2.h5", "test_1.tif"), data.scenes):
        path = folder / "cubes" / name
        path.parent.mkdir(exist_ok=True)
        with create_image(path, Header(*scene.hsi.shape, "uint16", data.bands, scale=1 / 65535)) as write:
            write(scene.hsi.astype(np.float32) / 65535)
    text = (ROOT / "config/my-data.yaml").read_text()
    for before, after in [
        ("msi: ikonos ", "msi: nikon-d700 "), ("steps: 1500", "steps: 30"), ("lr_sizes: [12, 16, 24]", "lr_sizes: [8, 12]"),
        ("lr_sizes: [24]", "lr_sizes: [12]"),
        ("methods: [bicubic, liif, ssif-m, ssif-rf-uf, ssif+]", "methods: [bicubic, liif, ssif-rf-uf]"),
        ("test: [2, 3, 4]", "test: [2, 4]"),
        ("blocks: 4, channels: 32", "blocks: 1, channels: 8"),
    ]:  # fmt: skip
        assert before in text
        text = text.replace(before, after)
    (folder / "field.yaml").write_text(text)
    return folder


def test_a_config_file_makes_the_table(field, monkeypatch):
    monkeypatch.delenv("SSIF_DATA", raising=False)
    output = snakemake(field, field / "field.yaml", "--", "results/table1.csv", "results/report.html")
    assert "preset my-data: 3 networks" in output
    table = pd.read_csv(field / "results/table1.csv")
    assert list(table["model"].unique()) == ["bicubic+linear", "LIIF", "SSIF-RF-UF"]
    assert table["psnr"].between(5, 60).all() and set(table["dataset"]) == {"my_data"} and set(table["p"]) == {2, 4}
    assert "Nothing to be done" in snakemake(field, field / "field.yaml", "--", "results/table1.csv")

    # What became of the values stands under the table, and in the weights.
    values = "reflectance as it is; values above 1 are cut to it"
    assert f"Values: {values}." in (field / "results/table1.md").read_text()
    run = field / "results/runs/my-data/my_data/my_data.ssif-rf-uf.s0"
    card = ssif.load(run / "weights.safetensors").card
    assert (card["white"], card["values"]) == (1, values)

    assert "<h2>Table 1: my_data, 31 bands</h2>" in (field / "results/report.html").read_text()

    # A cube that changes is read again, and all that depends on it is made again; so with another split.
    with open(field / "cubes/site_1.img", "r+b") as cube:
        cube.write(b"\x07" * 62)
    assert jobs(snakemake(field, field / "field.yaml", "--dry-run", "--", "results/table1.csv"))["train"] == 3
    by_region = re.sub(r"test: \[.*?\]\}", "region: [0, 0, 48, 12]}", (field / "field.yaml").read_text(), count=1)
    (field / "region.yaml").write_text(by_region)
    assert jobs(snakemake(field, field / "region.yaml", "--dry-run", "--", "results/data/my_data.h5"))["prepare"] == 1


def test_the_commands_of_the_documentation(field, monkeypatch, capsys):
    commands = re.findall(r"^ {4}(\w+ .*)$", (ROOT / "docs/add-a-data-set.md").read_text(), re.MULTILINE)
    copied, *_, made, described, predicted = commands
    assert copied == "cp config/my-data.yaml config/field.yaml" and made == "make table1 PRESET=field"
    assert '--configfile "config/$$PRESET.yaml"' in (ROOT / "Makefile").read_text()
    monkeypatch.chdir(field)
    for command in (described, predicted):
        monkeypatch.setattr(sys, "argv", command.split())
        cli.main()
    assert "split: test: test_*; the others train" in capsys.readouterr().out
    with open_image(field / "finer.tif") as image:
        assert (image.header.height, image.header.width, image.header.count) == (96, 96, 5)


def test_a_missing_folder_is_one_line(field, tmp_path, monkeypatch):
    monkeypatch.delenv("SSIF_DATA", raising=False)
    output = snakemake(tmp_path, field / "field.yaml", "--dry-run", "--", "results/table1.csv", fails=True)
    assert "the folder of cubes cubes does not exist" in output
