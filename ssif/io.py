"""Files that are whole or not there."""

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
def whole_file(path: str | os.PathLike) -> Iterator[Path]:
    """Yield a temporary path beside `path`; on success flush it to the disk and move it there in one step.

    If the block raises, the temporary file goes and an older `path` stays as it was. Raises UserError where no file can be
    made there.
    """
    path = Path(path)
    temporary = _beside(path)
    _check_place(temporary, path)
    try:
        yield temporary
        with open(temporary, "rb") as stream:
            os.fsync(stream.fileno())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def whole_files(path: str | os.PathLike) -> Iterator[Path]:
    """As `whole_file`, for a file that others belong to: yield a temporary folder beside `path`, whose files then move
    beside it, `path` itself last but for a header (.hdr) that makes it readable."""
    path = Path(path)
    folder = _beside(path)
    _check_place(folder, path)
    folder.mkdir()
    try:
        yield folder
        for file in sorted(folder.iterdir(), key=lambda file: (file.suffix == ".hdr", file.name == path.name)):
            with open(file, "rb") as stream:
                os.fsync(stream.fileno())
            os.replace(file, path.with_name(file.name))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def remove_leftovers(path: str | os.PathLike) -> None:
    """Delete what killed processes left of `whole_file` and `whole_files` of `path`; only for who knows that none is alive."""
    path = Path(path)
    for left in path.parent.glob(f".{glob.escape(path.name)}.*.part"):
        _remove(left)


def remove_strays(folder: str | os.PathLike) -> None:
    """Delete below `folder` what processes of this machine that are no longer alive left of `whole_file` and `whole_files`."""
    for left in sorted(Path(folder).rglob(".*.part")):
        named = re.fullmatch(rf"\..+\.{re.escape(this_machine())}\.(\d+)\.part", left.name)
        if named and not _alive(int(named[1])):
            _remove(left)


def this_machine() -> str:
    """The name by which other machines on the same disk know this one."""
    return platform.node() or "localhost"


def _alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        # Somebody else's.
        return True
    return True


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        # In a folder that cannot be written it stays.
        with suppress(OSError):
            path.unlink()


def _beside(path: Path) -> Path:
    """The temporary name of a file that this process writes."""
    return path.with_name(f".{path.name}.{this_machine()}.{os.getpid()}.part")


def _check_place(temporary: Path, path: Path) -> None:
    """Raise UserError where `temporary` cannot be made, which libraries report in their own words or not at all."""
    try:
        temporary.parent.mkdir(parents=True, exist_ok=True)
        temporary.touch()
        temporary.unlink()
    except OSError as error:
        raise UserError(f"{path} cannot be written: {error.strerror}") from None


def locked(file: IO) -> bool:
    """Lock an open file until it is closed; False where another process has it locked."""
    # Some network file systems have no locks.
    with suppress(OSError):
        try:
            if fcntl is not None:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
    return True


def check_room(path: str | os.PathLike, nbytes: int, behind: int = 0) -> None:
    """Raise OSError (ENOSPC, EDQUOT, EFBIG) where a file of `nbytes` cannot be written in place of `path`, or, to one that
    has `behind` bytes, as many more.

    For libraries that crash, or hide the reason, when the disk is full halfway.
    """
    if hasattr(os, "posix_fallocate"):  # macOS has none
        with tempfile.TemporaryFile(dir=Path(path).parent) as file:
            os.posix_fallocate(file.fileno(), behind, nbytes)
