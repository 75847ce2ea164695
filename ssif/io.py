"""Files that are either whole or absent, locks, and the room on the disk."""

import glob
import os
import platform
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from ssif.errors import UserError

try:
    import fcntl
except ImportError:  # Windows has none
    fcntl = None


@contextmanager
def whole_files(path: str | os.PathLike) -> Iterator[Path]:
    """Yield a temporary folder beside `path`; on success flush its files to the disk and move them beside `path`.

    The file `path` itself moves after the files that belong to it, but before a header (.hdr), which makes it readable. If the
    block raises, the folder goes and older files stay as they were. Raises UserError if no file can be made there.
    """
    path = Path(path)
    folder = path.with_name(f".{path.name}.{this_machine()}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # A killed process may have had the same number, as often happens in containers.
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
    except OSError as error:
        # Libraries report a folder that cannot be written in their own words or not at all.
        raise UserError(f"{path} cannot be written: {error.strerror}") from None
    try:
        yield folder
        for file in sorted(folder.iterdir(), key=lambda file: (file.suffix == ".hdr", file.name == path.name)):
            with open(file, "rb") as stream:
                os.fsync(stream.fileno())
            os.replace(file, path.with_name(file.name))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def whole_file(path: str | os.PathLike) -> Iterator[Path]:
    """As `whole_files`, for a single file: yield the temporary path to write."""
    with whole_files(path) as folder:
        yield folder / Path(path).name


def remove_leftovers(path: str | os.PathLike) -> None:
    """Delete what killed processes left of `whole_files(path)`. The caller knows that no other process is writing `path`."""
    path = Path(path)
    for left in path.parent.glob(f".{glob.escape(path.name)}.*.part"):
        _remove(left)


def remove_strays(folder: str | os.PathLike) -> None:
    """Delete what `whole_files` left below `folder` in processes of this machine that are no longer alive."""
    for left in sorted(Path(folder).rglob(".*.part")):
        named = re.fullmatch(rf"\..+\.{re.escape(this_machine())}\.(\d+)\.part", left.name)
        if named and not _alive(int(named[1])):
            _remove(left)


def this_machine() -> str:
    """The name of this machine among those that share a disk."""
    return platform.node() or "localhost"


def _alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        # The process belongs to another user.
        return True
    return True


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        # A file in a folder that cannot be written stays.
        with suppress(OSError):
            path.unlink()


def locked(file: IO) -> bool:
    """Lock an open file until it is closed. Return False if another process has locked it."""
    # Some network file systems have no locks.
    with suppress(OSError):
        try:
            if fcntl is not None:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
    return True


def check_room(path: str | os.PathLike, nbytes: int, behind: int = 0) -> None:
    """Raise OSError (ENOSPC, EDQUOT, EFBIG) if the disk of `path` has no room for `nbytes` behind `behind` bytes of a file.

    Some libraries crash, or hide the reason, when the disk fills up while they write.
    """
    if hasattr(os, "posix_fallocate"):  # macOS has none
        with tempfile.TemporaryFile(dir=Path(path).parent) as file:
            os.posix_fallocate(file.fileno(), behind, nbytes)
