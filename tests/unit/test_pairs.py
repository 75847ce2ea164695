"""Measured pairs: an MSI of another instrument beside the cubes, on a grid of its own."""

import re

import numpy as np
import pytest
import torch
from scipy import ndimage

from ssif.bands import Bands
from ssif.data import folder
from ssif.data.patches import TrainingSet, draw_patches, draw_queries
from ssif.data.prepare import prepare
from ssif.data.registration import shift, shifted_with_gaps
from ssif.data.store import Store
from ssif.errors import UserError
from ssif.formats import create_image
from ssif.formats.header import Header
from workflow.config import presets

BANDS = Bands.from_centres(np.arange(440, 870, 20), 20)
SEEN = Bands([[450, 520], [520, 600], [630, 690]])
PAIR = {"folder": "msi", "key": None, "bands": None, "white": None, "align": False}


def place(side: float, left: float = 400_000, top: float = 5_800_000, zone: int = 33) -> dict:
    """Georeference of pixels of this side in m."""
    import rasterio

    return {"crs": rasterio.CRS.from_epsg(32600 + zone).to_wkt(), "transform": (side, 0, left, 0, -side, top)}


def scene(rows: int, columns: int, seed: int = 0, smooth: float = 3) -> np.ndarray:
    """A smooth cube [rows, columns, C] of reflectance."""
    noise = np.random.default_rng(seed).random((rows, columns, len(BANDS)))
    cube = ndimage.gaussian_filter(noise, (smooth, smooth, 4))
    return (0.05 + 0.9 * (cube - cube.min()) / np.ptp(cube)).astype(np.float32)


