"""A data set of the user's own: cubes of any format in a folder, split by file or by region, and errors."""

import dataclasses
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml

from ssif.bands import Bands
from ssif.data import cubes as parts_of_cubes
from ssif.data import folder
from ssif.data.prepare import prepare
from ssif.data.store import Store
from ssif.errors import UserError
from ssif.formats import create_image
from ssif.formats.header import Header
from ssif.metrics import evaluate
from ssif.nets.linear import LinearSpectra
from workflow.config import presets

BANDS = Bands.from_centres(np.arange(440, 870, 20), 20)
HEADER = Header(12, 14, len(BANDS), "float32", BANDS)


def values(seed: int, header: Header = HEADER) -> np.ndarray:
    return np.random.default_rng(seed).random((header.height, header.width, header.count)).astype(np.float32)


def write(path: Path, cube: np.ndarray, header: Header = HEADER) -> np.ndarray:
    with create_image(path, header) as target:
        target(cube)
    return cube


@pytest.fixture
def cubes(tmp_path, monkeypatch) -> Path:
    monkeypatch.delenv("SSIF_DATA", raising=False)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "cubes").mkdir()
    return tmp_path / "cubes"


def test_every_format_and_a_split_by_file(cubes, tmp_path):
    names = ["a.hdr", "b.tif", "c.mat", "d.h5", "e.npy", "f.npz", "north_1.bil"]
    truth = {name.partition(".")[0]: write(cubes / name, values(i)) for i, name in enumerate(names)}
    (cubes / "notes.txt").write_text("no cube")
    write(cubes / "photo.png", 255 * values(9)[..., :3], Header(12, 14, 3, "uint8"))
    prepare("mine", tmp_path / "mine.h5", "ikonos", source={"folder": "cubes", "test": ("b.tif", "north_*")})
    store = Store(tmp_path / "mine.h5")
    assert store.names("test") == ["b", "north_1"] and store.names("train") == ["a", "c", "d", "e", "f"]
    for name, cube in truth.items():
        hsi, msi = store.scene(name)
        assert np.allclose(hsi.numpy(), cube, atol=1e-6) and msi.shape == (12, 14, 4)
    assert np.allclose(store.bands.edges, BANDS.edges, atol=1e-3) and store.scale == 1
    assert store.choices["values"].startswith("reflectance as it is;") and store.choices["split"].startswith(
        "test: b.tif, north_*;"
    )
    assert {"a.img", "a.hdr", "north_1.bil"} <= set(yaml.safe_load(store.file.attrs["sources"]))


def test_a_split_by_region_takes_the_largest_rectangle_beside_it(cubes):
    cube = write(cubes / "a.h5", values(0))
    (train, test) = folder.read("mine", "cubes", region=(0, 0, 12, 4)).scenes
    assert (train.name, train.split, test.name, test.split) == ("a_train", "train", "a_test", "test")
    assert np.array_equal(train.hsi, cube[:, 4:]) and np.array_equal(test.hsi, cube[:, :4])
    (train, _) = folder.read("mine", "cubes", region=(8, 3, 4, 4)).scenes
    assert np.array_equal(train.hsi, cube[:8])


def test_training_cubes_become_equally_large(cubes):
    write(cubes / "a.h5", values(0))
    large = Header(13, 10, len(BANDS), "float32", BANDS)
    b = write(cubes / "b.h5", values(1, large), large)
    write(cubes / "t.h5", values(2, large), large)
    data = folder.read("mine", "cubes", test=("t.h5",))
    assert [scene.hsi.shape[:2] for scene in data.scenes] == [(12, 10), (12, 10), (13, 10)]
    assert np.array_equal(list(folder.read("mine", "cubes", test=("t.h5",)).scenes)[1].hsi, b[:12])
    assert "cut to the smallest of them, 12 x 10" in data.choices["size"]


def test_bad_bands_go_and_the_others_are_sorted(cubes):
    order = np.arange(len(BANDS))[::-1]
    header = replace(HEADER, bands=Bands(BANDS.edges[order]), good=tuple(i != 3 for i in range(len(BANDS))))
    cube = write(cubes / "a.h5", values(0), header)
    data = folder.read("mine", "cubes", region=(0, 0, 4, 4))
    kept = [i for i in order if i != 3]
    assert data.bands == Bands(header.bands.edges[kept])
    assert np.array_equal(list(data.scenes)[1].hsi, cube[:4, :4, kept])


@pytest.mark.parametrize(
    ("header", "factor", "white", "scale"),
    [
        ({}, 1, None, 1),
        ({}, 50, None, None),  # radiance
        ({}, 50, 40.0, 40),
        ({"dtype": "uint16", "scale": 1e-4}, 1, None, 1),
        ({"dtype": "uint16"}, 9000, None, None),
    ],
)
def test_what_becomes_white(cubes, header, factor, white, scale):
    header = replace(HEADER, **header)
    write(cubes / "a.h5", factor * values(0), header)
    data = folder.read("mine", "cubes", region=(0, 0, 4, 4), white=white)
    whole = header.physical(header.stored(factor * values(0)))
    of_training = np.sort(whole[:, 4:].reshape(-1, len(BANDS)), axis=0)
    assert data.scale == (scale or of_training[-2].max())  # one pixel is brighter
    train, _ = data.scenes
    assert train.hsi.max() <= data.scale and np.allclose(train.hsi, np.minimum(whole[:, 4:], data.scale))


