"""Images in files: one way to open and to write ENVI, GeoTIFF, .mat, HDF5, NumPy and ordinary image files, and to open
the products of space agencies.

with open_image("tile.tif") as image:
    print(image.header.bands, image.read(slice(0, 100), slice(0, 200)).shape)
"""

from contextlib import AbstractContextManager
from pathlib import Path

from ssif.errors import UserError
from ssif.formats import envi, geotiff, hdf5, matlab, netcdf, numpy_files, pictures, raster, torn
from ssif.formats.band_names import with_bands
from ssif.formats.header import Header, Image, Kind, Write
from ssif.formats.products import is_beside, product_of

KINDS = [
    envi.KIND, geotiff.KIND, pictures.JPEG_2000, netcdf.KIND, netcdf.ZARR, hdf5.KIND, matlab.KIND, numpy_files.KIND, pictures.KIND,
]  # fmt: skip
SUFFIXES = tuple(suffix for kind in KINDS for suffix in kind.suffixes)


def kind_of(path: Path) -> Kind:
    """The format of a file, by its suffix. ENVI data beside a header may have any suffix.

    Raises UserError, with a list of the known suffixes, for an unknown format.
    """
    suffix = path.suffix.lower()
    for kind in KINDS:
        if suffix in kind.suffixes:
            return kind
    if envi.header_of(path) is not None:
        return envi.KIND
    what = f"unknown format {suffix!r}" if suffix else "unknown format, because the name has no suffix"
    raise UserError(f"{path}: {what}; known: {', '.join(SUFFIXES)}")


def open_image(path: str | Path, key: str | None = None) -> Image:
    """Open the image in a file, whose values are read by windows (`Image.read`).

    Products of agencies are recognised whatever their suffix (`ssif.formats.products`). key: the name of the array in a .mat,
    .npz or HDF5 file with several arrays, or the resolution of Sentinel-2. Raises UserError, in one line that names the file,
    if the file is missing, a directory, torn or of an unknown format, and if the wavelengths make no sense.
    """
    path = Path(path)
    archived = raster.archived(path)
    product = None if archived else product_of(path)
    if path.is_dir() and product is None and path.suffix.lower() not in netcdf.ZARR.suffixes:
        raise UserError(f"{path} is a directory, not an image")
    if not path.exists() and not archived:
        raise UserError(f"{path} does not exist")
    kind = product or kind_of(path)
    with torn.one_line(path):
        image = kind.open(path, key)
        image.header = with_bands(image.header)
        return image


def create_image(path: str | Path, header: Header) -> AbstractContextManager[Write]:
    """Give the block a function `write(rows)`, which takes the image from top to bottom.

    rows: [h, W, C] in physical units, with NaN or a mask (`numpy.ma`) where there is no data. The file appears after the block,
    and does not if the block raises. Raises UserError for a format that is unknown or cannot hold such an image.
    """
    path, kind = Path(path), kind_of(Path(path))
    if kind.create is None:
        raise UserError(f"{path}: {kind.name} can be read but not written; choose .tif, .nc or another format")
    return kind.create(path, header)


def is_picture(path: Path) -> bool:
    """Whether the file is an ordinary image (PNG, JPEG, BMP), which has no wavelengths."""
    return path.suffix.lower() in pictures.KIND.suffixes


def is_image(path: Path) -> bool:
    """Whether a file of a known format, or a product, exists here; files that accompany the image of a product do not count."""
    known = (path.suffix.lower() in SUFFIXES and path.is_file() != (path.suffix.lower() in netcdf.ZARR.suffixes)) or (
        product_of(path) is not None
    )
    return known and not is_beside(path)


def read_files(path: Path, key: str | None = None) -> list[Path]:
    """Every file that `open_image` reads for `path` and `key`. Raises UserError for an unknown format and a missing file."""
    if archived := raster.archived(path):
        return [archived[1]]
    kind = product_of(path) or kind_of(path)
    with torn.one_line(path):
        return kind.read(path, key)


def written_bytes(path: Path, header: Header) -> int:
    """The most bytes of the disk that `create_image` needs while it writes `path`. Raises UserError for an unknown format."""
    return kind_of(path).copies * header.nbytes


def written_files(path: Path) -> list[Path]:
    """Every file that `create_image` makes for `path`. Raises UserError for an unknown format."""
    return kind_of(path).written(path)
