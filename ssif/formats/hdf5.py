"""HDF5: a dataset [H, W, C], with its header in its attributes or in attributes or datasets beside it."""

import math
from collections.abc import Callable
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import h5py
import numpy as np

from ssif.errors import UserError
from ssif.formats import fields
from ssif.formats.header import Header, Image, Kind, Window, downwards
from ssif.hdf5 import check_own, opened, own, walk
from ssif.io import check_room, whole_file

CHUNK = 64  # largest number of rows and columns of a chunk that we write
LARGEST_ATTRIBUTE = 2**15  # bytes; HDF5 has room for 2**16 with the description


def shapes(file: h5py.File) -> dict[str, tuple[int, ...]]:
    """Name -> shape of every dataset of numbers. Links are not followed."""
    found = {}
    for group, name in walk(file):
        item = own(group, name)
        if isinstance(item, h5py.Dataset) and item.dtype.kind in "iuf" and item.shape:
            found[item.name.removeprefix("/")] = item.shape
    return found


def check_readable(dataset: h5py.Dataset) -> None:
    """Raise UserError for values in other files and for chunks that take too much memory (`fields.check_piece`)."""
    check_own(dataset)
    if dataset.chunks:
        fields.check_piece(int(np.prod(dataset.chunks, dtype=float)) * dataset.dtype.itemsize, "a chunk of it")


def image_of(path: Path, describe: Callable[[h5py.File], tuple[Header, Window]]) -> Image:
    """The image with the header and the windows that `describe(file)` returns."""
    file = opened(path)
    try:
        return Image(path, *describe(file), file.close)
    except BaseException:
        file.close()
        raise


def _open(path: Path, key: str | None) -> Image:
    return image_of(path, partial(_described, key=key))


def _described(file: h5py.File, key: str | None) -> tuple[Header, Window]:
    dataset = file[fields.choose_array(shapes(file), key)]
    check_readable(dataset)
    header = fields.header(dataset.shape, dataset.dtype, partial(_field, dataset))
    return header, lambda rows, columns: dataset[rows, columns]


def check_type(name: str, dtype: np.dtype) -> None:
    """Raise UserError for anything but numbers and text. HDF5 crashes on lists of variable length in broken files."""
    if dtype.kind not in "biuf" and not h5py.check_string_dtype(dtype):
        raise UserError(f"{name} is neither numbers nor text")


def _field(dataset: h5py.Dataset, name: str):
    """A field: an attribute of the dataset, of its group or of the file, or else a dataset of that name beside it."""
    for owner in (dataset, dataset.parent, dataset.file):
        if name in owner.attrs:
            check_type(name, owner.attrs.get_id(name).dtype)
            return owner.attrs[name]
    for group in (dataset.parent, dataset.file):
        beside = own(group, name)
        if isinstance(beside, h5py.Dataset) and beside.size and beside.size <= fields.LONGEST:
            check_type(name, beside.dtype)
            check_readable(beside)
            return beside[()]
    return None


def chunk(header: Header) -> tuple[int, int, int]:
    """Rows, columns and bands of a chunk that we write."""
    return min(CHUNK, header.height), min(CHUNK, header.width), header.count


def check_room_for(path: Path, header: Header) -> None:
    """`ssif.io.check_room` for whole chunks: HDF5 may end the process if the disk is full."""
    rows, columns, count = chunk(header)
    chunks = math.ceil(header.height / rows) * math.ceil(header.width / columns)
    check_room(path, chunks * rows * columns * count * header.dtype.itemsize)


@contextmanager
def _create(path: Path, header: Header):
    check_room_for(path, header)
    with whole_file(path) as temporary, h5py.File(temporary, "w") as file:
        shape = (header.height, header.width, header.count)
        cube = file.create_dataset(fields.CUBE, shape, header.dtype, chunks=chunk(header))
        for name, value in fields.fields(header).items():
            if np.asarray(value).nbytes > LARGEST_ATTRIBUTE:
                file[name] = value
            else:
                cube.attrs[name] = value
        yield downwards(header, cube.__setitem__)


KIND = Kind("HDF5", (".h5", ".hdf5", ".he5"), _open, _create)