@pytest.mark.parametrize("dtype", ["float32", "uint16"])
def test_a_hot_pixel_changes_neither_white_nor_the_score(cubes, tmp_path, dtype):
    """The score of the linear map, with a hot pixel in the training part and without."""
    header = Header(40, 60, len(BANDS), dtype, BANDS)
    mixture = np.random.default_rng(0).random((40, 60, 5)) @ np.random.default_rng(1).random((5, len(BANDS)))
    found = []
    for hot in (0, 60000):
        cube = (800 * mixture).astype(np.float32)
        cube[3, 50, 4] += hot
        write(cubes / "a.h5", cube, header)
        prepare("mine", tmp_path / f"{hot}.h5", "ikonos", source={"folder": "cubes", "region": (0, 0, 40, 20)})
        store = Store(tmp_path / f"{hot}.h5")
        model = LinearSpectra(store.channels, store.bands)
        model.fit(store.training_set(torch.device("cpu")))
        hsi, msi = store.scene("a_test")
        weight, bias = model.to_bands(store.bands)
        image = (msi @ weight.T + bias).permute(2, 0, 1)
        found.append((store.scale, evaluate(image, hsi.permute(2, 0, 1), 1)["mpsnr"]))
    (scale, score), (scale_hot, score_hot) = found
    assert abs(scale_hot / scale - 1) < 0.02 and abs(score_hot - score) < 0.5, found


def test_white_is_the_value_that_one_training_pixel_in_a_thousand_exceeds(cubes, monkeypatch):
    monkeypatch.setattr(parts_of_cubes, "STRIP_BYTES", 4 * len(BANDS) * 60 * 7)  # seven rows at a time
    header = Header(50, 60, len(BANDS), "float32", BANDS)
    a, b = (write(cubes / f"{name}.h5", 50 * values(i, header), header) for i, name in enumerate("ab"))
    write(cubes / "t.h5", 40 * values(2, header), header)
    data = folder.read("mine", "cubes", test=("t.h5",))
    pixels = np.sort(np.concatenate([a, b]).reshape(-1, len(BANDS)), axis=0)
    assert data.scale == pixels[-7].max()
    assert data.choices["values"] == (
        f"divided by {data.scale:g}, which one training pixel in 1000 exceeds in the brightest band; larger values are cut to it"
    )


def test_hot_pixels_leave_reflectance_as_it_is(cubes):
    cube = values(0)
    cube[6, 8, 3] = 1.7
    write(cubes / "a.h5", cube)
    data = folder.read("mine", "cubes", **REGION)
    assert data.scale == 1 and data.choices["values"] == "reflectance as it is; values above 1 are cut to it"
    assert next(iter(data.scenes)).hsi.max() == 1


def test_test_cubes_that_are_brighter_than_white_are_refused(cubes):
    write(cubes / "a.h5", 50 * values(0))
    write(cubes / "t.h5", 60 * values(1))
    message = r"t\.h5: \d+\.\d% of the values are above 49\.\d+, which is white in the training cubes; set white in the source"
    with pytest.raises(UserError, match=message):
        list(folder.read("mine", "cubes", test=("t.h5",)).scenes)
    assert len(list(folder.read("mine", "cubes", test=("t.h5",), white=50.0).scenes)) == 2


def test_a_few_negative_values_become_zero(cubes):
    cube = values(0)
    cube[0, 0, :2] = -0.01
    write(cubes / "a.h5", cube)
    _, test = folder.read("mine", "cubes", region=(0, 0, 4, 4)).scenes
    assert (test.hsi[0, 0, :2] == 0).all()
    write(cubes / "a.h5", cube - 0.5)
    with pytest.raises(UserError, match=r"a\.h5: .*% of the values are negative"):
        list(folder.read("mine", "cubes", region=(0, 0, 4, 4)).scenes)


REGION = {"region": (0, 0, 4, 4)}


