"""What an HDF5 file holds itself: links and values that lead to other files are not followed."""

from collections.abc import Iterator

import h5py

from ssif.errors import UserError


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
