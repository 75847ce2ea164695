"""Sentinel-2 L2A: a .SAFE folder in the layout of the product specification, with images of a few pixels.

No product may be kept here: the folder has the metadata that are read and JPEG 2000 images, as GDAL writes them.
"""

import re

import numpy as np
import pytest
import rasterio

from ssif.bands import Bands
from ssif.data import cubes, folder
from ssif.data.prepare import prepare
from ssif.data.store import Store
from ssif.errors import UserError
from ssif.formats import open_image, read_files
from ssif.tool.about import about
from ssif.tool.request import Wanted
from tests.predicting import read, run, small_model
from tests.products import FOLDERS, MSI, SAFE, SIDE, WRONG_XML, rewrite, safe_metadata, safe_values, write_sentinel2


@pytest.fixture
def safe(tmp_path):
    return write_sentinel2(tmp_path / "cubes")


def test_ten_metres_by_default(safe):
    header, values = read(safe)
    assert header.names == FOLDERS["10m"] and header.bands == Bands([[456, 532], [536, 582], [646, 685], [774, 907]])
    assert (header.scale, header.nodata, header.good) == (1e-4, 0, ()) and header.offset == pytest.approx(-0.1)
    assert header.transform == (10, 0, 3e5, 0, -10, 5.8e6) and rasterio.CRS.from_wkt(header.crs).to_epsg() == 32633
    truth = np.stack([safe_values("10m", band) for band in FOLDERS["10m"]], axis=-1) / 10000 - 0.1
    truth[0, 0] = truth[0, 1, 1] = np.nan
    assert np.allclose(values, truth, atol=1e-6, equal_nan=True) and values[1, 1, 0] == pytest.approx(-0.0025)
    with open_image(safe) as image:
        assert np.array_equal(image.read(slice(3, 7), slice(2, 9)), values[3:7, 2:9])
    other, same = read(safe / "MTD_MSIL2A.xml")
    assert other == header and np.array_equal(same, values, equal_nan=True)
    assert read_files(safe) == read_files(safe / "MTD_MSIL2A.xml") and read_files(safe)[0].name == "MTD_MSIL2A.xml"
    assert [path.name[-11:] for path in read_files(safe)[1:]] == [f"{band}_10m.jp2" for band in FOLDERS["10m"]]
    assert "band 1 B02: 456-532 nm" in about(safe)


@pytest.mark.parametrize("size", ["20m", "60m"])
def test_other_resolutions(safe, size):
    with open_image(safe, size) as image:
        header, values = image.header, image.read(slice(0, SIDE[size]), slice(0, SIDE[size]))
    assert header.names == FOLDERS[size] and header.transform[0] == int(size[:-1])
    intervals = {name: (low, high) for _, name, _, low, high in MSI}
    assert header.bands == Bands([intervals[name] for name in FOLDERS[size]])
    assert values[1, 1] == pytest.approx(-0.0025) and len(read_files(safe, size)) == 1 + len(FOLDERS[size])
    assert f"{SIDE[size]} x {SIDE[size]} pixels, {len(FOLDERS[size])} bands" in about(safe, size)


def test_baselines_before_and_after_the_shift(safe):
    listed = safe / "MTD_MSIL2A.xml"
    text = re.sub("<BOA_ADD_OFFSET_VALUES_LIST>.*</BOA_ADD_OFFSET_VALUES_LIST>", "", safe_metadata("03.01"))
    listed.write_text(text)
    assert read(safe)[0].offset == 0
    listed.write_text(text.replace("03.01", "05.09"))
    assert read(safe)[0].offset == pytest.approx(-0.1)
    listed.write_text(safe_metadata().replace("band_id='3'>-1000", "band_id='3'>-500"))
    assert read(safe)[0].offset == pytest.approx([-0.1, -0.1, -0.05, -0.1])


def test_bands_end_at_half_maximum_where_the_response_is_listed(safe):
    response = "<Spectral_Response><STEP unit='nm'>1</STEP><VALUES>0 0.5 1 0.5 0</VALUES></Spectral_Response>"
    (safe / "MTD_MSIL2A.xml").write_text(safe_metadata(response=response))
    assert read(safe)[0].bands.edges[0].tolist() == [456 + 76 / 4, 532 - 76 / 4]


