"""From a product to GeoTIFF and netCDF: rasterio and xarray open both with the same wavelengths, scale, values and extent."""

import numpy as np
import pytest
import rasterio
import rioxarray
import xarray

from ssif.bands import Bands
from ssif.formats import open_image
from ssif.tool.request import Wanted
from tests.predicting import run, small_model
from tests.products import DESIS, ENMAP, PLACES, write_dlr, write_emit, write_pace, write_prisma, write_sentinel2

WRITERS = {
    "enmap": lambda place: write_dlr(place, ENMAP)[0],
    "desis": lambda place: write_dlr(place, DESIS)[0],
    "prisma": write_prisma,
    "emit": write_emit,
    "pace": write_pace,
    "sentinel-2": write_sentinel2,
}


@pytest.mark.parametrize("name", WRITERS)
def test_geotiff_and_netcdf_agree(tmp_path, name):
    source = WRITERS[name](tmp_path)
    with open_image(source) as image:
        header = image.header
    nearest = [int(np.abs(header.bands.centres - nm).argmin()) for nm in (450, 550, 650)]
    bands = Bands(header.bands.edges[nearest])
    model, wanted = small_model(tmp_path, input_bands=bands.edges.tolist()), Wanted(bands, ("a", "b", "c"), scale=2)
    run(source, tmp_path / "fine.tif", model, wanted)
    run(source, tmp_path / "fine.nc", model, wanted)

    with rasterio.open(tmp_path / "fine.tif") as tif:
        centres = [float(tif.tags(i, "IMAGERY")["CENTRAL_WAVELENGTH_UM"]) for i in tif.indexes]
        scales, offsets, bounds, crs, dtype = tif.scales, tif.offsets, tif.bounds, tif.crs, tif.dtypes[0]
    with xarray.open_dataset(tmp_path / "fine.nc", engine="h5netcdf", decode_coords="all") as opened:
        cube, stored = opened["cube"].load(), xarray.open_dataset(tmp_path / "fine.nc", mask_and_scale=False)["cube"]
    assert cube.wavelength.attrs["units"] == "nm" and np.allclose(cube.wavelength, bands.centres)
    assert np.allclose(centres, bands.centres / 1000) and np.allclose(cube.fwhm, bands.widths)
    assert stored.dtype == dtype
    assert np.allclose(scales, stored.attrs.get("scale_factor", 1)) and np.allclose(
        offsets, stored.attrs.get("add_offset", 0)
    )
    values = rioxarray.open_rasterio(tmp_path / "fine.tif", mask_and_scale=True).values
    assert np.allclose(cube.values, values, atol=1e-6, equal_nan=True) and np.isnan(values[:, 0, 0]).all()
    assert np.isfinite(values).mean() > 0.5
    if header.transform:
        a, _, left, _, e, top = header.transform
        extent = (left, top + e * header.height, left + a * header.width, top)
        assert np.allclose(bounds, extent) and np.allclose(cube.rio.bounds(), extent)
        assert crs == cube.rio.crs == rasterio.CRS.from_wkt(header.crs)
    assert (header.transform is None) == (name in ("emit", "pace"))
    if name in ("emit", "pace"):
        # Means of 2 x 2 pixels are the places of the swath, and the longitudes pass 180 degrees.
        latitudes, longitudes = (cube[axis].values.reshape(8, 2, 6, 2) for axis in ("lat", "lon"))
        assert np.allclose(latitudes.mean(axis=(1, 3)), PLACES[0], atol=1e-5)
        assert np.allclose((longitudes % 360).mean(axis=(1, 3)), PLACES[1] % 360, atol=1e-4)
        assert longitudes.min() < -179.9 and longitudes.max() > 179.9
        assert cube.lat.attrs["units"] == "degrees_north"
