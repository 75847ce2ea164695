"""MATLAB's .mat of version 5 (v6, v7): its variables of numbers and of text.

Own code, because SciPy's reader ends the process on some broken files. Layout: "MAT-File Format", MathWorks, level 5.
"""

import math
import os
import struct
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ssif.errors import UserError

MATRIX, COMPRESSED = 14, 15
# Type of stored values by its number in the file; a variable's class may be wider than what its values are stored as.
STORED = {1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4", 7: "f4", 9: "f8", 12: "i8", 13: "u8"}
CLASSES = {6: "f8", 7: "f4", 8: "i1", 9: "u1", 10: "i2", 11: "u2", 12: "i4", 13: "u4", 14: "i8", 15: "u8"}
TEXT, COMPLEX = 4, 0x800
ENCODINGS = {1: "latin-1", 2: "latin-1", 4: "utf-16", 16: "utf-8", 17: "utf-16", 18: "utf-32"}
LONGEST = 2**12  # bytes of a variable's name or of its sizes


@dataclass(frozen=True)
class Variable:
    """`shape` with MATLAB's order of axes; `dtype` of real numbers, str for text, None for anything else."""

    name: str
    shape: tuple[int, ...]
    dtype: np.dtype | None
    position: int


def variables(path: Path) -> dict[str, Variable]:
    """Name -> variable, from their first bytes alone. Raises UserError and zlib.error for what is no whole file."""
    found = {}
    with open(path, "rb") as file:
        order, end = _order(file), os.stat(path).st_size
        while (position := file.tell()) < end:
            kind, size = struct.unpack(order + "II", _exactly(file, 8))
            if kind not in (MATRIX, COMPRESSED) or position + 8 + size > end:
                raise UserError("is not a whole .mat file")
            variable, _ = _begin(file, order, position)
            found[variable.name] = variable
            file.seek(position + 8 + size)
    return found


def load(path: Path, variable: Variable) -> np.ndarray:
    """The values of a variable of numbers, [*shape]; of text, its rows. Raises as `variables` does."""
    with open(path, "rb") as file:
        order = _order(file)
        if variable.dtype is None:
            raise UserError(f"{variable.name} holds neither real numbers nor text")
        _, stream = _begin(file, order, variable.position)
        kind, size, small = _tag(stream, order)
        numbers, count = variable.dtype != np.dtype(str), math.prod(variable.shape)
        if kind not in (STORED if numbers else ENCODINGS):
            raise UserError(f"{variable.name} has values of an unknown kind {kind}")
        if size != count * int(STORED[kind][1]) if numbers else size > 4 * count:
            raise UserError(f"{variable.name} has {size} bytes for {count} values")
        content = small[:size] if small else _exactly(stream, size)
        # Beyond the last value lies the checksum, which is looked at only when somebody reads on.
        stream.read(8)
    if numbers:
        values = np.frombuffer(content, order + STORED[kind]).reshape(variable.shape, order="F")
        return values.astype(variable.dtype, copy=False)
    endian = {"<": "-le", ">": "-be"}[order] if ENCODINGS[kind] in ("utf-16", "utf-32") else ""
    letters = np.array(list(content.decode(ENCODINGS[kind] + endian)), dtype=str)
    return np.array(["".join(row) for row in letters.reshape(variable.shape, order="F")], dtype=str)


class _Inflated:
    """Reads on in a compressed element of `size` bytes, no further than it is asked to."""

    def __init__(self, file, size: int):
        self.file, self.left, self.inflate = file, size, zlib.decompressobj()

    def read(self, size: int) -> bytes:
        found = bytearray()
        while len(found) < size and not self.inflate.eof:
            packed = self.inflate.unconsumed_tail
            if not packed:
                packed = self.file.read(min(self.left, 2**16))
                self.left -= len(packed)
            if not packed:
                break
            found += self.inflate.decompress(packed, size - len(found))
        return bytes(found)


def _order(file) -> str:
    mark = file.read(128)[126:]
    if mark not in (b"IM", b"MI"):
        raise UserError("is not a whole .mat file: no header of version 5 or 7.3")
    return "<" if mark == b"IM" else ">"


def _begin(file, order: str, position: int):
    """The variable at a position of the file, and a stream that stands before its values."""
    file.seek(position)
    kind, size = struct.unpack(order + "II", _exactly(file, 8))
    stream = file
    if kind == COMPRESSED:
        stream = _Inflated(file, size)
        _exactly(stream, 8)
    flags, sizes, name = (_small_element(stream, order) for _ in range(3))
    if len(flags) != 8 or len(sizes) < 8 or len(sizes) % 4:
        raise UserError("is not a whole .mat file: a variable without class or sizes")
    word, shape = struct.unpack(order + "I", flags[:4])[0], struct.unpack(f"{order}{len(sizes) // 4}i", sizes)
    dtype = None
    if min(shape) >= 0 and not word & COMPLEX:
        dtype = str if word & 0xFF == TEXT else CLASSES.get(word & 0xFF)
    return Variable(name.decode("latin-1"), shape, dtype and np.dtype(dtype), position), stream


def _tag(stream, order: str) -> tuple[int, int, bytes]:
    """Kind and bytes of an element; up to four bytes of content may stand in the tag itself."""
    tag = _exactly(stream, 8)
    kind, size = struct.unpack(order + "II", tag)
    return (kind & 0xFFFF, min(kind >> 16, 4), tag[4:]) if kind >> 16 else (kind, size, b"")


def _small_element(stream, order: str) -> bytes:
    _, size, small = _tag(stream, order)
    if size > LONGEST:
        raise UserError(f"is not a whole .mat file: {size} bytes for a name")
    return small[:size] if small else _exactly(stream, -(-size // 8) * 8)[:size]


def _exactly(stream, size: int) -> bytes:
    content = stream.read(size)
    if len(content) < size:
        raise UserError("is not a whole .mat file: it ends early")
    return content
