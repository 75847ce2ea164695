"""What a product of an agency is to the rest of the code."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ssif.formats.header import Image


@dataclass(frozen=True)
class Product:
    """A product in the layout of its agency: `open(path, key)` gives an Image from the files `read(path, key)`, and
    `matches(path)` says whether the path is one."""

    name: str
    matches: Callable[[Path], bool]
    open: Callable[[Path, str | None], Image]
    read: Callable[[Path, str | None], list[Path]] = lambda path, key: [path]
