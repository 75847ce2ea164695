"""The finished part of a long computation: a file with blocks of numbers, which survives a killed process."""

import json
import os
from pathlib import Path

import numpy as np

from ssif.checkpoint import differing_keys
from ssif.errors import UserError
from ssif.io import locked


class Blocks:
    """A file of float32 arrays of known shapes, filled one after the other; `done` is the number of finished arrays.

    An existing file is continued after the last complete block. identity: describes the computation. Raises UserError if the
    file is of another computation (with the keys that differ), if the first line is broken, and if another process fills it.
    """

    def __init__(self, path: Path, identity: dict, shapes: list[tuple[int, ...]]):
        self.path, self.shapes = path, shapes
        head = json.dumps(identity, sort_keys=True).encode() + b"\n"
        sizes = np.array([int(np.prod(shape)) * 4 for shape in shapes], dtype=np.int64)
        self.starts = len(head) + np.concatenate([[0], np.cumsum(sizes)])
        try:
            # The mode for appending creates a missing file and leaves an existing one unchanged.
            path.open("ab").close()
            self.file = path.open("r+b")
        except (IsADirectoryError, PermissionError) as error:
            raise UserError(f"the file {path} for unfinished work cannot be written: {error.strerror}") from None
        try:
            if not locked(self.file):
                raise UserError(f"{path}: another process is working on it")
            if path.stat().st_size:
                self._check(identity)
            else:
                self.file.write(head)
            self.file.flush()
            self.done = int(np.searchsorted(self.starts, path.stat().st_size, side="right")) - 1
            # A killed process may have written a part of the next block.
            self.file.truncate(int(self.starts[self.done]))
        except BaseException:
            self.file.close()
            raise

    def _check(self, identity: dict) -> None:
        try:
            found = json.loads(self.file.readline())
            differing = differing_keys(found, json.loads(json.dumps(identity)))
        except (OSError, ValueError, AttributeError):
            raise UserError(f"{self.path} is not a file of this program; delete it to start afresh") from None
        if differing:
            raise UserError(
                f"{self.path} belongs to another prediction ({', '.join(differing)}); delete it to start afresh"
            )

    def append(self, block: np.ndarray) -> None:
        """Write the next block to the disk."""
        self.file.seek(int(self.starts[self.done]))
        self.file.write(np.ascontiguousarray(block, dtype="<f4"))
        self.file.flush()
        os.fsync(self.file.fileno())
        self.done += 1

    def rows(self, index: int, rows: slice) -> np.ndarray:
        """Rows (along the first axis) of a finished block."""
        shape = self.shapes[index]
        each = int(np.prod(shape[1:]))
        self.file.seek(int(self.starts[index]) + 4 * each * rows.start)
        values = np.frombuffer(self.file.read(4 * each * (rows.stop - rows.start)), dtype="<f4")
        return values.reshape(rows.stop - rows.start, *shape[1:])

    def close(self) -> None:
        self.file.close()

    def remove(self) -> None:
        """Delete the file."""
        self.close()
        self.path.unlink(missing_ok=True)
