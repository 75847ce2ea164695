"""Errors of libraries that read torn or mislabelled files, in one line."""

import struct
import tokenize
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from scipy.io.matlab import MatReadError

from ssif.errors import UserError, flat

# Seen in h5py, SciPy, NumPy and rasterio on files with broken bytes (tests/fuzz.py).
FAILURES = (
    OSError, RuntimeError, ValueError, TypeError, LookupError, ArithmeticError, MemoryError, EOFError, SyntaxError,
    struct.error, tokenize.TokenError, zipfile.BadZipFile, zlib.error, MatReadError,
)  # fmt: skip


@contextmanager
def one_line(path: Path) -> Iterator[None]:
    """Turn the errors of a reader in the block into a UserError of one line that begins with `path`."""
    try:
        yield
    except UserError as error:
        # Most messages of GDAL begin with the path.
        raise UserError(f"{path}: {flat(str(error).removeprefix(f'{path}: '))}") from None
    except PermissionError:
        raise UserError(f"{path} cannot be read: permission denied") from None
    except FAILURES as error:
        reason = flat(str(error)) or type(error).__name__
        raise UserError(f"{path}: is not a whole {path.suffix} file ({reason})") from error
