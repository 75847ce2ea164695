"""Images may be called what they like: no name is an address, a pattern or a command."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ssif.data import fetch, folder
from ssif.errors import UserError
from ssif.formats import create_image, open_image
from ssif.tool.about import about
from tests.predicting import HEADER, RGB, WANTED, read, run, small_model, write

# What GDAL and rasterio take for an address when it stands at the start, and letters that mean something to somebody.
NAMES = [
    "s3:x", "zip:x", "http:x", "GTIFF_DIR:1:x", "JPEG_SUBFILE:x", "a!b?c#d&e%20", "-x", "~x", "[1]*", " lead", "a\nb",
    "it's a \"d\" $HOME `x` (ü) #1 50% {x} \\",
]  # fmt: skip
NOT_UTF_8 = os.fsdecode(b"lat\xfcn")
PICTURE = replace(HEADER, dtype=np.uint8, bands=None, crs="", transform=None, nodata=None, scale=None)


@pytest.mark.parametrize("name", NAMES)
def test_an_image_is_written_and_read_under_its_name(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    values = np.random.default_rng(0).integers(1, 200, (9, 12, 3))
    for suffix in (".tif", ".hdr", ".h5", ".mat", ".npy", ".npz", ".png", ".bmp"):
        header = PICTURE if suffix in (".png", ".bmp") else HEADER
        written = values * (1.0 if header is PICTURE else 1e-4)
        path = write(Path(f"{name}{suffix}"), header, written.astype(np.float32))
        assert path.is_file() and np.allclose(read(path)[1], written, atol=1e-6)
        assert str(path) in about(path)


def test_the_wavelengths_are_kept_below_a_folder_of_that_kind(tmp_path, monkeypatch):
    """ENVI's header has the path of the file, which GDAL puts there, and another text in its place."""
    (tmp_path / NAMES[-1]).mkdir()
    monkeypatch.chdir(tmp_path / NAMES[-1])
    write(Path("a.hdr"), replace(HEADER, provenance="ssif predict ü"), np.full((9, 12, 3), 0.5, np.float32))
    with open_image("a.hdr") as image:
        assert image.header.bands == RGB and image.header.provenance == "ssif predict ü"
    assert NAMES[-1] not in Path("a.hdr").read_text("utf-8") and "\n}\n" not in Path("a.hdr").read_text("utf-8")


@pytest.mark.parametrize("suffix", [".tif", ".hdr", ".npy", ".h5"])
def test_a_prediction_from_and_to_names_of_that_kind(tmp_path, monkeypatch, suffix):
    monkeypatch.chdir(tmp_path)
    model = small_model(tmp_path)
    name = NAMES[-1]
    source = write(Path(f"s3:{name}{suffix}"), HEADER, np.full((9, 12, 3), 0.5, np.float32))
    out = Path(f"zip:{name} out{suffix}")
    run(source, out, model, replace(WANTED, command=f"ssif predict {name} {NOT_UTF_8}\n"))
    header, values = read(out)
    assert values.shape == (22, 30, 3) and "ssif predict it's a" in header.provenance


def test_a_name_that_is_not_in_utf_8(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    ones = np.ones((9, 12, 3), np.float32)
    for suffix in (".h5", ".mat", ".npy", ".npz"):
        assert np.allclose(read(write(Path(NOT_UTF_8 + suffix), HEADER, ones))[1], 1)
    write(Path("a.tif"), HEADER, ones)
    Path("a.tif").rename(f"{NOT_UTF_8}.tif")
    with pytest.raises(UserError, match="is not in UTF-8; rename it"):
        open_image(f"{NOT_UTF_8}.tif")
    with pytest.raises(UserError, match="is not in UTF-8; rename it"), create_image(f"{NOT_UTF_8}2.tif", HEADER):
        pass
    command = [sys.executable, "-m", "ssif.cli", "info", f"{NOT_UTF_8}.npy"]
    # As in most languages' settings; Python is more lenient in that called C.
    environment = os.environ | {
        "PYTHONPATH": str(Path(__file__).resolve().parents[2]),
        "PYTHONIOENCODING": "utf-8:strict",
    }
    done = subprocess.run(command, env=environment, capture_output=True)
    assert done.returncode == 0 and done.stdout.startswith(b"lat\xfcn.npy: 9 x 12 pixels"), done.stderr


def test_a_cube_is_also_called_what_its_name_means_as_a_pattern(tmp_path):
    for name in ("a[1].npy", "b.npy"):
        write(tmp_path / name, replace(HEADER, crs="", transform=None), np.full((9, 12, 3), 0.5, np.float32))
    data = folder.read("mine", str(tmp_path), test=("a[1].npy",))
    assert {scene.name: scene.split for scene in data.scenes} == {"a[1]": "test", "b": "train"}


def test_a_folder_called_after_nobody_s_home(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("~nobody-of-that-name").mkdir()
    assert fetch.named_folder("~nobody-of-that-name") == Path("~nobody-of-that-name")
    with pytest.raises(UserError, match="contains no cube"):
        folder.cube_files("~nobody-of-that-name")
