"""HDF5: a dataset [H, W, C], its header in attributes of it, or in attributes or datasets beside it."""

from contextlib import contextmanager
from pathlib import Path

import h5py
import numpy as np

from ssif.formats import fields
from ssif.formats.header import Header, Image, Kind
from ssif.io import whole_file

CHUNK = 64  # rows and columns of a chunk that we write


def shapes(file: h5py.File) -> dict[str, tuple[int, ...]]:
    """Name -> shape of every dataset of numbers."""
    found = {}

    def visit(name: str, item) -> None:
        if isinstance(item, h5py.Dataset) and item.dtype.kind in "iuf" and item.shape:
            found[name] = item.shape

    file.visititems(visit)
    return found


def check_chunks(dataset: h5py.Dataset) -> None:
    """Raise UserError for chunks that would take more memory than a window may."""
    if dataset.chunks:
        fields.check_piece(int(np.prod(dataset.chunks, dtype=float)) * dataset.dtype.itemsize, "a chunk of it")


def _open(path: Path, key: str | None) -> Image:
    file = h5py.File(path, "r")
    try:
        dataset = file[fields.choose_array(shapes(file), key)]
        check_chunks(dataset)
        header = fields.header(dataset.shape, dataset.dtype, lambda name: _look_up(dataset, name))
    except BaseException:
        file.close()
        raise

    def window(rows: slice, columns: slice) -> np.ndarray:
        return dataset[rows, columns].reshape(rows.stop - rows.start, columns.stop - columns.start, header.count)

    return Image(path, header, window, file.close)


def _look_up(dataset: h5py.Dataset, name: str):
    """A field from the attributes of the dataset, of the groups above it or from a dataset beside it."""
    group = dataset.parent
    for place in (dataset.attrs, group.attrs, dataset.file.attrs):
        if name in place:
            return place[name]
    for place in (group, dataset.file):
        beside = place.get(name)
        if isinstance(beside, h5py.Dataset) and beside.size and beside.size <= fields.LONGEST:
            return beside.asstr()[()] if h5py.check_string_dtype(beside.dtype) else beside[()]
    return None


@contextmanager
def _create(path: Path, header: Header):
    with whole_file(path) as temporary, h5py.File(temporary, "w") as file:
        shape = (header.height, header.width, header.count)
        chunks = (min(CHUNK, header.height), min(CHUNK, header.width), header.count)
        cube = file.create_dataset(fields.CUBE, shape, header.dtype, chunks=chunks)
        for name, value in fields.fields(header).items():
            cube.attrs[name] = value
        top = 0

        def write(rows: np.ndarray) -> None:
            nonlocal top
            cube[top : top + len(rows)] = header.stored(rows)
            top += len(rows)

        yield write


KIND = Kind("HDF5", (".h5", ".hdf5", ".he5"), _open, _create)