def means(image: np.ndarray, n: int) -> np.ndarray:
    """Means over blocks of n x n pixels."""
    rows, columns = (side // n for side in image.shape[:2])
    return image[: rows * n, : columns * n].reshape(rows, n, columns, n, -1).mean(axis=(1, 3))


def channels(cube: np.ndarray) -> np.ndarray:
    return np.stack([cube[..., b : b + 3].mean(axis=-1) for b in (1, 4, 10)], axis=-1)


def write(path, image: np.ndarray, bands: Bands | None, **header) -> None:
    path.parent.mkdir(exist_ok=True)
    with create_image(path, Header(*image.shape, "float32", bands, **header)) as target:
        target(image.astype(np.float32))


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.delenv("SSIF_DATA", raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def prepared(here, **changes) -> Store:
    source = {"folder": "hsi", "test": ("b*",), "msi": PAIR | changes}
    prepare("pair", here / "pair.h5", "own", source=source)
    return Store(here / "pair.h5")


@pytest.mark.parametrize(("rows", "columns"), [(0, 0), (0.75, -0.25), (-1.625, 2.0), (3.25, 0.5)])
def test_a_shift_is_found_and_taken_off(rows, columns):
    fine = scene(8 * 60, 8 * 70, smooth=12)[..., :3]
    still = means(fine[80:400, 80:480], 8)
    down, right = round(8 * rows), round(8 * columns)
    moved = means(fine[80 - down : 400 - down, 80 - right : 480 - right], 8)
    # Another unit and another contrast.
    found = shift(3 * moved.mean(axis=-1) + 7, still.mean(axis=-1))
    assert found == pytest.approx((rows, columns), abs=0.1)
    back = shifted_with_gaps(moved, -rows, -columns)
    inside = np.isfinite(back).all(axis=-1)
    assert inside.mean() > 0.8
    assert np.abs(back - still)[inside].max() < 0.02


def test_pixels_of_equal_size_by_size(here):
    for seed, name in enumerate("ab"):
        cube = scene(24, 36, seed)
        write(here / f"hsi/{name}.tif", cube, BANDS)
        write(here / f"msi/{name}.h5", 5000 * channels(cube), SEEN)
    store = prepared(here, white=5000)
    assert (store.ratio, store.channels, store.msi_bands, store.response) == (1, 3, SEEN, None)
    torch.testing.assert_close(store.scene("b")[1], torch.from_numpy(channels(scene(24, 36, 1))))
    line = store.choices["input"]
    assert line.startswith("measured, a.h5 as it is, 1 pixels of the cube to a pixel, shifted by")
    assert line.endswith("divided by 5000; larger values are cut to it")


def test_larger_pixels_stay_as_they_are(here):
    """The MSI begins 2 pixels above the cube and 5 pixels to the right of its left edge, and its pixels are 3 x 3."""
    for seed, name in enumerate("ab"):
        ground = scene(60, 66, seed)
        write(here / f"hsi/{name}.tif", ground[5:50, 7:60], BANDS, **place(10, 400_070, 5_799_950))
        write(here / f"msi/{name}.tif", means(channels(ground)[3:57, 12:66], 3), SEEN, **place(30, 400_120, 5_799_970))
    store = prepared(here)
    hsi, msi = store.scene("b")
    # Whole MSI pixels inside the cube: rows 6 to 48 and columns 12 to 60 of the ground.
    ground = scene(60, 66, 1)
    assert store.ratio == 3 and hsi.shape == (42, 48, 22) and msi.shape == (14, 16, 3)
    np.testing.assert_allclose(hsi, ground[6:48, 12:60], atol=1e-6)
    np.testing.assert_allclose(msi, means(channels(ground)[6:48, 12:60], 3), atol=1e-6)


def test_smaller_pixels_are_averaged(here):
    for seed, name in enumerate("ab"):
        ground = scene(96, 96, seed)
        write(here / f"hsi/{name}.tif", means(ground, 3), BANDS, **place(30))
        write(here / f"msi/{name}.tif", channels(ground), SEEN, **place(10))
    store = prepared(here)
    hsi, msi = store.scene("b")
    assert store.ratio == 1 and msi.shape[:2] == hsi.shape[:2] == (32, 32)
    np.testing.assert_allclose(msi, channels(hsi.numpy()), atol=1e-4)


def test_another_zone_is_resampled(here):
    """Both zones meet at 12 degrees east, where the axes of their grids differ by about two degrees."""
    import rasterio
    from rasterio.warp import transform

    for seed, name in enumerate("ab"):
        ground = ndimage.zoom(scene(24, 24, seed), (5, 5, 1), order=1)
        write(here / f"hsi/{name}.tif", ground, BANDS, **place(10, 295_000, 5_600_000))
        (x, _), (y, _) = transform("EPSG:32633", "EPSG:32632", (295_000, 0), (5_600_000, 0))
        there = place(10, x - 200, y + 200, zone=32)
        with rasterio.Env():
            from rasterio.warp import reproject

            moved = np.full((3, 170, 170), np.nan, np.float32)
            reproject(
                np.ascontiguousarray(channels(ground).transpose(2, 0, 1)), moved,
                src_transform=rasterio.Affine(*place(10, 295_000, 5_600_000)["transform"]), src_crs="EPSG:32633",
                dst_transform=rasterio.Affine(*there["transform"]), dst_crs="EPSG:32632", dst_nodata=np.nan,
                resampling=rasterio.enums.Resampling.cubic,
            )  # fmt: skip
        write(here / f"msi/{name}.tif", moved.transpose(1, 2, 0), SEEN, nodata=np.nan, **there)
    store = prepared(here)
    hsi, msi = store.scene("b")
    known = store.known("b")
    assert store.ratio == 1 and known.float().mean() > 0.9
    assert (msi - torch.from_numpy(channels(hsi.numpy())))[known].abs().max() < 0.03


def test_a_shift_of_an_msi_is_said_and_taken_off_on_request(here):
    for seed, name in enumerate("ab"):
        ground = scene(8 * 40, 8 * 48, seed, smooth=12)
        write(here / f"hsi/{name}.tif", means(ground[16:-16, 16:-16], 8), BANDS)
        write(here / f"msi/{name}.tif", means(channels(ground)[16 - 6 : -16 - 6, 16 + 2 : -16 + 2], 8), SEEN)
    found = re.findall(r"shifted by (\S+) rows and (\S+) columns", prepared(here).choices["input"])
    assert np.array(found, dtype=float) == pytest.approx(np.array([[0.75, -0.25]] * 2), abs=0.1)
    store = prepared(here, align=True)
    assert "taken off" in store.choices["input"]
    hsi, msi = store.scene("b")
    known = store.known("b")
    assert 0.8 < known.float().mean() < 1
    assert (msi - torch.from_numpy(channels(hsi.numpy())))[known].abs().max() < 0.03


def test_what_is_no_pair_is_refused(here):
    for name in "ab":
        write(here / f"hsi/{name}.tif", scene(24, 36), BANDS)
    write(here / "msi/a.tif", channels(scene(24, 36)), SEEN)
    with pytest.raises(UserError, match="no MSI in msi has the name of the cube b; found: a"):
        prepared(here)
    write(here / "msi/b.tif", channels(scene(24, 24)), SEEN)
    with pytest.raises(UserError, match="24 x 24 pixels, another aspect ratio than the 24 x 36 pixels of its cube"):
        prepared(here)
    write(here / "msi/c.tif", channels(scene(24, 36)), Bands([[400, 450], [520, 600], [630, 690]]))
    (here / "msi/c.tif").replace(here / "msi/b.tif")
    with pytest.raises(UserError, match=r"b\.tif has other bands than a\.tif"):
        prepared(here)
    write(here / "msi/d.tif", np.roll(channels(scene(24, 36)), 5, axis=0), SEEN)
    (here / "msi/d.tif").replace(here / "msi/b.tif")
    with pytest.raises(UserError, match="a shift of more than 2 cannot be removed: register the images first"):
        prepared(here, align=True)
    for name in "ab":
        write(here / f"hsi/{name}2.tif", scene(24, 36), BANDS, **place(10))
        (here / f"hsi/{name}2.tif").replace(here / f"hsi/{name}.tif")
        write(here / f"msi/{name}2.tif", channels(scene(24, 36)), SEEN, **place(10, 900_000))
        (here / f"msi/{name}2.tif").replace(here / f"msi/{name}.tif")
    with pytest.raises(UserError, match=r"msi/a\.tif and .*hsi/a\.tif have no place where both have data"):
        prepared(here)


def test_the_bands_of_an_msi_may_be_named(here):
    for seed, name in enumerate("ab"):
        write(here / f"hsi/{name}.tif", scene(24, 36, seed), BANDS)
        write(here / f"msi/{name}.npy", channels(scene(24, 36, seed)), None)
    assert prepared(here).msi_bands is None
    assert prepared(here, bands="450:690:3").msi_bands == Bands([[450, 530], [530, 610], [610, 690]])


@pytest.mark.parametrize("ratio", [2, 3])
def test_queries_lie_where_their_pixels_are_in_the_msi(ratio):
    """The first two bands are the places of pixels, so an MSI pixel has the mean place of its pixels."""
    row, column = torch.meshgrid(torch.arange(24 * ratio) / 64, torch.arange(30 * ratio) / 64, indexing="ij")
    hsi = torch.stack([row, column, *torch.rand(20, *row.shape)], dim=-1)[None].repeat(2, 1, 1, 1)
    data = TrainingSet(hsi, TrainingSet(hsi, hsi[:, ::ratio, ::ratio], BANDS).on_msi_grid().hsi[..., :3], BANDS)
    assert data.ratio == ratio
    options = {"seed": 3, "batch": 6, "lr_sizes": [6, 8], "counts": (22, 22), "antialias": False}
    for step in range(8):
        # Without decimation the MSI is the input as it is, and linear interpolation gives each pixel its place.
        batch = draw_queries(data, step, **options, scales=(ratio, ratio))
        size = batch.lr_msi.shape[-1]
        assert batch.msi is None and torch.equal(batch.cell, torch.full((6, 2), 2 / (ratio * size)))
        seen = torch.nn.functional.grid_sample(batch.lr_msi, batch.query.flip(-1)[:, None], align_corners=False)
        inside = (batch.query.abs() < 1 - 1 / size).all(dim=-1)
        torch.testing.assert_close(
            seen[:, :2, 0].transpose(1, 2)[inside], batch.target[..., :2][inside], atol=1e-5, rtol=0
        )
        batch = draw_queries(data, step, **options, scales=(2 * ratio, 2 * ratio))
        seen = torch.nn.functional.grid_sample(batch.lr_msi, batch.query.flip(-1)[:, None], align_corners=False)
        inside = (batch.query.abs() < 1 - 3 / size).all(dim=-1)
        torch.testing.assert_close(
            seen[:, :2, 0].transpose(1, 2)[inside], batch.target[..., :2][inside], atol=1e-5, rtol=0
        )
    patch = draw_patches(data, 0, seed=0, batch=3, lr_size=4, scale=2 * ratio, count=22, antialias=False)
    assert (
        patch.hr_msi is None
        and patch.lr_msi.shape == (3, 3, 4, 4)
        and patch.hr_hsi.shape == (3, 22, 8 * ratio, 8 * ratio)
    )
    torch.testing.assert_close(patch.lr_msi[:, :2, 1:3, 1:3], patch.lr_hsi[:, :2, 1:3, 1:3], atol=1e-5, rtol=0)


def test_a_preset_says_own_for_a_measured_msi():
    mapping = presets.read(presets.FOLDER / "my-data.yaml")
    data = mapping["datasets"]["my_data"]
    data["source"]["msi"] = {"folder": "msi"}
    with pytest.raises(
        UserError, match=r"source\.msi names measured images, which msi: ikonos would replace; use msi: own"
    ):
        presets.parse(mapping)
    data["msi"] = "own"
    assert presets.parse(mapping).datasets["my_data"].input == "measured"
    del data["source"]["msi"]
    with pytest.raises(
        UserError, match=r"msi: own needs source\.msi, the folder of the measured images; otherwise name a sensor"
    ):
        presets.parse(mapping)


def test_pictures_are_taken_as_msis(here):
    for seed, name in enumerate("ab"):
        write(here / f"hsi/{name}.tif", scene(24, 36, seed), BANDS)
        (here / "msi").mkdir(exist_ok=True)
        with create_image(here / f"msi/{name}.png", Header(24, 36, 3, "uint8")) as target:
            target(np.rint(255 * channels(scene(24, 36, seed))))
    assert [path.name for path in folder.cube_files("msi", pictures=True)] == ["a.png", "b.png"]
    store = prepared(here, white=255)
    np.testing.assert_allclose(store.scene("a")[1], channels(scene(24, 36, 0)), atol=0.5 / 255 + 1e-6)
