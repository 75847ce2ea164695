"""MATLAB's .mat: a variable [H, W, C] and fields of its header. Version 5 is read whole, 7.3 (HDF5) by windows."""

import math
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import h5py
import numpy as np
import scipy.io

from ssif.errors import UserError
from ssif.formats import fields, hdf5, mat5, torn
from ssif.formats.header import Header, Image, Kind, Window, downwards
from ssif.hdf5 import check_own, opened, own
from ssif.io import whole_file

# Version 5 counts the bytes of a variable in 32 bits, of which MATLAB uses 31.
LARGEST_V5 = 2**31 - 1
# The beginning of the 512 bytes that MATLAB 7.3 has before the HDF5 file.
USER_BLOCK = b"MATLAB 7.3 MAT-file".ljust(124) + b"\x00\x02IM"
CLASSES = {"f4": "single", "f8": "double"}


def read_mat(path: Path, key: str) -> np.ndarray:
    """The whole array `key` of a MATLAB file, version 5 or 7.3, with MATLAB's order of axes.

    Raises UserError if the file is no whole .mat file, and, with a list of the keys, if the key is missing.
    """
    with torn.one_line(path):
        if h5py.is_hdf5(path):
            with opened(path) as file:
                found = [name for name in file if not name.startswith("#") and own(file, name)]
                if key in found:
                    check_own(file[key])
                # HDF5 counts axes from the slowest, so that MATLAB's [rows, columns, bands] are reversed.
                array = np.ascontiguousarray(file[key][()].T) if key in found else None
        else:
            found = mat5.variables(path)
            array = mat5.load(path, found[key]) if key in found else None
        if array is None:
            raise UserError(f"has no key {key!r}; keys found: {', '.join(found) or 'none'}")
    return array


def _open(path: Path, key: str | None) -> Image:
    if h5py.is_hdf5(path):
        return hdf5.image_of(path, partial(_described, key=key))
    variables = mat5.variables(path)
    numbers = {
        name: found for name, found in variables.items() if found.dtype is not None and found.dtype.kind in "iuf"
    }
    name = fields.choose_array({name: found.shape for name, found in numbers.items()}, key)
    fields.check_piece(math.prod(numbers[name].shape) * numbers[name].dtype.itemsize, name)
    cube = mat5.load(path, numbers[name])

    def field(name: str):
        variable = variables.get(name)
        if variable is None or variable.dtype is None or not 0 < math.prod(variable.shape) <= fields.LONGEST:
            return None
        value = mat5.load(path, variable)
        return np.char.rstrip(value) if value.dtype.kind == "U" else value

    header = fields.header(cube.shape, cube.dtype, field)
    return Image(path, header, lambda rows, columns: cube[rows, columns])


def _described(file: h5py.File, key: str | None) -> tuple[Header, Window]:
    # The order of axes is reversed, as above.
    shapes = {name: shape[::-1] for name, shape in hdf5.shapes(file).items() if not name.startswith("#")}
    dataset = file[fields.choose_array(shapes, key)]
    hdf5.check_readable(dataset)
    header = fields.header(dataset.shape[::-1], dataset.dtype, partial(_variable, file))
    return header, lambda rows, columns: dataset[..., columns, rows].T


def _variable(file: h5py.File, name: str):
    item = own(file, name)
    if not isinstance(item, h5py.Dataset) or not item.shape or not 0 < item.size <= fields.LONGEST:
        return None
    if item.attrs.get("MATLAB_class") == b"char":
        lines = ["".join(map(chr, line)).rstrip() for line in np.atleast_2d(item[()].T)]
        return lines[0] if len(lines) == 1 else np.array(lines)
    return item[()].T if item.dtype.kind in "iuf" else None


@contextmanager
def _create(path: Path, header: Header):
    """Write version 5, which every program reads, or 7.3 if the array is too large for it.

    A text becomes a char matrix with a row for each string, numbers become a row.
    """
    variables = {name: np.array(value) for name, value in fields.fields(header).items()}
    variables = {name: value if value.dtype.kind == "U" else np.atleast_2d(value) for name, value in variables.items()}
    if header.nbytes > LARGEST_V5:
        with whole_file(path) as temporary:
            yield from _write_hdf5(temporary, header, variables)
        return
    cube = np.empty((header.height, header.width, header.count), header.dtype)
    yield downwards(header, cube.__setitem__)
    with whole_file(path) as temporary, open(temporary, "wb") as stream:
        scipy.io.savemat(stream, {fields.CUBE: cube} | variables)


def _write_hdf5(path: Path, header: Header, variables: dict):
    hdf5.check_room_for(path, header)
    with h5py.File(path, "w", userblock_size=512) as file:
        for name, value in variables.items():
            _save(file, name, value)
        chunks = hdf5.chunk(header)[::-1]
        cube = file.create_dataset(
            fields.CUBE, (header.count, header.width, header.height), header.dtype, chunks=chunks
        )
        _label(cube, header.dtype)

        def put(rows: slice, stored: np.ndarray) -> None:
            cube[..., rows] = stored.T

        yield downwards(header, put)
    with open(path, "r+b") as stream:
        stream.write(USER_BLOCK)


def _save(file: h5py.File, name: str, value: np.ndarray) -> None:
    if value.dtype.kind == "U":
        width = value.dtype.itemsize // 4
        codes = np.array([[ord(c) for c in line.ljust(width)] for line in value.ravel()], dtype=np.uint16)
        item = file.create_dataset(name, data=codes.T)
        item.attrs["MATLAB_class"], item.attrs["MATLAB_int_decode"] = np.bytes_("char"), np.int32(2)
        return
    _label(file.create_dataset(name, data=value.T.astype(np.float64)), np.dtype(np.float64))


def _label(item: h5py.Dataset, dtype: np.dtype) -> None:
    item.attrs["MATLAB_class"] = np.bytes_(CLASSES.get(dtype.str[1:], dtype.name))


KIND = Kind(".mat", (".mat",), _open, _create)
