"""HDF5: a dataset [H, W, C], its header in attributes of it, or in attributes or datasets beside it."""

import json
import math
import os
import select
import signal
from collections.abc import Iterable
from contextlib import contextmanager
from pathlib import Path

import h5py
import numpy as np

from ssif.errors import UserError
from ssif.formats import fields
from ssif.formats.header import Header, Image, Kind
from ssif.hdf5 import check_own, own, walk
from ssif.io import check_room, whole_file

CHUNK = 64  # rows and columns of a chunk that we write, at most
LARGEST_ATTRIBUTE = 2**15  # bytes; HDF5 has room for 2**16 less what describes it
LONGEST_READ = 20  # seconds


def shapes(file: h5py.File) -> dict[str, tuple[int, ...]]:
    """Name -> shape of every dataset of numbers; links to other places are not followed."""
    found = {}
    for group, name in walk(file):
        item = own(group, name)
        if isinstance(item, h5py.Dataset) and item.dtype.kind in "iuf" and item.shape:
            found[item.name.removeprefix("/")] = item.shape
    return found


def check_readable(dataset: h5py.Dataset) -> None:
    """Raise UserError for values that lie in other files, and for chunks that would take more memory than a window may."""
    check_own(dataset)
    if dataset.chunks:
        fields.check_piece(int(np.prod(dataset.chunks, dtype=float)) * dataset.dtype.itemsize, "a chunk of it")


def _open(path: Path, key: str | None) -> Image:
    file = h5py.File(path, "r")
    try:
        dataset = file[fields.choose_array(shapes(file), key)]
        check_readable(dataset)
        header = fields.header(dataset.shape, dataset.dtype, _fields(path, dataset).get)
    except BaseException:
        file.close()
        raise

    def window(rows: slice, columns: slice) -> np.ndarray:
        return dataset[rows, columns].reshape(rows.stop - rows.start, columns.stop - columns.start, header.count)

    return Image(path, header, window, file.close)


def _fields(path: Path, dataset: h5py.Dataset) -> dict:
    """Name -> value of the fields that the file has of this dataset."""
    places = {name: place for name in fields.NAMES if (place := _place(dataset, name))}
    heaped = {name: place for name, place in places.items() if place[2].kind == "O"}
    found = dict(zip(heaped, _texts(path, heaped.values()))) if heaped else {}
    for name in places.keys() - heaped.keys():
        owner, attribute, _ = places[name]
        item = dataset.file[owner]
        found[name] = item.attrs[attribute] if attribute else item[()]
    return found


def _place(dataset: h5py.Dataset, name: str) -> tuple[str, str, np.dtype] | None:
    """Owner, attribute and type of a field in the attributes of the dataset, of its group or of the file, or, with the
    attribute "", of a dataset of that name beside it."""
    for owner in (dataset, dataset.parent, dataset.file):
        if name in owner.attrs:
            return owner.name, name, owner.attrs.get_id(name).dtype
    for group in (dataset.parent, dataset.file):
        beside = own(group, name)
        if isinstance(beside, h5py.Dataset) and beside.size and beside.size <= fields.LONGEST:
            check_readable(beside)
            return beside.name, "", beside.dtype
    return None


def _texts(path: Path, places: Iterable) -> list:
    """The texts of variable length at these places, each a text or a list of them.

    They lie in a heap, and where that is broken HDF5 (1.14.2 to 2.0.0) never comes back, which no exception and no signal handler
    of Python ends. So a copy of this process reads them, and is ended after LONGEST_READ seconds. Raises UserError where it fails.
    """
    receiver, sender = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            with h5py.File(path, "r") as file, open(sender, "w") as pipe:
                found = [file[owner].attrs[name] if name else file[owner][()] for owner, name, _ in places]
                json.dump([list(map(_text, np.ravel(it))) if np.ndim(it) else _text(it) for it in found], pipe)
        finally:
            os._exit(0)
    os.close(sender)
    with open(receiver) as pipe:
        try:
            ready, _, _ = select.select([pipe], [], [], LONGEST_READ)
            return json.load(pipe) if ready else json.loads("")
        except ValueError:
            raise UserError("is not a whole HDF5 file: its texts cannot be read") from None
        finally:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)


def _text(value) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def chunk(header: Header) -> tuple[int, int, int]:
    """Rows, columns and bands of a chunk that we write."""
    return min(CHUNK, header.height), min(CHUNK, header.width), header.count


def check_room_for(path: Path, header: Header) -> None:
    """`ssif.io.check_room` for whole chunks: HDF5 may end the process where the disk is full."""
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
            stored = _fixed(value)
            if np.asarray(stored).nbytes > LARGEST_ATTRIBUTE:
                file[name] = stored
            else:
                cube.attrs[name] = stored
        top = 0

        def write(rows: np.ndarray) -> None:
            nonlocal top
            cube[top : top + len(rows)] = header.stored(rows)
            top += len(rows)

        yield write


def _fixed(value):
    """Text as text of fixed length, which needs no heap (`_texts`)."""
    array = np.asarray(value)
    if array.dtype.kind != "U":
        return value
    array = np.char.encode(array, "utf-8")
    return array.astype(h5py.string_dtype("utf-8", array.dtype.itemsize))


KIND = Kind("HDF5", (".h5", ".hdf5", ".he5"), _open, _create)
