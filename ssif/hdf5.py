"""Read HDF5 files from any source: broken files do not hang, and links to other files are not followed."""

import io
import struct
from collections.abc import Iterator
from pathlib import Path

import h5py

from ssif.errors import UserError


class Checked(io.BufferedReader):
    """A file for `h5py.File`. It raises OSError when HDF5 reads a broken global heap, which holds texts of variable length.

    HDF5 (1.14.2 to 2.0.0) loops forever over a heap with an object of no size, and Python cannot interrupt it.
    """

    def __init__(self, path: Path):
        super().__init__(io.FileIO(path))

    def readinto(self, buffer) -> int:
        count = super().readinto(buffer)
        if bytes(buffer[:5]) == b"GCOL\x01":
            (end,), place = struct.unpack_from("<Q", buffer, 8), 16
            while place + 16 <= min(count, end):
                index, size = struct.unpack_from("<H6xQ", buffer, place)
                # The size of free space (index 0) includes these 16 bytes; that of a text does not and is rounded up.
                step = 16 + -(-size // 8) * 8 if index else size
                if not 16 <= step <= end - place:
                    raise OSError("a global heap is broken")
                place += step
        return count


def opened(path: Path) -> h5py.File:
    """Open a file for reading. Raises OSError, here or later, where it is broken."""
    return h5py.File(Checked(path), "r")


def walk(file: h5py.File) -> Iterator[tuple[h5py.Group, str]]:
    """Yield each name in every group of a file, with its group; an object with several names comes once.

    The walk goes group by group because HDF5's own visit, and its information on an object, loop forever in some broken files.
    """
    seen, pending = set(), [file]
    for group in pending:
        # h5py gives a name that is not text as bytes, and no user could type it.
        for name in (entry for entry in group if isinstance(entry, str)):
            link = group.id.links.get_info(name.encode())
            if link.type == h5py.h5l.TYPE_HARD:
                if link.u in seen:
                    continue
                seen.add(link.u)
                if isinstance(item := group[name], h5py.Group):
                    pending.append(item)
            yield group, name


def own(group: h5py.Group, name: str) -> h5py.Group | h5py.Dataset | None:
    """The group or dataset of this name in the file itself; None for none and for a link, which may lead elsewhere."""
    links, entry = group.id.links, name.encode()
    return group[name] if links.exists(entry) and links.get_info(entry).type == h5py.h5l.TYPE_HARD else None


def check_own(dataset: h5py.Dataset) -> None:
    """Raise UserError for values in other files: a downloaded file could point at any file of the user."""
    if dataset.external or (
        dataset.is_virtual and any(source.file_name != "." for source in dataset.virtual_sources())
    ):
        raise UserError(f"the values of {dataset.name} lie in other files, which are not read")
