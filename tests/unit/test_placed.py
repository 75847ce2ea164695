"""Data sets that users put into the data folder: small files in the documented layout, or files of the real shape that are mostly
not written."""

import os
from pathlib import Path

import h5py
import numpy as np
import pytest
import scipy.io

from ssif.bands import Bands
from ssif.data import arad_1k, cave, chikusei, harvard, hyspecnet_11k, icvl
from ssif.data.prepare import prepare
from ssif.data.raw import sha256
from ssif.data.readers import DATASETS
from ssif.data.store import Store
from ssif.errors import UserError
from ssif.formats import create_image
from ssif.formats.header import Header
from ssif.sensors import msi_matrix, parse_bands


def linked(file: Path, folder: Path, names) -> Path:
    """A folder in which one file has all these names, before the suffix."""
    folder.mkdir(parents=True)
    for name in names:
        os.link(file, folder / f"{name}{file.suffix}")
    return folder


def drawn(seed: int, *shape: int) -> np.ndarray:
    return np.random.default_rng(seed).random(shape, np.float32)


# --- ARAD_1K


def scene_of_arad(path: Path) -> Path:
    """A file of the real shape, whose values are 0.25 but for two."""
    with h5py.File(path, "w") as file:
        cube = file.create_dataset("cube", (31, 512, 482), np.float32, chunks=(1, 512, 482), fillvalue=0.25)
        cube[3, 500, 400], cube[30, 511, 0] = 0.75, 1.5
    return path


def test_arad(tmp_path):
    file = scene_of_arad(tmp_path / "scene.mat")
    linked(file, tmp_path / "arad_1k/train", (f"{number:03d}" for number in range(897)))
    test = linked(file, tmp_path / "arad_1k/test", (f"{number:03d}" for number in range(900, 950)))
    data = arad_1k.read(tmp_path)
    assert (data.name, data.scale, data.bands, data.border) == ("arad_1k", 1, cave.BANDS, 128)
    assert data.choices == {
        "split": "897 train, 50 test: the challenge's training and validation scenes",
        "values": "divided by 1; larger values are cut to it",
        "scored": "whole, and in columns marked central without 128 pixels at each side",
    }
    train = next(data.scenes)
    assert (train.name, train.split, train.hsi.shape) == ("000", "train", (482, 512, 31))
    # The files have the axes of MATLAB's array reversed. Larger values are cut to 1.
    assert (train.hsi[400, 500, 3], train.hsi[0, 511, 30], np.count_nonzero(train.hsi != 0.25)) == (0.75, 1, 2)
    assert train.sources == {"000.mat": sha256(file)}
    (test / "949.mat").unlink()
    with pytest.raises(UserError, match=r"^put the 50 validation cubes .*arad_1k/test, which has 49 of them"):
        arad_1k.read(tmp_path)
    (tmp_path / "arad_1k/train/896.mat").unlink()
    with pytest.raises(UserError, match=r"^put the 900 training cubes .*CodaLab.* into .*arad_1k/train, which has 896"):
        arad_1k.read(tmp_path)


def test_arad_scenes_of_another_kind(tmp_path, monkeypatch):
    for split, names in (("train", "ab"), ("test", "c")):
        linked(scene_of_arad(tmp_path / f"{split}.mat"), tmp_path / "arad_1k" / split, names)
    monkeypatch.setattr(arad_1k, "COUNTS", {"train": range(2, 3), "test": range(1, 2)})
    test = tmp_path / "arad_1k/test/c.mat"
    scipy.io.savemat(test, {"rad": np.ones((482, 512, 31))})
    with pytest.raises(UserError, match=r"c\.mat: has no array 'cube'; arrays found: rad"):
        arad_1k.read(tmp_path)
    scipy.io.savemat(test, {"cube": np.ones((512, 482, 31))})
    with pytest.raises(UserError, match=r"c\.mat has 512 x 482 pixels, but must have 482 x 512"):
        arad_1k.read(tmp_path)
    test.unlink()
    os.link(tmp_path / "arad_1k/train/a.mat", test.with_name("a.mat"))
    with pytest.raises(UserError, match="a is in both arad_1k/train and arad_1k/test"):
        arad_1k.read(tmp_path)


# --- ICVL and Harvard