def test_a_prediction_and_data_sets(safe, tmp_path):
    bands = Bands([[456, 532], [536, 582], [646, 685]])
    model = small_model(tmp_path, input_bands=bands.edges.tolist())
    run(safe, tmp_path / "fine.tif", model, Wanted(bands, scale=2))
    header, values = read(tmp_path / "fine.tif")
    assert values.shape == (24, 24, 3) and header.transform[0] == 5 and np.isnan(values[:2, :4]).all()
    assert np.isfinite(values[4:]).all() and header.offset == pytest.approx(-0.1)
    run(safe, tmp_path / "coarse.tif", model, Wanted(bands, scale=2), key="20m")
    assert read(tmp_path / "coarse.tif")[1].shape == (12, 12, 3)

    assert cubes.cube_files(str(safe.parent)) == [safe]
    source = {"folder": str(safe.parent), "region": (2, 0, 2, 6), "key": "20m"}
    (safe / "MTD_MSIL2A.xml").write_text(safe_metadata())
    prepare("mine", tmp_path / "mine.h5", "ikonos", source=source | {"key": "10m"})
    store = Store(tmp_path / "mine.h5")
    assert store.bands == read(safe)[0].bands and f"{SAFE}/MTD_MSIL2A.xml" in store.file.attrs["sources"]
    assert folder.read("mine", **source).bands.edges[-1].tolist() == [2065, 2303]


@pytest.mark.parametrize(
    "change, message",
    [
        *WRONG_XML,
        (lambda text: text.replace("physicalBand='B8'", ""), "MTD_MSIL2A.xml has no Spectral_Information of B8"),
        (lambda text: text.replace("10000", "ten"), "BOA_QUANTIFICATION_VALUE in the metadata is not a number: 'ten'"),
        (
            lambda text: text.replace("IMAGE_FILE>", "FILE>"),
            "MTD_MSIL2A.xml lists 0 images of 10m, but must list one for each band",
        ),
        (
            lambda text: text.replace("_B03_10m", "_B04_10m"),
            "MTD_MSIL2A.xml lists 4 images of 10m, but must list one for each band",
        ),
        (lambda text: text.replace("_B08_10m", "_B09_10m"), "MTD_MSIL2A.xml lists .*_B09_10m.jp2, which is missing"),
        (lambda text: text.replace(">532<", ">400<"), "a band needs 0 < start < end"),
    ],
)
def test_bad_metadata(safe, change, message):
    rewrite(safe / "MTD_MSIL2A.xml", change)
    with pytest.raises(UserError, match=rf"(?is)^{safe}: .*{message}[^\n]*\Z"):
        open_image(safe)


def test_bad_images(safe):
    with pytest.raises(UserError, match=rf"^{safe}: unknown resolution '30m'; known: 10m, 20m, 60m"):
        open_image(safe, "30m")
    image = read_files(safe)[2]
    whole = image.read_bytes()
    image.write_bytes(read_files(safe, "20m")[2].read_bytes())
    with pytest.raises(UserError, match="the bands of 10m differ in size or type, or have more than one channel"):
        open_image(safe)
    for length in (40, len(whole) - 150):
        image.write_bytes(whole[:length])
        with pytest.raises(UserError, match=rf"^{safe}: [^\n]+\Z"), open_image(safe) as torn:
            torn.read(slice(0, 12), slice(0, 12))
    image.unlink()
    with pytest.raises(UserError, match=rf"^{safe}: MTD_MSIL2A.xml lists GRANULE/\S+_B03_10m.jp2, which is missing"):
        open_image(safe)


def test_only_images_of_the_folder_are_read(safe, tmp_path):
    (tmp_path / "secret_B08_10m.jp2").write_bytes(read_files(safe)[1].read_bytes())
    listed = safe / "MTD_MSIL2A.xml"
    listed.write_text(re.sub("<IMAGE_FILE>[^<]*_B08_10m", "<IMAGE_FILE>../../secret_B08_10m", safe_metadata()))
    with open_image(safe) as image:
        assert image.header.names == FOLDERS["10m"][:3]


def test_other_folders_are_no_images(safe, tmp_path):
    with pytest.raises(UserError, match="is a directory, not an image"):
        open_image(tmp_path)
    renamed = safe.rename(tmp_path / "renamed")
    assert open_image(renamed).header.count == 4
