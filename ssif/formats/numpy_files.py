"""NumPy: .npy with its header in a .json file beside it, and .npz with an array for each field of the header."""

import json
import zipfile
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from ssif.errors import UserError
from ssif.formats import fields
from ssif.formats.header import Header, Image, Kind
from ssif.io import whole_file, whole_files


def _open(path: Path, key: str | None) -> Image:
    array, header = _zipped(path, key) if path.suffix.lower() == ".npz" else _plain(path)
    return Image(path, header, lambda rows, columns: array[rows, columns])


def _plain(path: Path) -> tuple[np.ndarray, Header]:
    array = np.load(path, mmap_mode="r", allow_pickle=False)
    beside = path.with_suffix(".json")
    found = json.loads(beside.read_text()) if beside.is_file() else {}
    if not isinstance(found, dict):
        raise UserError(f"{beside.name} beside it must hold a JSON object with named values")
    return array, fields.header(array.shape, array.dtype, found.get)


def _zipped(path: Path, key: str | None) -> tuple[np.ndarray, Header]:
    with np.load(path, allow_pickle=False) as file:
        shapes = {name: shape for name in file.files if (shape := _declared(file, name)[0])}
        name = fields.choose_array(shapes, key)
        shape, dtype = _declared(file, name)
        fields.check_piece(int(np.prod(shape, dtype=float)) * dtype.itemsize, name)

        def get(field: str):
            if field not in file.files or np.prod(_declared(file, field)[0], dtype=float) > fields.LONGEST:
                return None
            return file[field]

        return file[name], fields.header(shape, dtype, get)


def _declared(file, name: str) -> tuple[tuple[int, ...], np.dtype]:
    """Shape and type of an array in the archive, from its first bytes: a small file may unpack to a giant array."""
    with file.zip.open(f"{name}.npy") as stream:
        version = np.lib.format.read_magic(stream)
        read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, _, dtype = read(stream)
    return shape, dtype


def _read(path: Path, key: str | None) -> list[Path]:
    return [file for file in _written(path) if file == path or file.is_file()]


def _written(path: Path) -> list[Path]:
    return [path] if path.suffix.lower() == ".npz" else [path, path.with_suffix(".json")]


@contextmanager
def _create(path: Path, header: Header):
    description = {"shape": (header.height, header.width, header.count), "fortran_order": False,
                   "descr": np.lib.format.dtype_to_descr(header.dtype)}  # fmt: skip

    def writer(stream):
        np.lib.format.write_array_header_2_0(stream, description)
        return lambda rows: stream.write(np.ascontiguousarray(header.stored(rows)).tobytes())

    texts = fields.fields(header)
    if path.suffix.lower() == ".npz":
        with whole_file(path) as temporary, zipfile.ZipFile(temporary, "w") as archive:
            for name, value in texts.items():
                with archive.open(f"{name}.npy", "w") as stream:
                    np.save(stream, np.asarray(value))
            with archive.open(f"{fields.CUBE}.npy", "w", force_zip64=True) as stream:
                yield writer(stream)
        return
    with whole_files(path) as folder:
        (folder / path.with_suffix(".json").name).write_text(json.dumps(texts, indent=1) + "\n")
        with open(folder / path.name, "wb") as stream:
            yield writer(stream)


KIND = Kind("NumPy", (".npy", ".npz"), _open, _create, _written, _read)