def test_icvl(tmp_path):
    cube = 4000 * drawn(0, 12, 9, 31)
    with h5py.File(tmp_path / "scene.mat", "w") as file:
        file["rgb"], file["rad"], file["bands"] = np.zeros((3, 9, 12)), cube.T, np.arange(400.0, 701, 10)[:, None]
    linked(tmp_path / "scene.mat", tmp_path / "icvl", (f"{number:03d}" for number in range(202)))
    data = icvl.read(tmp_path)
    scenes = list(data.scenes)
    assert [scene.name for scene in scenes if scene.split == "test"] == [
        f"{number:03d}" for number in range(9, 202, 10)
    ]
    assert (data.name, data.scale, data.bands, data.border) == ("icvl", cube.max(), cave.BANDS, 0)
    assert data.choices["split"] == "182 train, 20 test: every 10th scene in ASCII order tests"
    assert all(np.array_equal(scene.hsi, cube) for scene in scenes)
    (tmp_path / "icvl/201.mat").unlink()
    with pytest.raises(UserError, match=r"put the 202 \.mat files of ICVL .* into .*icvl, which has 201 of them"):
        icvl.read(tmp_path)


def test_icvl_without_an_array_of_31_bands(tmp_path):
    with h5py.File(tmp_path / "scene.mat", "w") as file:
        file["rad"] = np.zeros((30, 9, 12))
    linked(tmp_path / "scene.mat", tmp_path / "icvl", map(str, range(202)))
    with pytest.raises(UserError, match=r"0\.mat: the file must have one array of 31 bands, found none"):
        icvl.read(tmp_path)


def test_harvard(tmp_path):
    (tmp_path / "harvard/CZ_hsdb").mkdir(parents=True)
    for number in range(50):
        # The scenes may differ in size: those of the training are cut to the smallest.
        cube = drawn(number, 12 + number % 2, 14 - number % 3, 31) / (1 if number == 4 else 2)
        scipy.io.savemat(
            tmp_path / f"harvard/CZ_hsdb/{number:02d}.mat", {"ref": cube, "lbl": np.ones(cube.shape[:2], np.uint8)}
        )
    data = harvard.read(tmp_path)
    assert data.bands == Bands.from_centres(np.arange(420, 721, 10), 10)
    assert data.scale == drawn(4, 12, 13, 31).max()
    scenes = list(data.scenes)
    assert [scene.name for scene in scenes if scene.split == "test"] == [f"{number:02d}" for number in range(4, 50, 5)]
    assert {scene.hsi.shape for scene in scenes if scene.split == "train"} == {(12, 12, 31)}
    assert np.array_equal(scenes[4].hsi, drawn(4, 12, 13, 31))
    assert np.array_equal(scenes[5].hsi, drawn(5, 13, 12, 31)[:12] / 2)
    (tmp_path / "harvard/CZ_hsdb/07.mat").unlink()
    with pytest.raises(UserError, match=r"put the 50 \.mat files of Harvard's CZ_hsdb .* which has 49 of them"):
        harvard.read(tmp_path)


# --- Chikusei


def test_the_crop_of_chikusei():
    assert (chikusei.ROWS.stop - chikusei.ROWS.start, chikusei.COLUMNS.stop - chikusei.COLUMNS.start) == (2304, 2048)
    assert (chikusei.ROWS.start + 1, chikusei.COLUMNS.start + 1) == (107, 144)


@pytest.fixture
def scene(tmp_path, monkeypatch):
    """Write a scene of 31 x 25 pixels, whose crop is from (2, 3) to (26, 19), with test images of 4 x 4 pixels."""
    monkeypatch.setattr(chikusei, "ROWS", slice(2, 26))
    monkeypatch.setattr(chikusei, "COLUMNS", slice(3, 19))
    monkeypatch.setattr(chikusei, "SIDE", 4)
    (tmp_path / "chikusei").mkdir()
    cube = np.random.default_rng(0).integers(0, 9000, (31, 25, 128)).astype(np.uint16)
    cube[0, 0] = 10_000  # outside the crop

    def write(rows: int = 31, bands: Bands | None = None) -> np.ndarray:
        header = Header(rows, 25, 128, "uint16", bands)
        for name, kind, values in (
            ("scene", header, cube[:rows]),
            ("labels", Header(31, 25, 1, "uint8"), cube[..., :1] % 20),
        ):
            with create_image(tmp_path / f"chikusei/{name}.hdr", kind) as target:
                target(values)
        return cube

    return write


def test_chikusei(scene, tmp_path):
    crop = scene()[2:26, 3:19]
    data = chikusei.read(tmp_path)
    assert data.scale == crop.max() < 10_000
    assert data.bands.centres[[0, -1]].tolist() == pytest.approx([363, 1018])
    train, *tests = data.scenes
    assert (train.split, [one.split for one in tests]) == ("train", ["test"] * 4)
    assert np.array_equal(train.hsi, crop[4:])
    assert all(np.array_equal(one.hsi, crop[:4, 4 * i : 4 * i + 4]) for i, one in enumerate(tests))
    assert set(train.sources) == {"scene.img", "scene.hdr"}


