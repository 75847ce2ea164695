"""The input and output of `Pretrained.predict`: arrays of numpy (masked or not), torch and xarray, and bands in any form."""

import sys
from collections.abc import Callable

import numpy as np
import torch

from ssif.bands import Bands, around
from ssif.dimensions import row_column_band
from ssif.errors import UserError
from ssif.formats import fields, netcdf
from ssif.formats.wavelengths import written
from ssif.matching import channel_matrix
from ssif.sensors import parse_bands
from ssif.swath import refined, refined_grid

# Makes an array of the same kind as the input from a prediction [H, W, C], NaN without data, and its bands.
Give = Callable[[np.ndarray, Bands], object]


def as_bands(bands) -> Bands:
    """Bands from Bands, a name ("sentinel-2a:B2,B3", "400:700:31"), centres [C] or intervals [C, 2] in nm.

    Raises UserError for anything else, and for a single centre, because its width is not known.
    """
    if isinstance(bands, Bands):
        return bands
    if isinstance(bands, str):
        return parse_bands(bands)[0]
    try:
        values = np.asarray(bands, dtype=np.float64)
    except (TypeError, ValueError):
        values = np.float64(0)
    if values.ndim not in (1, 2):
        raise UserError(
            "bands must be Bands, the name of a sensor, START:STOP:COUNT, centres [C] or intervals [C, 2] in nm, got"
            f" {str(bands)[:80]}"
        )
    return around(values) if values.ndim == 1 else Bands(values)


def values_of(image, channels: Bands | None) -> tuple[np.ndarray, Give]:
    """An image -> its values [h, w, c], NaN without data, and a function from a prediction to an array of the same kind.

    Dimensions of xarray go by name. If the array has wavelengths, its bands are matched to the `channels` of the weights.
    """
    if isinstance(image, torch.Tensor):
        return image.detach().float().cpu().numpy(), lambda values, bands: torch.from_numpy(values).to(image.device)
    if isinstance(image, np.ma.MaskedArray):
        known = image.astype(np.result_type(image.dtype, np.float32)).filled(np.nan)
        return known, lambda values, bands: np.ma.masked_invalid(values)
    # A caller with an xarray array has already imported xarray.
    xarray = sys.modules.get("xarray")
    if xarray and isinstance(image, xarray.Dataset):
        raise UserError(
            f"the image must be a DataArray, got a Dataset; choose one of its variables: {', '.join(map(str, image))}"
        )
    if xarray and isinstance(image, xarray.DataArray):
        return _labelled(image, channels)
    return np.asarray(image), lambda values, bands: values


def _labelled(image, channels: Bands | None) -> tuple[np.ndarray, Give]:
    dimensions = row_column_band(image.dims)
    # The encoding says how a file stored the values before they were decoded.
    cube = image.drop_encoding().transpose(*dimensions)
    header = netcdf.header_of(cube.coords.to_dataset(), cube, dimensions)
    values = header.physical(cube.values)
    if header.bands is not None and channels is not None:
        matrix = channel_matrix(header.bands, channels, header.good)
        used = np.flatnonzero(matrix.any(axis=0))
        values = values[..., used] @ matrix[:, used].T.astype(np.float32)

    def give(values: np.ndarray, bands: Bands):
        row, column, spectrum = dimensions
        coordinates = {name: found for name, found in image.coords.items() if not found.dims}
        for name in coordinates:
            if "GeoTransform" in coordinates[name].attrs:
                finer = netcdf.geotransform(header.transform_at(values.shape[:2]))
                coordinates[name] = coordinates[name].assign_attrs(GeoTransform=finer)
        for name, count in ((row, values.shape[0]), (column, values.shape[1])):
            centres = image[name].values
            if name in image.coords and centres.dtype.kind in "iuf" and len(centres) > 1:
                coordinates[name] = (name, refined(centres, count), image[name].attrs)
        for name, found in image.coords.items():
            if set(found.dims) == {row, column} and found.dtype.kind in "iuf":
                finer = refined_grid(str(name), found.transpose(row, column).values, values.shape[:2])
                coordinates[name] = ((row, column), finer, found.attrs)
        unit = {"units": {"nm": "nm", "µm": "um"}[header.unit]}
        axis = spectrum if spectrum in netcdf.NAMES["wavelengths"] else "wavelength"
        for name, numbers in zip((axis, "fwhm"), written(bands, header.unit)):
            coordinates[name] = (spectrum, numbers, unit)
        attributes = {
            name: value
            for name, value in image.attrs.items()
            if name not in fields.NAMES and not isinstance(value, (tuple, list, np.ndarray))
        }
        return type(image)(values, coordinates, dimensions, image.name, attributes).transpose(*image.dims)

    return values, give
