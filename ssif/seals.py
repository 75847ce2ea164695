"""Checksums in the suite's files or beside them, so that a damaged or changed file is detected before it is used.

A sealed file has its SHA-256 in its first bytes and keeps it wherever it is copied. A text file or picture has no room for a
seal, so it is noted: its SHA-256 is in a hidden file beside it, in the format of `sha256sum --check`.
"""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ssif.errors import UserError
from ssif.io import whole_file

NOTES = True  # whether notes are read; False if other programs may replace files without their notes
HEAD = 512  # bytes before the contents of a sealed file; HDF5 reserves them as its user block


@contextmanager
def sealed_file(path: Path) -> Iterator[Path]:
    """As `ssif.io.whole_file`, for a file whose first HEAD bytes are left to the seal."""
    with whole_file(path) as temporary:
        yield temporary
        seal(temporary)


def seal(path: Path) -> None:
    """Write the seal of a file into its first HEAD bytes."""
    with open(path, "r+b") as file:
        file.write(_head(file))


def check_seal(path: Path) -> None:
    """Raise OSError for a file that is missing, damaged or without a seal."""
    with open(path, "rb") as file:
        head = _head(file)
        if file.read(HEAD) != head:
            raise OSError("its checksum does not match")


def _head(file) -> bytes:
    """The seal of an open file, which is then at its start."""
    file.seek(HEAD)
    digest = hashlib.file_digest(file, "sha256").hexdigest()
    file.seek(0)
    return f"sha256 of all that follows byte {HEAD}: {digest}\n".encode().ljust(HEAD, b"\0")


@contextmanager
def noted_file(path: Path) -> Iterator[Path]:
    """As `ssif.io.whole_file`; the SHA-256 is noted beside `path`."""
    path = Path(path)
    with whole_file(path) as temporary:
        yield temporary
        line = _line(temporary, path.name)
        # A process that is killed here leaves a whole file without a note, and never one with the note of another file.
        _note(path).unlink(missing_ok=True)
    with whole_file(_note(path)) as temporary:
        temporary.write_text(line, encoding="utf-8")


def check_note(path: Path) -> None:
    """Raise OSError for a file that is missing, and UserError for a file that changed after its SHA-256 was noted.

    A file without a note passes, as it was copied alone or an earlier version wrote it. All files pass while NOTES is False.
    """
    line, note = _line(path, path.name), _note(path)
    if NOTES and note.exists() and note.read_bytes() != line.encode():
        raise UserError(f"its checksum is not the one in {note.name}")


def _note(path: Path) -> Path:
    return path.with_name(f".{path.name}.sha256")


def _line(path: Path, name: str) -> str:
    with open(path, "rb") as file:
        return f"{hashlib.file_digest(file, 'sha256').hexdigest()}  {name}\n"
