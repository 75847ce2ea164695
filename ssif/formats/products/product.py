"""The interface of a product."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ssif.formats.header import Image


@dataclass(frozen=True)
class Product:
    """A product in the layout of its agency. `matches(path)` says whether a path is such a product, and `open(path, key)`
    returns an Image, which comes from the files `read(path, key)`."""

    name: str
    matches: Callable[[Path], bool]
    open: Callable[[Path, str | None], Image]
    read: Callable[[Path, str | None], list[Path]] = lambda path, key: [path]
