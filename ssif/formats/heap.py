"""Texts of variable length in an HDF5 file: `python heap.py FILE [OWNER ATTRIBUTE]...` prints them as JSON.

A script, run as a process of its own: such texts lie in a heap, and where that is broken HDF5 (1.14.2 to 2.0.0) never
comes back, which no exception and no signal handler of Python ends. ATTRIBUTE "" means the dataset OWNER itself.
"""

import json
import sys

import h5py
import numpy as np


def texts(path: str, *places: str) -> list[str | list[str]]:
    """The value of each (owner, attribute) of `places`, a text or a list of them."""
    with h5py.File(path, "r") as file:
        values = [
            file[owner].attrs[name] if name else file[owner][()] for owner, name in zip(places[::2], places[1::2])
        ]
    return [list(map(_text, np.ravel(value))) if np.ndim(value) else _text(value) for value in values]


def _text(value) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


if __name__ == "__main__":
    json.dump(texts(*sys.argv[1:]), sys.stdout)
