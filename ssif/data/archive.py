"""The suite's own HDF5 files: sealed (`ssif.seals`), all of their numbers inside, and none begun without room on the disk."""

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
    """A new file, to be filled by `put` and with attributes; it appears as `path` when it is whole and sealed."""
    with sealed_file(path) as temporary:
        check_room(temporary, SLACK)
        with h5py.File(temporary, "w", userblock_size=HEAD) as file:
            yield file


def put(group: h5py.Group, name: str, values: np.ndarray) -> None:
    """Write a dataset. Raises OSError where the disk has no room for it: HDF5 would not say so in words."""
    path = Path(group.file.filename)
    group.file.flush()
    check_room(path, values.nbytes + SLACK, path.stat().st_size)
    group[name] = values


def read(path: Path) -> h5py.File:
    """A file of `create`, open. Raises OSError for one that is missing, damaged or changed, or that leads to others."""
    check_seal(path)
    file = h5py.File(path, "r")
    try:
        for group, name in walk(file):
            item = own(group, name)
            if item is None:
                raise UserError(f"{name} is a link to elsewhere")
            if isinstance(item, h5py.Dataset):
                check_own(item)
    except UserError as error:
        file.close()
        raise OSError(str(error)) from None
    return file
