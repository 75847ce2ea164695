"""netCDF with the CF conventions and Zarr with named dimensions. xarray reads both, and h5netcdf writes netCDF."""

from contextlib import contextmanager
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from ssif.dimensions import row_column_band
from ssif.errors import UserError
from ssif.formats import fields, hdf5, raster
from ssif.formats.header import Header, Image, Kind, downwards
from ssif.formats.wavelengths import written
from ssif.hdf5 import Checked
from ssif.io import whole_file
from ssif.swath import LATITUDES, LONGITUDES, refined_grid

STRIP = 256  # rows of latitudes and longitudes that are written at a time
NAMES = {field: fields.ALIASES[field] for field in ("wavelengths", "widths", "good")}


def _open_netcdf(path: Path, key: str | None) -> Image:
    with open(path, "rb") as stream:
        classic = stream.read(3) == b"CDF"
    return _open(path, key, path, "scipy") if classic else _open(path, key, Checked(path), "h5netcdf")


def _open_zarr(path: Path, key: str | None) -> Image:
    if find_spec("zarr") is None:
        raise UserError("Zarr needs the package zarr: pip install ssif-bench[arrays]")
    return _open(path, key, path, "zarr", consolidated=False, chunks=None)


def _open(path: Path, key: str | None, source: Path | Checked, engine: str, **options) -> Image:
    """The image in a variable that xarray reads from `source`.

    key: "group/name" or "name"; None for the only variable with three dimensions.
    """
    import xarray  # here, because it takes a while

    group, _, name = (key or "").rpartition("/")
    if group:
        options["group"] = group
    dataset = xarray.open_dataset(source, engine=engine, mask_and_scale=False, decode_times=False, **options)
    try:
        variables = dataset.data_vars.items()
        shapes = {str(name): found.shape for name, found in variables if found.dtype.kind in "iuf" and found.shape}
        cube = dataset[fields.choose_array(shapes, name or None)]
        dimensions = row_column_band(cube.dims)
        cube = cube.transpose(*dimensions)
        chunk = cube.encoding.get("chunksizes") or ()
        fields.check_piece(int(np.prod(chunk, dtype=float)) * cube.dtype.itemsize, "a chunk of it")
        found = header_of(dataset, cube, dimensions)
    except BaseException:
        dataset.close()
        raise
    return Image(path, found, lambda rows, columns: cube[rows, columns].values, dataset.close)


def header_of(dataset, cube, dimensions: tuple[str, str, str]) -> Header:
    """The Header of an array of xarray with `dimensions` for rows, columns and bands, and other variables in `dataset`."""
    row, column, band = dimensions
    attributes = dict(dataset.attrs) | dict(cube.attrs) | dict(cube.encoding)
    names = (*fields.ALIASES["nodata"], "scale_factor", "add_offset", "band_names")
    found = {name: attributes[name] for name in names if name in attributes}
    found["provenance"] = attributes.get("history", attributes.get("title"))
    beside = {name: dataset[name] for name in dataset.variables if dataset[name].dims == (band,)}
    known = {field: next((beside[name] for name in names if name in beside), None) for field, names in NAMES.items()}
    found |= {field: variable.values for field, variable in known.items() if variable is not None}
    if (axis := known["wavelengths"]) is not None:
        found["wavelength_units"] = axis.attrs.get("units")
        bounds = dataset.variables.get(axis.attrs.get("bounds", ""))
        if bounds is not None and bounds.shape == (cube.shape[2], 2):
            found["wavelengths"] = np.sort(bounds.values, axis=1)
    georeference = _georeference(dataset, cube, row, column)
    known = fields.header(cube.shape, cube.dtype, (found | georeference).get)
    return replace(known, swath=_places(dataset, row, column))


def _places(dataset, row: str, column: str) -> tuple[np.ndarray, np.ndarray] | None:
    """The latitudes and longitudes of a swath, if there are some for each pixel."""
    beside = {name: dataset[name] for name in dataset.variables if set(dataset[name].dims) == {row, column}}
    found = [next((beside[name] for name in names if name in beside), None) for names in (LATITUDES, LONGITUDES)]
    if any(each is None or each.dtype.kind not in "iuf" for each in found):
        return None
    return tuple(each.transpose(row, column).values for each in found)


