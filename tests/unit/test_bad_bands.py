"""Bands that a file marks bad: every reader knows them, networks and data sets leave them out, and no pixel is lost."""

import json

import h5py
import numpy as np
import pytest
import rasterio
import scipy.io
import torch

import ssif
from ssif.bands import Bands
from ssif.checkpoint import described, save_weights
from ssif.data import folder
from ssif.errors import UserError
from ssif.formats import open_image
from ssif.nets.ssif import SSIF
from ssif.tool.about import about
from ssif.tool.request import Wanted
from tests.predicting import SIZES, read, run, small_model
from tests.real_data import real

CENTRES = np.arange(410, 700, 20)
GOOD = tuple(bool(centre != 550) for centre in CENTRES)


@pytest.fixture
def tile(tmp_path):
    """A GeoTIFF with EnMAP's tags and one bad band without data."""
    path = tmp_path / "tiles" / "tile.tif"
    path.parent.mkdir()
    values = np.random.default_rng(0).integers(100, 9000, (len(CENTRES), 12, 14)).astype(np.float32)
    values[~np.array(GOOD)] = -32768
    profile = {
        "driver": "GTiff",
        "height": 12,
        "width": 14,
        "count": len(CENTRES),
        "dtype": "float32",
        "nodata": -32768,
    }
    with rasterio.open(path, "w", **profile, transform=rasterio.Affine(30, 0, 366975, 0, -30, 5808045)) as target:
        target.write(values)
        target.scales = [1e-4] * len(CENTRES)
        for i, (centre, good) in enumerate(zip(CENTRES, GOOD), start=1):
            target.update_tags(i, wavelength=centre, fwhm=20, bbl=int(good), wavelength_units="Nanometers")
    return path


def test_a_geotiff_says_which_bands_are_bad(tile):
    assert read(tile)[0].good == GOOD
    text = about(tile)
    assert "15 bands of float32, 14 of them good" in text and text.count(", bad") == 1
    with rasterio.open(tile, "r+") as target:
        target.update_tags(3, bbl="yes")
    with pytest.raises(UserError, match="the tag that says whether a band is good must be 0 or 1, got 'yes'"):
        open_image(tile)


def test_a_bad_band_feeds_no_channel_and_spoils_no_pixel(tile, tmp_path):
    said = run(tile, tmp_path / "out.tif", small_model(tmp_path))
    assert "channel 2 (500-600 nm) takes the mean of bands 6 (500-520 nm), 7 (520-540 nm), 9 (560-580 nm)" in "".join(
        said
    )
    assert np.isfinite(read(tmp_path / "out.tif")[1]).all()


def test_a_bad_band_is_left_out_of_a_data_set(tile):
    data = folder.read("mine", str(tile.parent), region=(0, 0, 4, 4))
    assert data.bands == Bands.from_centres(CENTRES[np.array(GOOD)], 20)
    assert all(scene.hsi.shape[-1] == 14 for scene in data.scenes)
    with rasterio.open(tile, "r+") as target:
        for i in target.indexes:
            target.update_tags(i, bbl=0)
    with pytest.raises(UserError, match=r"tile\.tif: every band is marked bad"):
        folder.read("mine", str(tile.parent), region=(0, 0, 4, 4))


@pytest.mark.parametrize("name", ["a.h5", "a.npz", "a.npy", "a.mat"])
def test_arrays_with_a_list_of_bad_bands(tmp_path, name):
    said, cube = {"wavelengths": [500, 520, 540], "bbl": [1, 0, 1]}, np.ones((2, 3, 3))
    if name == "a.h5":
        with h5py.File(tmp_path / name, "w") as file:
            file["cube"] = cube
            file["cube"].attrs.update(said)
    elif name == "a.mat":
        scipy.io.savemat(tmp_path / name, {"cube": cube} | said)
    elif name == "a.npz":
        np.savez(tmp_path / name, cube=cube, **said)
    else:
        np.save(tmp_path / name, cube)
        (tmp_path / "a.json").write_text(json.dumps(said))
    assert read(tmp_path / name)[0].good == (True, False, True)


def test_tiles_of_enmap(tmp_path):
    tiles = sorted(real("enmap").glob("*.tif"))
    assert tiles
    # Sentinel-2A's B2 to B8A, B11 and B12, at half maximum.
    msi = Bands([[460, 524], [543, 577], [650, 679], [698, 711], [734, 747], [774, 792], [783, 887], [855, 875],
                 [1569, 1658], [2113, 2286]])  # fmt: skip
    torch.manual_seed(0)
    network = SSIF(len(msi), variant="RF-UF", **SIZES).eval()
    card = {"msi": "sentinel-2a", "wavelengths": [420.0, 2440.0], "input_bands": msi.edges.tolist()}
    save_weights(network, tmp_path / "w.safetensors", described(network, card))
    model = ssif.load(tmp_path / "w.safetensors")
    for path in tiles:
        assert "224 bands of float32, 218 of them good" in about(path)
        run(path, tmp_path / path.name, model, Wanted(Bands([[450, 460], [900, 950], [1330, 1390]]), scale=2))
        header, values = read(tmp_path / path.name)
        assert values.shape == (64, 64, 3) and np.isfinite(values).all() and header.transform[0] == 15
    data = folder.read("enmap", str(tiles[0].parent), test=(tiles[0].name,))
    assert len(data.bands) == 218 and [scene.hsi.shape for scene in data.scenes] == [(32, 32, 218)] * len(tiles)
