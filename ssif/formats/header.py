"""The header of an image, the same for all formats, and the way from stored to physical values."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from ssif.bands import Bands
from ssif.errors import UserError
from ssif.formats import torn

# Most bytes of a block that is decompressed in one piece, and of an array that a format cannot read by windows.
LARGEST_PIECE = 2**31

Write = Callable[[np.ndarray], None]
Window = Callable[[slice, slice], np.ndarray]


@dataclass(frozen=True)
class Header:
    """An image of `height` x `width` pixels and `count` bands, stored as `dtype`.

    bands: C intervals in nm in the order of the file, or None if they are unknown. names: of the bands, or empty.
    good: False for bands on a bad-band list, or empty. unit: nm or µm, for wavelengths in the file.
    nodata: the stored value that means no data; NaN always does.
    scale, offset: physical = stored * scale + offset; one number, or one for each band; scale is None if the file has neither.
    crs: WKT. transform: affine a, b, c, d, e, f with x = a * column + b * row + c and y = d * column + e * row + f, from
    the upper left corner. swath: latitudes and longitudes in degrees, each [h, w] over the whole image, on these or on larger
    pixels, if the image is in the geometry of a swath. provenance: one line.
    masked: whether the file has a mask for pixels without data. overviews: whether it has the image in smaller sizes, too.
    facts: name -> text about the sensor and the acquisition, from ENVI headers. notes: what the reader assumed.

    Raises UserError for parts that do not fit each other and for scales that are zero or not finite.
    """

    height: int
    width: int
    count: int
    dtype: np.dtype
    bands: Bands | None = None
    names: tuple[str, ...] = ()
    good: tuple[bool, ...] = ()
    unit: str = "nm"
    nodata: float | None = None
    scale: float | np.ndarray | None = None
    offset: float | np.ndarray = 0.0
    crs: str = ""
    transform: tuple[float, ...] | None = None
    provenance: str = ""
    masked: bool = False
    overviews: bool = False
    swath: tuple[np.ndarray, np.ndarray] | None = field(default=None, compare=False)
    facts: dict = field(default_factory=dict, compare=False)
    notes: tuple[str, ...] = field(default=(), compare=False)

    def __post_init__(self):
        kind = np.dtype(self.dtype)
        object.__setattr__(self, "dtype", kind)
        if kind.kind not in "iuf":
            raise UserError(f"values are of type {kind}, but must be integers or real numbers")
        if min(self.height, self.width, self.count) < 1:
            raise UserError(f"the image has {self.height} x {self.width} pixels and {self.count} bands")
        for what, values in (
            ("wavelengths", self.bands),
            ("band names", self.names),
            ("good-band flags", self.good),
            ("scales", np.ravel(self.scale) if np.ndim(self.scale) else ()),
            ("offsets", np.ravel(self.offset) if np.ndim(self.offset) else ()),
        ):
            if values is not None and len(values) not in (0, self.count):
                raise UserError(f"there are {len(values)} {what} for {self.count} bands")
        scales = np.ravel(1 if self.scale is None else self.scale)
        if not np.isfinite([*scales, *np.ravel(self.offset)]).all() or not scales.all():
            raise UserError(
                f"the scale factor must be finite and not 0, and the offset finite, got {self.scale} and {self.offset}"
            )

    @property
    def nbytes(self) -> int:
        """Bytes of the whole image as it is stored."""
        return self.height * self.width * self.count * self.dtype.itemsize

    def transform_at(self, size: tuple[int, int]) -> tuple[float, ...] | None:
        """The transform of the same area in `size` (H, W) pixels; None if there is none."""
        if self.transform is None:
            return None
        a, b, c, d, e, f = self.transform
        rows, columns = self.height / size[0], self.width / size[1]
        return a * columns, b * rows, c, d * columns, e * rows, f

    def physical(self, stored: np.ndarray) -> np.ndarray:
        """Stored values [..., C] -> float32 in physical units, with NaN for no data."""
        # No-data values of float64 may lie beyond float32.
        with np.errstate(over="ignore"):
            values = stored.astype(np.float32)
            if self.scale is not None:
                values = (stored * np.float64(1) * self.scale + self.offset).astype(np.float32)
        mark = self.mark
        if mark is not None:
            values[stored == mark] = np.nan
        return values

    @property
    def mark(self) -> np.generic | None:
        """The no-data value in the stored type; None if there is none or the type cannot hold it."""
        if self.nodata is None or np.isnan(self.nodata):
            return None
        if self.dtype.kind == "f":
            return self.dtype.type(self.nodata)
        limits = np.iinfo(self.dtype)
        whole = float(self.nodata).is_integer() and limits.min <= self.nodata <= limits.max
        return self.dtype.type(int(self.nodata)) if whole else None

    def stored(self, values: np.ndarray) -> np.ndarray:
        """The inverse of `physical`. Masked values count as NaN; integers are rounded, clipped to their type and kept off the
        no-data value.

        Raises UserError for NaN if the type is of integers and has no no-data value.
        """
        exact = (np.ma.filled(values.astype(np.float64), np.nan) - self.offset) / (
            1 if self.scale is None else self.scale
        )
        empty = np.isnan(exact)
        if self.dtype.kind == "f":
            return np.where(empty, np.nan if self.nodata is None else self.nodata, exact).astype(self.dtype)
        mark = self.mark
        if mark is None and empty.any():
            raise UserError("some pixels have no data, but the output has no value that means no data")
        limits = np.iinfo(self.dtype)
        whole = np.clip(np.rint(np.where(empty, 0, exact)), limits.min, limits.max).astype(self.dtype)
        if mark is not None:
            whole[whole == mark] = mark - 1 if mark == limits.max else mark + 1
            whole[empty] = mark
        return whole


def one(values):
    """A number where all of `values` are equal, else all of them."""
    return values[0] if len(set(values)) == 1 else list(values)


def downwards(header: Header, put: Callable[[slice, np.ndarray], None]) -> Write:
    """A function that takes the image from top to bottom, a few rows at a time, and calls `put(rows, stored values)`."""
    top = 0

    def write(values: np.ndarray) -> None:
        nonlocal top
        put(slice(top, top + len(values)), header.stored(values))
        top += len(values)

    return write


class Image:
    """An open image file: its `header`, and `read` for any window of it. Use it as a context manager.

    window(rows, columns) returns stored values [h, w, C], or [h, w] of one band. empty(rows, columns), for a file with a mask,
    returns [h, w], true where there is no data.
    """

    def __init__(self, path: Path, header: Header, window: Window, close=lambda: None, empty: Window | None = None):
        self.path, self.header, self._window, self.close, self._empty = path, header, window, close, empty

    def read(self, rows: slice, columns: slice) -> np.ndarray:
        """Read a window within the image: float32 [h, w, C] in physical units, with NaN for no data.

        Raises UserError if the file turns out to be torn.
        """
        with torn.one_line(self.path):
            shape = rows.stop - rows.start, columns.stop - columns.start, self.header.count
            values = self.header.physical(self._window(rows, columns).reshape(shape))
            if self._empty is not None:
                values[self._empty(rows, columns)] = np.nan
            return values

    def __enter__(self) -> "Image":
        return self

    def __exit__(self, *_) -> None:
        self.close()


@dataclass(frozen=True)
class Kind:
    """A file format, known by its suffixes, or the product of an agency, of which `matches(path)` says whether a path is one.

    `open(path, key)` returns an Image, which comes from the files `read(path, key)`. `create(path, header)` returns a context
    manager that yields `write` and leaves the files `written(path)`; None for what is only read. copies: how often the image is
    on the disk while it is written.
    """

    name: str
    suffixes: tuple[str, ...]
    open: Callable[[Path, str | None], Image]
    create: Callable[[Path, Header], AbstractContextManager[Write]] | None = None
    written: Callable[[Path], list[Path]] = lambda path: [path]
    read: Callable[[Path, str | None], list[Path]] = lambda path, key: [path]
    copies: int = 1
    matches: Callable[[Path], bool] = lambda path: False
