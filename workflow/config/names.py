"""Names that a preset gives, and their places in the names of runs. They become parts of paths and of commands."""

import re

from ssif.errors import UserError

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,39}")
LONGEST = 150  # letters of a run's id; together with the preset's name it must fit into a file name (255 bytes)


def check_name(where: str, name) -> None:
    """Raise a UserError for a name that is not safe in a path, in a shell and in the patterns of Snakemake."""
    if not isinstance(name, str) or not NAME.fullmatch(name):
        raise UserError(
            f"{where} must be a name of at most 40 letters (a to z, A to Z), digits, _ and -, without _ or - at its start, got {name!r}"
        )


def check_different(where: str, names) -> None:
    """Raise a UserError if two names differ only in upper and lower case, which some disks do not distinguish."""
    seen = {}
    for name in names:
        other = seen.setdefault(name.lower(), name)
        if other != name:
            raise UserError(f"{where}: the names {other} and {name} differ only in small and capital letters")


def spelled(value, where: str = "a value") -> str:
    """A value of a preset as part of a name: 16, D, or the values of a list or mapping in turn, edsr-4-32.

    Raises UserError for a value that cannot be spelled: a text that is not a valid name, or nothing.
    """
    if isinstance(value, dict):
        # The order of the keys in the file does not matter: the name comes first, then the other values sorted by key.
        value = [value[key] for key in sorted(value, key=lambda key: (key != "name", str(key)))]
    if isinstance(value, (list, tuple)) and value:
        return "-".join(spelled(item, where) for item in value)
    if isinstance(value, (int, float)):
        return f"{value}"
    check_name(where, value)
    return value
