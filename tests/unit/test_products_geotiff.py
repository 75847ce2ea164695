"""Products that are a GeoTIFF with metadata in XML beside it: EnMAP L2A and DESIS L2A.

No product may be kept here: small files are written in the layout that DLR documents, the elements of the metadata that
are read and one that is not.
"""

import numpy as np
import pytest
import rasterio

from ssif.bands import Bands
from ssif.data import cubes, folder
from ssif.errors import UserError
from ssif.formats import is_image, open_image, read_files
from ssif.tool.about import about
from ssif.tool.request import Wanted
from tests.predicting import read, run, small_model
from tests.products import CENTRES, DESIS, ENMAP, PLACE, WIDTHS, WRONG_XML, dlr_metadata, rewrite, write_dlr
from tests.real_data import real

products = pytest.mark.parametrize("name", [ENMAP, DESIS], ids=["enmap", "desis"])


@products
def test_image_and_metadata_open_the_same(tmp_path, name):
    image, text, stored = write_dlr(tmp_path, name)
    header, values = read(image)
    assert header.bands.centres == pytest.approx(CENTRES) and header.bands.widths == pytest.approx(WIDTHS)
    assert header.good == (True, True, True, True, False)
    assert (header.nodata, header.scale, header.offset) == (-32768, 1e-4, 0)
    assert header.transform == tuple(PLACE)[:6] and rasterio.CRS.from_wkt(header.crs).to_epsg() == 32633
    assert "bands overlap; each keeps its own interval" in header.notes
    truth = stored.transpose(1, 2, 0) * 1e-4
    truth[0, 0] = truth[..., 4] = np.nan
    assert np.allclose(values, truth, atol=1e-7, equal_nan=True) and values[1, 1, 0] == pytest.approx(-0.0025)
    other, same = read(text)
    assert other == header and np.array_equal(same, values, equal_nan=True)
    assert read_files(image) == read_files(text) == [image, text]
    assert "5 bands of int16, 4 of them good" in about(text) and "coordinates: EPSG:32633" in about(image)


def test_gains_of_each_band(tmp_path):
    image, text, stored = write_dlr(tmp_path, DESIS)
    text.write_text(
        dlr_metadata(DESIS).replace("0.0001", "0.0002", 1).replace("<offsetOfBand>0<", "<offsetOfBand>0.5<", 1)
    )
    header, values = read(image)
    assert header.scale == [2e-4, 1e-4, 1e-4, 1e-4, 1e-4] and header.offset == [0.5, 0, 0, 0, 0]
    assert values[2, 3, 0] == pytest.approx(stored[0, 2, 3] * 2e-4 + 0.5)


@products
def test_a_prediction_and_a_data_set(tmp_path, name):
    image, _, _ = write_dlr(tmp_path, name)
    for part in ("QL_QUALITY_CLOUD", "QL_PIXELMASK_VNIR"):
        (tmp_path / f"{name}-{part}.TIF").write_bytes(image.read_bytes())
    out = tmp_path / "out" / "fine.tif"
    out.parent.mkdir()
    bands = Bands([[420, 430], [546, 554], [646, 655]])
    run(image, out, small_model(tmp_path, input_bands=bands.edges.tolist()), Wanted(bands, scale=2))
    header, values = read(out)
    assert values.shape == (16, 12, 3) and header.transform[0] == 15 and np.isnan(values[:2, :2]).all()
    assert np.isfinite(values[4:]).all()
    assert cubes.cube_files(str(tmp_path)) == [image] and not is_image(tmp_path / f"{name}-QL_QUALITY_CLOUD.TIF")
    data = folder.read("mine", str(tmp_path), region=(2, 1, 2, 5))
    assert data.bands == Bands(read(image)[0].bands.edges[[0, 1, 3, 2]])
    assert set(next(iter(data.scenes)).sources) == {path.name for path in read_files(image)}


@products
@pytest.mark.parametrize(
    "change, message",
    [
        *WRONG_XML,
        (lambda text: text.replace("650.5", "wide"), "wavelengthCenterOfBand in the metadata is not a number: 'wide'"),
        (lambda text: text.replace("650.5", "nan"), "wavelengthCenterOfBand in the metadata is not a number: 'nan'"),
        (lambda text: text.replace("650.5", ""), "the metadata have no wavelengthCenterOfBand"),
        (lambda text: text.replace("8.0", "-8.0"), "band widths must be positive"),
        (lambda text: text.replace("0.0001", "0"), "the scale factor must be finite and not 0"),
        (lambda text: "<a/>", "the metadata describe 0 bands, but the image has 5"),
    ],
)
def test_bad_metadata(tmp_path, name, change, message):
    image, text, _ = write_dlr(tmp_path, name)
    rewrite(text, change)
    with pytest.raises(UserError, match=rf"(?is)^{image}: .*{message}[^\n]*\Z"):
        open_image(image)


@products
def test_other_bad_files(tmp_path, name):
    image, text, _ = write_dlr(tmp_path, name)
    text.write_text(dlr_metadata(name, count=4))
    with pytest.raises(UserError, match="the metadata describe 4 bands, but the image has 5"):
        open_image(image)
    text.write_text(dlr_metadata(name))
    image.write_bytes(image.read_bytes()[:60])
    with pytest.raises(UserError, match=rf"^{image}: [^\n]+\Z"), open_image(image) as torn:
        torn.read(slice(0, 8), slice(0, 6))
    image.unlink()
    with pytest.raises(UserError, match=rf"^{text}: the image {name}-SPECTRAL_IMAGE.TIF is missing"):
        open_image(text)
    with pytest.raises(UserError, match="does not exist"):
        open_image(image)


def test_every_band_of_real_tiles():
    """The tiles are not in the layout of the product. Their 224 bands are those of the published list, 218 of them good."""
    tiles = sorted(real("enmap").glob("*.tif"))
    assert tiles
    rows = np.loadtxt(real("bands/enmap_l2a.csv"), delimiter=",", skiprows=1)
    assert rows.shape == (224, 4) and rows[:, 3].sum() == 218
    for path in tiles:
        lines = about(path).splitlines()
        assert "224 bands of float32, 218 of them good" in lines[0]
        listed = [line for line in lines if line.startswith("band ")]
        assert len(listed) == 224
        for line, (number, centre, width, good) in zip(listed, rows):
            assert line.startswith(f"band {number:.0f} ") and line.endswith(", bad") == (not good)
            assert f"centre {centre:g}, width {width:g}" in line.replace(", bad", "")
