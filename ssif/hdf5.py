"""HDF5 files that somebody else wrote: broken ones do not hang, and links and values in other files are not followed."""

import io
import struct
from collections.abc import Iterator
from pathlib import Path

import h5py

from ssif.errors import UserError


class Checked(io.BufferedReader):
    """A file for `h5py.File`. It raises OSError when HDF5 reads a broken heap, where texts of variable length lie.

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
                    raise OSError("a heap of texts is broken")
                place += step
        return count


def opened(path: Path) -> h5py.File:
    """Open a file for reading. Raises OSError, here or later, where it is broken."""
    return h5py.File(Checked(path), "r")


def walk(file: h5py.File) -> Iterator[tuple[h5py.Group, str]]:
    """Every group of a file and each name in it, an object of several names once.

    Group by group, because HDF5's own visit, and asking it about an object, never comes back from some broken files.
    """
    seen, pending = set(), [file]
    for group in pending:
        # A name that is no text comes as bytes; nobody could ask for it.
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
    """What the file itself has under this name; None where it has nothing, or a link that may lead to another file."""
    links, entry = group.id.links, name.encode()
    return group[name] if links.exists(entry) and links.get_info(entry).type == h5py.h5l.TYPE_HARD else None


def check_own(dataset: h5py.Dataset) -> None:
    """Raise UserError for values that lie in other files, which a file of somebody else may point at anywhere."""
    if dataset.external or (
        dataset.is_virtual and any(source.file_name != "." for source in dataset.virtual_sources())
    ):
        raise UserError(f"the values of {dataset.name} lie in other files, which are not read")
