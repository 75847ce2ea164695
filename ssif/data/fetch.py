"""Where a data set's files lie: in the user's folder, in the download cache, or on one of the owner's mirrors."""

import os
import sys
import tempfile
import zipfile
import zlib
from pathlib import Path

from ssif.data import raw
from ssif.errors import UserError, flat


def named_folder(data_dir: Path | str | None = None) -> Path | None:
    """The folder that the user names for data sets: `data_dir`, else the environment's SSIF_DATA, else None.

    Raises UserError where it does not exist.
    """
    named = data_dir or os.environ.get("SSIF_DATA")
    if not named:
        return None
    folder = Path(os.path.expanduser(named))
    # Not created here: a mistyped name would end in a download of hundreds of megabytes to the wrong place.
    if not folder.is_dir():
        raise UserError(f"the data folder {folder} does not exist; create it or mend SSIF_DATA or --data-dir")
    return folder


def data_folder(data_dir: Path | str | None = None) -> Path:
    """The folder that holds the data sets: the one that the user names (`named_folder`), else the download cache.

    Raises UserError where the named folder does not exist, or where none is named and pooch is not installed.
    """
    if named := named_folder(data_dir):
        return named
    try:
        import pooch  # here, because the training programs run on machines without it
    except ModuleNotFoundError as error:
        raise UserError("no data folder named: set SSIF_DATA or --data-dir (or install pooch to download)") from error
    folder = Path(pooch.os_cache("ssif"))
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def locate(
    filename: str,
    mirrors: list[str],
    size: int,
    what: str,
    sha256: str | None = None,
    data_dir: Path | str | None = None,
) -> Path:
    """Path of `filename` in the data folder, downloaded there from the first mirror that has it if it is absent.

    `size` is about its bytes, `what` says what it is, `sha256` is checked when known. A zip archive stands for the folder
    of its name: that folder is returned, unpacked on first use. A file or folder appears under its name only when whole.
    Raises UserError for a wrong hash, a broken archive, and when no mirror helps: the line says what to put where.
    """
    folder = data_folder(data_dir)
    target = folder / filename.removesuffix(".zip")
    if target.is_dir():
        return target
    if (folder / filename).is_file():
        if sha256 is not None and raw.sha256(folder / filename) != sha256:
            raise UserError(f"{folder / filename}: the hash does not match, want sha256 {sha256}; replace the file")
        return _settle(folder / filename, target)

    about = f"{size / 2**20:.0f} MiB" if size >= 2**20 else f"{size / 2**10:.0f} KiB"
    about += f", sha256 {sha256}" if sha256 is not None else ""
    advice = f"put {filename} ({what}; about {about}) into {folder}, or name its folder with SSIF_DATA or --data-dir"
    try:
        import pooch
        import requests.exceptions
    except ModuleNotFoundError as error:
        raise UserError(f"{advice}; {error.name}, which would download it, is not installed") from error
    pooch.get_logger().setLevel("WARNING")  # its notes on unknown hashes are for programmers
    failures = []
    for url in mirrors:
        progress = _Progress(filename) if sys.stderr.isatty() else False
        downloader = pooch.HTTPDownloader(progressbar=progress, chunk_size=2**18)
        try:
            with tempfile.TemporaryDirectory(dir=folder, prefix=".download-") as scratch:
                got = Path(pooch.retrieve(url, sha256, fname=filename, path=scratch, downloader=downloader))
                # Without a hash, an error page that arrives with status 200 is told by its size.
                if got.stat().st_size < size / 2:
                    raise UserError(f"only {got.stat().st_size} bytes")
                return _settle(got, target)
        except (requests.exceptions.RequestException, PermissionError, ValueError) as error:
            failures.append(f"{url} ({_reason(error)})")
    raise UserError(f"{advice}; tried {', '.join(failures)}")


def _settle(file: Path, target: Path) -> Path:
    """Bring `file` to `target` in one step: moved if it is a plain file, unpacked if it is a zip archive."""
    if file.suffix != ".zip":
        return file.replace(target)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".unpack-") as scratch:
        try:
            with zipfile.ZipFile(file) as archive:
                archive.extractall(Path(scratch, target.name))
        except (zipfile.BadZipFile, zlib.error, EOFError) as error:
            raise UserError(f"{file}: not a whole zip archive") from error
        except RuntimeError as error:
            # Encrypted, or packed in a way that Python does not know.
            raise UserError(f"{file} cannot be unpacked ({flat(str(error))}); unpack it to {target} yourself") from None
        try:
            return Path(scratch, target.name).rename(target)
        except OSError:
            # Two programs may unpack at once; the one that comes second uses the first one's folder.
            if not target.is_dir():
                raise
    return target


def _reason(error: Exception) -> str:
    """Why a mirror did not help, in a few words."""
    if isinstance(error, UserError):
        return str(error).rpartition(": ")[2]
    if getattr(error, "response", None) is not None:
        return f"HTTP {error.response.status_code}"
    if "does not match the known hash" in str(error):
        return "the hash does not match"
    return type(error).__name__


class _Progress:
    """One line on the terminal, with the attribute and the calls that pooch expects of a progress bar."""

    total = 0

    def __init__(self, name: str):
        self.name = name
        self.reset()

    def reset(self):
        self.done = 0

    def update(self, count: int):
        self.done += count
        line = f"\r{self.name}: {self.done / 2**20:.0f} of {self.total / 2**20:.0f} MiB"
        print(line, end="", file=sys.stderr, flush=True)

    def close(self):
        print(file=sys.stderr)
