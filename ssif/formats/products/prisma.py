"""PRISMA L2D (in UTM) and L2C (in the geometry of the swath): reflectance of two detectors, each [row, band, column]."""

from dataclasses import dataclass

import h5py
import numpy as np

from ssif.errors import UserError
from ssif.formats import raster
from ssif.formats.header import Header, Window, one
from ssif.formats.products import hdf5_product
from ssif.formats.wavelengths import read_axis

L2D, L2C = "HDFEOS/SWATHS/PRS_L2D_HCO", "HDFEOS/SWATHS/PRS_L2C_HCO"
NODATA, LARGEST = 0, 65535  # stored values
PIXEL = 30.0  # m


def _described(file: h5py.File) -> tuple[Header, Window]:
    mapped = hdf5_product.item(file, L2D) is not None
    vnir, swir = detectors = [_Detector.of(file, L2D if mapped else L2C, name) for name in ("Vnir", "Swir")]
    height, width = vnir.size
    if swir.size != vnir.size:
        raise UserError(f"VNIR_Cube has {height} x {width} pixels, but SWIR_Cube has {swir.size[0]} x {swir.size[1]}")
    bands, unit, notes = read_axis(*(np.concatenate(lists) for lists in zip(vnir.axis, swir.axis)), "nm")
    header = Header(
        height,
        width,
        len(bands),
        vnir.cube.dtype,
        bands,
        unit=unit,
        nodata=NODATA,
        scale=one([detector.scale for detector in detectors for _ in detector.used]),
        offset=one([detector.offset for detector in detectors for _ in detector.used]),
        **(_place(file, height, width) if mapped else {}),
        notes=notes if mapped else (*notes, hdf5_product.NO_PLACES),
    )

    def window(rows: slice, columns: slice) -> np.ndarray:
        return np.concatenate([detector.read(rows, columns) for detector in detectors], axis=-1)

    return header, window


@dataclass(frozen=True)
class _Detector:
    """One of the two detectors: its `cube` and `errors` (or None) [row, band, column] and the numbers of the bands `used` [n].

    axis: centres and widths of these bands in nm. scale, offset: reflectance = stored * scale + offset.
    """

    cube: h5py.Dataset
    errors: h5py.Dataset | None
    used: np.ndarray
    axis: tuple[np.ndarray, np.ndarray]
    scale: float
    offset: float

    @classmethod
    def of(cls, file: h5py.File, swath: str, name: str) -> "_Detector":
        upper, fields = name.upper(), f"{swath}/Data Fields"
        cube, matrix = hdf5_product.array(file, f"{fields}/{upper}_Cube"), f"{fields}/{upper}_PIXEL_L2_ERR_MATRIX"
        errors = hdf5_product.array(file, matrix) if hdf5_product.item(file, matrix) is not None else None
        if cube.dtype != np.uint16 or (errors is not None and errors.shape != cube.shape):
            raise UserError(f"{upper}_Cube is not of type uint16, or its error matrix has another shape")
        centres, widths = (hdf5_product.attribute(file, f"List_{what}_{name}") for what in ("Cw", "Fwhm"))
        selected = hdf5_product.attribute(file, f"CNM_{upper}_SELECT", default=1)
        count = cube.shape[1]
        if not len(centres) == len(widths) == count or len(selected) not in (1, count):
            raise UserError(
                f"{upper}_Cube has {count} bands, but {len(centres)} wavelengths, {len(widths)} widths and {len(selected)} flags"
            )
        # Bands that were not transmitted have neither wavelengths nor values.
        used = np.flatnonzero((centres > 0) & (selected != 0))
        low, high = (hdf5_product.attribute(file, f"L2Scale{name}{end}")[0] for end in ("Min", "Max"))
        return cls(cube, errors, used, (centres[used], widths[used]), (high - low) / LARGEST, low)

    @property
    def size(self) -> tuple[int, int]:
        return self.cube.shape[0], self.cube.shape[2]

    def read(self, rows: slice, columns: slice) -> np.ndarray:
        """Stored values [h, w, n]; 0 where the error matrix says invalid, negative or saturated."""
        values = self.cube[rows, :, columns]
        if self.errors is not None:
            values[self.errors[rows, :, columns] != 0] = NODATA
        return values[:, self.used].transpose(0, 2, 1)


def _place(file: h5py.File, height: int, width: int) -> dict:
    """The parts of a Header with the place of the image.

    The corners in the file may be those of the image or the centres of its corner pixels. Both have the same middle.
    """
    east, north = (
        np.mean([hdf5_product.attribute(file, f"Product_{corner}corner_{axis}")[0] for corner in ("UL", "LR")])
        for axis in ("easting", "northing")
    )
    (code,) = hdf5_product.attribute(file, "Epsg_Code")
    with raster.gdal(f"Epsg_Code {code:g} is not a coordinate reference system: ") as rasterio:
        crs = rasterio.CRS.from_epsg(int(code)).to_wkt()
    left, top = float(east) - PIXEL * width / 2, float(north) + PIXEL * height / 2
    return {"crs": crs, "transform": (PIXEL, 0.0, left, 0.0, -PIXEL, top)}


PRODUCT = hdf5_product.product("PRISMA L2", ".he5", _described, (L2D,), (L2C,))