def test_chikusei_takes_the_wavelengths_of_the_file(scene, tmp_path):
    bands = Bands.from_centres(np.linspace(365, 1015, 128), 5)
    scene(bands=bands)
    assert np.allclose(chikusei.read(tmp_path).bands.edges, bands.edges, atol=1e-3)


def test_chikusei_too_small_or_absent(scene, tmp_path):
    scene(rows=25)
    with pytest.raises(UserError, match=r"scene\.hdr has 25 x 25 pixels, but must have at least 26 x 19"):
        chikusei.read(tmp_path)
    for file in (tmp_path / "chikusei").glob("scene*"):
        file.unlink()
    with pytest.raises(
        UserError, match=r"put the cube of Chikusei.* into the folder chikusei; it has 0 cubes of 128 bands"
    ):
        chikusei.read(tmp_path)


# --- HySpecNet-11k


def patches(folder: Path, names: str, header: Header, values: np.ndarray) -> None:
    folder.mkdir(parents=True)
    with create_image(folder / f"{names[0]}.tif", header) as target:
        target(values)
    for name in names[1:]:
        os.link(folder / f"{names[0]}.tif", folder / f"{name}.tif")


def test_hyspecnet(tmp_path):
    enmap, _ = parse_bands("enmap")
    values = np.random.default_rng(0).integers(0, 11_000, (128, 128, 224)).astype(np.int16)
    values[:3] = -100
    for split, names in (("train", "ab"), ("test", "c")):
        patches(tmp_path / "hyspecnet_11k" / split, names, Header(128, 128, 224, "int16"), values)
    with pytest.raises(UserError, match="negative"):
        next(hyspecnet_11k.read(tmp_path).scenes)
    values[1:3] = 10_500
    with create_image(tmp_path / "hyspecnet_11k/train/a.tif", Header(128, 128, 224, "int16")) as target:
        target(values)
    data = hyspecnet_11k.read(tmp_path)
    assert (len(data.bands), data.scale) == (218, 10_000)
    assert data.choices["split"] == "2 train, 1 test: the hard split, by tile"
    hsi = next(data.scenes).hsi
    kept = [enmap.centres.tolist().index(centre) for centre in data.bands.centres]
    assert set(range(224)) - set(kept) == set(range(129, 135))
    assert np.array_equal(hsi, np.clip(values, 0, 10_000)[..., kept])
    assert msi_matrix(DATASETS["hyspecnet_11k"].msi, data.bands).shape == (10, 218)


def test_hyspecnet_in_reflectance_and_of_another_size(tmp_path):
    for split, names in (("train", "ab"), ("test", "c")):
        patches(tmp_path / "hyspecnet_11k" / split, names, Header(128, 128, 224, "float32"), drawn(0, 128, 128, 224))
    assert hyspecnet_11k.read(tmp_path).scale == 1
    patches(tmp_path / "more", "d", Header(32, 32, 224, "float32"), drawn(0, 32, 32, 224))
    os.link(tmp_path / "more/d.tif", tmp_path / "hyspecnet_11k/test/d.tif")
    with pytest.raises(UserError, match=r"d\.tif has 32 x 32 pixels, but must have 128 x 128"):
        hyspecnet_11k.read(tmp_path)


# --- all of them


def test_a_placed_data_set_is_prepared(scene, tmp_path):
    crop = scene()[2:26, 3:19] / np.float32(9000)
    prepare("chikusei", tmp_path / "chikusei.h5", DATASETS["chikusei"].msi, tmp_path)
    store = Store(tmp_path / "chikusei.h5")
    assert store.names("test") == [f"chikusei_test_{number}" for number in range(1, 5)]
    hsi, msi = store.scene("chikusei_train")
    assert np.allclose(hsi * store.scale, 9000 * crop[4:], atol=1e-2)
    assert (msi.shape, store.border) == ((20, 16, 4), 0)


@pytest.mark.parametrize("name", ["arad_1k", "chikusei", "harvard", "hyspecnet_11k", "icvl"])
def test_a_folder_that_is_not_there_is_asked_for(name, tmp_path):
    from ssif.data.readers import reader

    with pytest.raises(UserError, match=rf"^put .* into {tmp_path}/{name}.*, or name the data folder with SSIF_DATA"):
        reader(name)(tmp_path)
