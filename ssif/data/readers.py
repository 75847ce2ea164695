"""The named data sets, each read by a module of this package. To add one, write its module and one line in DATASETS."""

from dataclasses import dataclass
from importlib import import_module

from ssif.errors import choose


@dataclass(frozen=True)
class Named:
    """label: the name in tables and reports; msi: the sensor that simulates the input unless the user names another.

    land_cover: whether the module has `read_land_cover`; rgb: whether `read(rgb="bmp")` gives each scene an RGB image.
    """

    label: str
    msi: str = "ikonos"
    land_cover: bool = False
    rgb: bool = False


# The bands of Sentinel-2 that see the ground, at 10 and 20 m.
SENTINEL_2 = "sentinel-2a:B2,B3,B4,B5,B6,B7,B8,B8A,B11,B12"

DATASETS = {
    "arad_1k": Named("ARAD_1K", "nikon-d700"),
    "cave": Named("CAVE", "nikon-d700", rgb=True),
    "cave_validation": Named("CAVE validation scenes", "nikon-d700", rgb=True),
    "chikusei": Named("Chikusei"),
    "harvard": Named("Harvard", "ikonos:red,green,blue"),
    "hyspecnet_11k": Named("HySpecNet-11k", SENTINEL_2),
    "icvl": Named("ICVL", "nikon-d700"),
    "indian_pines": Named("Indian Pines", land_cover=True),
    "pavia_centre": Named("Pavia Centre", land_cover=True),
    "synthetic": Named("synthetic cubes", "nikon-d700", land_cover=True),
}


def reader(name: str):
    """`read(data_dir)` -> `ssif.data.raw.Dataset` of a named data set. Raises UserError for an unknown one."""
    return import_module(f"ssif.data.{choose('data set', name, DATASETS)}").read


def land_cover_reader(name: str):
    """`read_land_cover(data_dir)` -> `ssif.data.raw.LandCover`. Raises UserError for a data set without land cover."""
    known = [name for name, entry in DATASETS.items() if entry.land_cover]
    return import_module(f"ssif.data.{choose('data set with land cover', name, known)}").read_land_cover
