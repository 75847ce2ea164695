"""The suite's own HDF5 files: sealed (`ssif.seals`), without links to other files, started only if the disk has room."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import h5py
import numpy as np

from ssif.errors import UserError
from ssif.hdf5 import check_own, own, walk
from ssif.io import check_room
from ssif.seals import HEAD, check_seal, sealed_file

SLACK = 2**20  # bytes; more than HDF5 needs beside the numbers


@contextmanager
def create(path: Path) -> Iterator[h5py.File]:
    """Yield a new file for attributes and for the datasets of `put`; it appears as `path` when it is complete and sealed."""
    with sealed_file(path) as temporary:
        check_room(temporary, SLACK)
        with h5py.File(temporary, "w", userblock_size=HEAD) as file:
            yield file


def put(group: h5py.Group, name: str, values: np.ndarray) -> None:
    """Write a dataset. Raises OSError if the disk is too full, which HDF5 would not report in words."""
    path = Path(group.file.filename)
    group.file.flush()
    check_room(path, values.nbytes + SLACK, path.stat().st_size)
    group[name] = values


def read(path: Path) -> h5py.File:
    """Open a file of `create`. Raises OSError if it is missing, damaged or changed, or if it links to another file."""
    check_seal(path)
    file = h5py.File(path, "r")
    try:
        for group, name in walk(file):
            item = own(group, name)
            if item is None:
                raise UserError(f"{name} is a link to another place")
            if isinstance(item, h5py.Dataset):
                check_own(item)
    except UserError as error:
        file.close()
        raise OSError(str(error)) from None
    return file
