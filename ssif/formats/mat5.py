"""MATLAB's .mat of version 5 (v6, v7): variables of numbers and of text.

This is our own code because SciPy (1.17) ends the process on some broken files: it does not check the kind of stored values.
Layout: "MAT-File Format", MathWorks, level 5.
"""

import math
import os
import struct
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np

from ssif.errors import UserError

MATRIX, COMPRESSED = 14, 15
# Kind of stored values -> their type. The class of a variable may be wider than the type of its stored values.
STORED = {1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4", 7: "f4", 9: "f8", 12: "i8", 13: "u8"}
CLASSES = {6: "f8", 7: "f4", 8: "i1", 9: "u1", 10: "i2", 11: "u2", 12: "i4", 13: "u4", 14: "i8", 15: "u8"}
TEXT, COMPLEX = 4, 0x800
ENCODINGS = {1: "latin-1", 2: "latin-1", 4: "utf-16", 16: "utf-8", 17: "utf-16", 18: "utf-32"}
HEAD = 2**13  # bytes that hold class, sizes and name of a variable


@dataclass(frozen=True)
class Variable:
    """A variable at byte `position` of the file, whose values begin at byte `start` of its decompressed content.

    `shape` has MATLAB's order of axes; `dtype` is that of real numbers, str for text and None for anything else.
    """

    name: str
    shape: tuple[int, ...]
    dtype: np.dtype | None
    position: int
    start: int


def variables(path: Path) -> dict[str, Variable]:
    """Name -> variable, read from their first bytes. Raises UserError, struct.error and zlib.error for a broken file."""
    found = {}
    with open(path, "rb") as file:
        order, end = _order(file), os.stat(path).st_size
        while (position := file.tell()) < end:
            content, after = _content(file, order, HEAD)
            if after > end:
                raise UserError("is not a whole .mat file")
            variable = _variable(content, order, position)
            found[variable.name] = variable
            file.seek(after)
    return found


def load(path: Path, variable: Variable) -> np.ndarray:
    """The values of a variable: numbers [*shape] or the rows of a text. Raises the errors of `variables`."""
    if variable.dtype is None:
        raise UserError(f"{variable.name} holds neither real numbers nor text")
    numbers, count = variable.dtype != np.dtype(str), math.prod(variable.shape)
    with open(path, "rb") as file:
        order = _order(file)
        file.seek(variable.position)
        # A value has at most 8 bytes. Zlib tests its checksum only if it may go on behind the last value.
        content, _ = _content(file, order, variable.start + 8 * count + 16)
    kind, values, _ = _element(content, order, variable.start)
    if kind not in (STORED if numbers else ENCODINGS):
        raise UserError(f"{variable.name} has values of an unknown kind {kind}")
    if len(values) != count * int(STORED[kind][1]) if numbers else len(values) > 4 * count:
        raise UserError(f"{variable.name} has {len(values)} bytes for {count} values")
    if numbers:
        array = np.frombuffer(values, order + STORED[kind]).reshape(variable.shape, order="F")
        return array.astype(variable.dtype, copy=False)
    endian = {"<": "-le", ">": "-be"}[order] if ENCODINGS[kind] in ("utf-16", "utf-32") else ""
    letters = np.array(list(str(values, ENCODINGS[kind] + endian)), dtype=str)
    return np.array(["".join(row) for row in letters.reshape(variable.shape, order="F")], dtype=str)


def _order(file: BinaryIO) -> str:
    """The byte order, from the header of the file."""
    mark = file.read(128)[126:]
    if mark not in (b"IM", b"MI"):
        raise UserError("is not a whole .mat file: no header of version 5 or 7.3")
    return "<" if mark == b"IM" else ">"


def _content(file: BinaryIO, order: str, most: int) -> tuple[memoryview, int]:
    """The first `most` bytes, decompressed, of the variable that begins here, and the position of the next one."""
    kind, size = struct.unpack(order + "II", file.read(8))
    after = file.tell() + size
    if kind not in (MATRIX, COMPRESSED):
        raise UserError("is not a whole .mat file")
    if kind == MATRIX:
        return memoryview(file.read(min(size, most))), after
    # The compressed content begins with the tag of the matrix.
    packed = file.read(min(size, 2 * most))
    return memoryview(zlib.decompressobj().decompress(packed, 8 + most))[8:], after


def _variable(content: memoryview, order: str, position: int) -> Variable:
    _, flags, start = _element(content, order, 0)
    _, sizes, start = _element(content, order, start)
    _, name, start = _element(content, order, start)
    if len(flags) != 8 or len(sizes) < 8 or len(sizes) % 4:
        raise UserError("is not a whole .mat file: a variable without class or sizes")
    (word,), shape = struct.unpack_from(order + "I", flags), struct.unpack(f"{order}{len(sizes) // 4}i", sizes)
    dtype = None
    if min(shape) >= 0 and not word & COMPLEX:
        dtype = str if word & 0xFF == TEXT else CLASSES.get(word & 0xFF)
    return Variable(str(name, "latin-1"), shape, dtype and np.dtype(dtype), position, start)


def _element(content: memoryview, order: str, start: int) -> tuple[int, memoryview, int]:
    """Kind and bytes of the element that begins at `start`, and where the next one begins."""
    kind, size = struct.unpack_from(order + "II", content, start)
    first, after = start + 8, start + 8 + -(-size // 8) * 8
    if kind >> 16:
        # The tag itself holds up to four bytes.
        kind, size, first, after = kind & 0xFFFF, min(kind >> 16, 4), start + 4, start + 8
    if first + size > len(content):
        raise UserError("is not a whole .mat file: it ends early")
    return kind, content[first : first + size], after