@pytest.mark.parametrize(
    ("files", "arguments", "message"),
    [
        ({}, REGION, "cubes contains no cube; known formats: .hdr"),
        ({"a.h5": {}}, {"folder": "none", **REGION}, "the folder of cubes none does not exist"),
        ({"a.h5": {"bands": None}}, REGION, "a.h5 has no wavelengths"),
        ({"a.h5": {}, "a.tif": {}}, REGION, "several cubes are called a"),
        (
            {"a.h5": {}, "b.h5": {"bands": Bands(BANDS.edges + 1)}},
            REGION,
            "b.h5 has other bands (Bands(C=22, 431-871 nm)) than a.h5 (Bands",
        ),
        ({"a.h5": {}}, {}, "give either test (names of test cubes) or region"),
        ({"a.h5": {}}, {**REGION, "test": ("a.h5",)}, "give either test"),
        ({"a.h5": {}}, {"test": ("b*",)}, "no cube is called 'b*'; found: a.h5"),
        ({"a.h5": {}}, {"test": ("*",)}, "every cube is a test cube"),
        ({"a.h5": {}}, {"region": (0, 0, 4)}, "a region must be top, left, height and width"),
        ({"a.h5": {}}, {"region": (0, 0, 0, 4)}, "a region must be top, left, height and width"),
        ({"a.h5": {}}, {"region": (10, 0, 4, 4)}, "a.h5 has 12 x 14 pixels, so the region [10, 0, 4, 4] is not inside"),
        ({"a.h5": {}}, {"region": (0, 0, 12, 14)}, "leaves nothing for training"),
        ({"a.h5": {}}, {**REGION, "white": -1.0}, "white must be a positive value"),
        ({"a.h5": {}}, {**REGION, "key": "other"}, "has no array 'other'; arrays found: cube"),
    ],
)
def test_what_is_refused(cubes, files, arguments, message):
    for name, change in files.items():
        write(cubes / name, values(0), replace(HEADER, **change))
    with pytest.raises(UserError, match=re.escape(message)):
        list(folder.read("mine", **({"folder": "cubes"} | arguments)).scenes)


def test_pixels_without_data_are_left_out(cubes, tmp_path):
    cube = values(0)
    cube[5, 5, 3] = cube[10:, 3:5] = np.nan
    write(cubes / "a.h5", cube)
    prepare("mine", tmp_path / "mine.h5", "ikonos", source={"folder": "cubes", **REGION})
    store = Store(tmp_path / "mine.h5")
    found = {name: store.known(name) for name in store.splits}
    missing = sum(int((~known).sum()) for known in found.values() if known is not None)
    total = sum(store.scene(name)[0][..., 0].numel() for name in store.splits)
    assert missing and store.choices["no data"] == f"{missing} of {total} pixels, left out of training and scores"
    for name in store.splits:
        hsi, msi = store.scene(name)
        assert hsi.isfinite().all() and msi.isfinite().all() and hsi.min() >= 0


def test_a_part_without_any_data_is_refused(cubes):
    write(cubes / "a.h5", np.where(np.arange(14)[:, None] < 7, values(0), np.nan))
    with pytest.raises(UserError, match=r"a\.h5: a_test has no pixel with data in all bands"):
        list(folder.read("mine", "cubes", region=(0, 7, 12, 7), white=1.0).scenes)


def test_bands_that_the_files_do_not_say(cubes):
    np.save(cubes / "a.npy", values(0))
    with pytest.raises(UserError, match=r"a\.npy has no wavelengths; give them as bands in the source"):
        folder.read("mine", "cubes", **REGION)
    assert folder.read("mine", "cubes", **REGION, bands="430:870:22").bands == BANDS
    with pytest.raises(UserError, match="has 22 bands, but bands: 430:870:11 names 11"):
        folder.read("mine", "cubes", **REGION, bands="430:870:11")
    write(cubes / "a.h5", values(0))
    (cubes / "a.npy").unlink()
    with pytest.raises(UserError, match=r"contains Bands\(C=22, 430-870 nm\), but bands: 400:700:22 gives"):
        folder.read("mine", "cubes", **REGION, bands="400:700:22")


def test_a_cube_without_light_is_refused(cubes):
    write(cubes / "a.h5", 0 * values(0))
    with pytest.raises(UserError, match="cubes: hardly any value of the training images is positive"):
        folder.read("mine", "cubes", **REGION)


def test_the_folder_may_be_below_the_data_folder(cubes, monkeypatch, tmp_path):
    write(cubes / "a.h5", values(0))
    monkeypatch.chdir("/")
    assert len(folder.cube_files("cubes", tmp_path)) == 1
    monkeypatch.setenv("SSIF_DATA", str(tmp_path))
    assert len(folder.cube_files("cubes")) == 1 and len(folder.cube_files(str(cubes))) == 1


# --- in a preset

PRESET = yaml.safe_load(Path("config/my-data.yaml").read_text())


def test_a_preset_names_its_source():
    (data,) = presets.parse(PRESET).datasets.values()
    assert dataclasses.asdict(data.source) == {
        "folder": "cubes", "test": ("test_*",), "region": (), "white": None, "key": None, "bands": None, "msi": None
    }  # fmt: skip


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("my data", {}, "a data set with a source must be a name of at most 40 letters"),
        ("cave", {}, "datasets.cave has its own source, so its name must not be"),
        ("CAVE", {}, "datasets.CAVE has its own source, so its name must not be"),
        ("mine", {"source": {"test": ["a"]}}, "datasets.mine.source lacks folder"),
        ("mine", {"source": {"folder": "a", "tset": ["a"]}}, "unknown key in datasets.mine.source: 'tset'"),
        ("mine", {"land_use": {}}, "no land cover for land_use"),
    ],
)
def test_sources_that_make_no_sense(name, change, message):
    block = PRESET["datasets"]["my_data"] | change
    with pytest.raises(UserError, match=re.escape(message)):
        presets.parse(PRESET | {"tables": {"table1": name}, "datasets": {name: block}})
