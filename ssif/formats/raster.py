"""What all formats of GDAL share: files opened by a single driver, windows, georeference, and errors in one line."""

import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from ssif.errors import UserError, flat
from ssif.formats.header import LARGEST_PIECE, Header, Image, Write, downwards
from ssif.io import check_room

# GDAL would otherwise keep a twentieth of the machine's memory as cache and leave .aux.xml files beside images.
OPTIONS = {"GDAL_CACHEMAX": 64, "GDAL_PAM_ENABLED": False, "GDAL_DISABLE_READDIR_ON_OPEN": True}


@contextmanager
def gdal(failure: str = "") -> Iterator:
    """Yield the module rasterio under OPTIONS. Its errors in the block become a UserError that begins with `failure`."""
    import rasterio  # here, because training and evaluation may run without it
    from rasterio.errors import NotGeoreferencedWarning

    with rasterio.Env(**OPTIONS), warnings.catch_warnings(), _unprinted():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        try:
            yield rasterio
        except Exception as error:
            # Some classes of errors are private to rasterio.
            if not type(error).__module__.startswith("rasterio."):
                raise
            # GDAL's own words are in the cause, if there is one.
            raise UserError(failure + flat(str(error.__cause__ or error))) from None


@contextmanager
def _unprinted() -> Iterator[None]:
    """Keep rasterio from printing tracebacks in the block.

    rasterio (1.4.4) cannot decode messages of GDAL that quote broken bytes. It prints a traceback, which cannot be caught, and
    goes on.
    """
    hooks = sys.excepthook, sys.unraisablehook
    sys.excepthook = sys.unraisablehook = lambda *_: None
    try:
        yield
    finally:
        sys.excepthook, sys.unraisablehook = hooks


def gdal_path(path: Path) -> Path | str:
    """The path from the root. GDAL would take a path that starts with s3:, zip: or GTIFF_DIR: for an address.

    Raises UserError for a name that is not in UTF-8, which rasterio cannot pass on.
    """
    try:
        str(path).encode()
    except UnicodeEncodeError:
        raise UserError(f"the name of {path} is not in UTF-8; rename it") from None
    if found := archived(path):
        scheme, archive, inside = found
        return f"/{scheme}/{archive.absolute()}/{inside}"
    return path.absolute()


def archived(path: Path) -> tuple[str, Path, Path] | None:
    """The parts of a path such as /vsizip/images.zip/a.tif: vsizip, the archive and the path inside. None for other paths.

    Raises UserError if there is no such archive.
    """
    if path.parts[:2] not in (("/", "vsizip"), ("/", "vsitar")):
        return None
    for end in range(3, len(path.parts)):
        # /vsizip//home/me/a.zip starts at the root, but pathlib makes one slash of two.
        for archive in (Path(*path.parts[2:end]), Path("/", *path.parts[2:end])):
            if archive.is_file():
                return path.parts[1], archive, Path(*path.parts[end:])
    raise UserError(f"{path}: there is no such archive")


def open_raster(path: Path, driver: str, describe: Callable[..., Header]) -> Image:
    """An image that only this driver may open. `describe(dataset)` returns the header, which may leave out the last bands.

    If the header says `masked`, pixels that a mask or a band of transparency hides have no data. Raises UserError for a file that
    GDAL cannot read, and for blocks of more than LARGEST_PIECE bytes, which are decompressed in one piece.
    """
    with gdal() as rasterio:
        source = rasterio.open(gdal_path(path), driver=driver)
        try:
            largest = max(h * w * np.dtype(t).itemsize for (h, w), t in zip(source.block_shapes, source.dtypes))
            if largest > LARGEST_PIECE:
                raise UserError(f"a block takes {largest / 2**30:.1f} GiB in memory; save the file with smaller blocks")
            if len(set(source.dtypes)) > 1:
                raise UserError(f"the bands have different types: {', '.join(sorted(set(source.dtypes)))}")
            header = describe(source)
        except BaseException:
            source.close()
            raise

    def window(rows: slice, columns: slice) -> np.ndarray:
        with gdal():
            return source.read(source.indexes[: header.count], window=(rows, columns)).transpose(1, 2, 0)

    def empty(rows: slice, columns: slice) -> np.ndarray:
        with gdal():
            return source.read_masks(1, window=(rows, columns)) == 0

    return Image(path, header, window, source.close, empty if header.masked else None)


def basics(source) -> dict:
    """Size, type and georeference of a Header."""
    return {
        "height": source.height,
        "width": source.width,
        "count": source.count,
        "dtype": source.dtypes[0],
        "crs": source.crs.to_wkt() if source.crs else "",
        "transform": None if source.transform.is_identity else tuple(source.transform)[:6],
    }


def masks(source, transparent: bool) -> dict:
    """The parts of a Header that depend on a mask. transparent: whether the last band is no band but a mask."""
    from rasterio.enums import MaskFlags

    flags = source.mask_flag_enums[0]
    masked = MaskFlags.per_dataset in flags and (transparent or MaskFlags.alpha not in flags)
    notes = ("the last band is transparency; pixels where it is 0 have no data",) if transparent else ()
    return {"count": source.count - transparent, "masked": masked, "notes": notes}


def is_transparent(source) -> bool:
    """Whether the last of several bands is marked as transparency."""
    from rasterio.enums import ColorInterp

    return source.count > 1 and source.colorinterp[-1] == ColorInterp.alpha


@contextmanager
def created(path: Path, header: Header, driver: str, describe: Callable, **options) -> Iterator[Write]:
    """Write a file by a driver of GDAL and yield `write` (`create_image`). `describe(dataset)` adds what the format has."""
    check_room(path, header.nbytes)
    with gdal(f"{path} cannot be written: ") as rasterio:
        profile = {"driver": driver, "height": header.height, "width": header.width, "count": header.count}
        profile |= {"dtype": header.dtype.name, "nodata": header.nodata} | options
        if header.crs:
            profile["crs"] = rasterio.CRS.from_wkt(header.crs)
        if header.transform:
            profile["transform"] = rasterio.Affine(*header.transform)
        with rasterio.open(gdal_path(path), "w", **profile) as target:
            describe(target)

            def put(rows: slice, stored: np.ndarray) -> None:
                target.write(stored.transpose(2, 0, 1), window=(rows, slice(0, header.width)))

            yield downwards(header, put)