def _georeference(dataset, cube, row: str, column: str) -> dict:
    """The fields crs and transform, from the grid mapping or from evenly spaced coordinates of pixel centres."""
    mapping = dataset.variables.get(cube.attrs.get("grid_mapping", cube.encoding.get("grid_mapping", "spatial_ref")))
    attributes = {} if mapping is None else mapping.attrs
    found = {"crs": attributes.get("crs_wkt") or attributes.get("spatial_ref")}
    if not found["crs"] and row.startswith("lat") and column.startswith("lon"):
        with raster.gdal() as rasterio:
            found["crs"] = rasterio.CRS.from_epsg(4326).to_wkt()
    steps = []
    for name in (column, row):
        centres = dataset.variables[name].values if name in dataset.variables else np.array([])
        even = centres.ndim == 1 and len(centres) > 1 and centres.dtype.kind in "iuf"
        step = (centres[-1] - centres[0]) / (len(centres) - 1) if even else 0
        if not step or not np.allclose(np.diff(centres), step, rtol=1e-3):
            break
        steps.append((float(step), float(centres[0]) - float(step) / 2))
    if len(steps) == 2:
        (a, c), (e, f) = steps
        found["transform"] = (a, 0.0, c, 0.0, e, f)
    elif "GeoTransform" in attributes:
        c, a, b, f, d, e = map(float, str(attributes["GeoTransform"]).split())
        found["transform"] = (a, b, c, d, e, f)
    return found


@contextmanager
def _create(path: Path, header: Header):
    import h5netcdf

    hdf5.check_room_for(path, header)
    rows, columns, count = hdf5.chunk(header)
    with whole_file(path) as temporary, h5netcdf.File(temporary, "w") as file:
        file.attrs["Conventions"] = "CF-1.8"
        if header.provenance:
            file.attrs["history"] = header.provenance
        file.dimensions = {"wavelength": header.count, "y": header.height, "x": header.width}
        cube = file.create_variable(
            fields.CUBE, ("wavelength", "y", "x"), header.dtype, fillvalue=header.mark if header.dtype.kind != "f" else header.nodata,
            chunks=(count, rows, columns), compression="gzip", compression_opts=1,
        )  # fmt: skip
        if header.scale is not None:
            cube.attrs["scale_factor"], cube.attrs["add_offset"] = header.scale, header.offset
        if header.names:
            cube.attrs["band_names"] = list(header.names)
        if header.bands is not None:
            centres, widths = written(header.bands, header.unit)
            for name, values in (("wavelength", centres), ("fwhm", widths)):
                variable = file.create_variable(name, ("wavelength",), np.float64, data=np.array(values))
                variable.attrs["units"] = {"nm": "nm", "µm": "um"}[header.unit]
            file["wavelength"].attrs["standard_name"] = "radiation_wavelength"
        if header.good:
            file.create_variable(
                "good_wavelengths", ("wavelength",), np.int8, data=np.array(header.good, dtype=np.int8)
            )
        _write_georeference(file, cube, header)
        coordinates = ["fwhm"] if header.bands is not None else []
        if header.swath:
            _write_places(file, header)
            coordinates += ["lat", "lon"]
        if coordinates:
            cube.attrs["coordinates"] = " ".join(coordinates)

        def put(rows: slice, stored: np.ndarray) -> None:
            cube[:, rows] = stored.transpose(2, 0, 1)

        yield downwards(header, put)


def _write_georeference(file, cube, header: Header) -> None:
    if not header.crs and not header.transform:
        return
    cube.attrs["grid_mapping"] = "spatial_ref"
    mapping = file.create_variable("spatial_ref", (), np.int32, data=np.int32(0))
    if header.crs:
        mapping.attrs["crs_wkt"] = mapping.attrs["spatial_ref"] = header.crs
    if header.transform:
        a, b, c, d, e, f = header.transform
        mapping.attrs["GeoTransform"] = geotransform(header.transform)
        if not b and not d:
            for name, size, step, start in (("x", header.width, a, c), ("y", header.height, e, f)):
                axis = file.create_variable(name, (name,), np.float64, data=start + (np.arange(size) + 0.5) * step)
                axis.attrs["standard_name"] = f"projection_{name}_coordinate"
                axis.attrs["axis"] = name.upper()


def _write_places(file, header: Header) -> None:
    for name, values, standard, unit in zip(("lat", "lon"), header.swath, ("latitude", "longitude"), ("north", "east")):
        variable = file.create_variable(
            name, ("y", "x"), np.float64, chunks=(min(header.height, STRIP), header.width), compression="gzip", compression_opts=1
        )  # fmt: skip
        variable.attrs["standard_name"], variable.attrs["units"] = standard, f"degrees_{unit}"
        for top in range(0, header.height, STRIP):
            rows = slice(top, min(top + STRIP, header.height))
            variable[rows] = refined_grid(name, values, (header.height, header.width), rows)


def geotransform(transform: tuple[float, ...]) -> str:
    """A transform (`Header`) as the attribute GeoTransform, in the order of GDAL."""
    a, b, c, d, e, f = transform
    return " ".join(f"{value:.17g}" for value in (c, a, b, f, d, e))


KIND = Kind("netCDF", (".nc", ".nc4", ".cdf"), _open_netcdf, _create)
ZARR = Kind(
    "Zarr", (".zarr",), _open_zarr, read=lambda path, key: sorted(file for file in path.rglob("*") if file.is_file())
)
