"""Where the files of a data set are: in the user's folder, in the download cache, or on one of the owner's mirrors."""

import os
import sys
import tempfile
import zipfile
import zlib
from pathlib import Path

from ssif.data import raw
from ssif.errors import UserError, flat
from ssif.progress import Progress


def named_folder(data_dir: Path | str | None = None) -> Path | None:
    """The folder that the user names for data sets: `data_dir`, else the environment's SSIF_DATA, else None.

    Raises UserError if it does not exist.
    """
    named = data_dir or os.environ.get("SSIF_DATA")
    if not named:
        return None
    folder = Path(os.path.expanduser(named))
    # The folder is not created: a misspelt name would lead to a download of hundreds of megabytes to the wrong place.
    if not folder.is_dir():
        raise UserError(f"the data folder {folder} does not exist; create it or correct SSIF_DATA or --data-dir")
    return folder


def data_folder(data_dir: Path | str | None = None) -> Path:
    """The folder that holds the data sets: `named_folder`, else the download cache. Raises UserError as `named_folder`."""
    if named := named_folder(data_dir):
        return named
    import pooch  # here and below, because it takes a while and a named folder does without it

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
    """Path of `filename` in the data folder; a missing file is downloaded from the first mirror that has it.

    size: the approximate number of bytes; what: a description of the file; sha256: checked if it is known. If the file is
    a zip archive, the path is the folder of the same name, which the first call unpacks. A file or folder has its final
    name only if it is complete. Raises UserError for a wrong hash, for a broken archive, and if no mirror has the file: the
    message says which file to put where.
    """
    folder = data_folder(data_dir)
    target = folder / filename.removesuffix(".zip")
    if target.is_dir():
        return target
    if (folder / filename).is_file():
        if sha256 is not None and raw.sha256(folder / filename) != sha256:
            raise UserError(f"{folder / filename}: the hash does not match sha256 {sha256}; replace the file")
        return _settle(folder / filename, target)

    import pooch
    import requests.exceptions

    pooch.get_logger().setLevel("WARNING")  # its notes on unknown hashes are meant for programmers
    failures = []
    for url in mirrors:
        progress = _Download(filename, 0, "bytes") if sys.stderr.isatty() else False
        downloader = pooch.HTTPDownloader(progressbar=progress, chunk_size=2**18)
        try:
            with tempfile.TemporaryDirectory(dir=folder, prefix=".download-") as scratch:
                found = Path(pooch.retrieve(url, sha256, fname=filename, path=scratch, downloader=downloader))
                # Without a hash, the size reveals an error page that arrives with status 200.
                if found.stat().st_size < size / 2:
                    raise UserError(f"only {found.stat().st_size} bytes")
                return _settle(found, target)
        except (requests.exceptions.RequestException, PermissionError, ValueError) as error:
            failures.append(f"{url} ({_reason(error)})")
    about = f"{size / 2**20:.0f} MiB" if size >= 2**20 else f"{size / 2**10:.0f} KiB"
    about += f", sha256 {sha256}" if sha256 is not None else ""
    raise UserError(
        f"put {filename} ({what}; about {about}) into {folder}, or name its folder with SSIF_DATA or --data-dir;"
        f" tried {', '.join(failures)}"
    )


def _settle(file: Path, target: Path) -> Path:
    """Bring `file` to `target` in one step: move a plain file, unpack a zip archive."""
    if file.suffix != ".zip":
        return file.replace(target)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".unpack-") as scratch:
        try:
            with zipfile.ZipFile(file) as archive:
                archive.extractall(Path(scratch, target.name))
        except (zipfile.BadZipFile, zlib.error, EOFError) as error:
            raise UserError(f"{file} is not a whole zip archive") from error
        except RuntimeError as error:
            # The archive is encrypted, or Python does not know its compression.
            raise UserError(f"{file} cannot be unpacked ({flat(str(error))}); unpack it to {target} yourself") from None
        try:
            return Path(scratch, target.name).rename(target)
        except OSError:
            # If two programs unpack at once, the second uses the folder of the first.
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


class _Download(Progress):
    """`Progress` in bytes, with the attribute `total` and the calls that pooch expects."""

    received = 0

    def update(self, count: int) -> None:
        # At the end pooch counts the whole file once more.
        if self.received < self.total:
            self.received = min(self.received + count, self.total)
            super().update(self.received)

    def reset(self) -> None:
        pass

    def close(self) -> None:
        pass
