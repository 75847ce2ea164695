"""The data sets that have a name; each has a module of this package that reads it."""

from importlib import import_module

from ssif.errors import choose

DATASETS = ("cave", "cave_validation", "indian_pines", "pavia_centre", "synthetic")
WITH_LAND_COVER = ("indian_pines", "pavia_centre", "synthetic")


def reader(name: str):
    """`read(data_dir)` -> `ssif.data.raw.Dataset` of a named data set. Raises UserError for an unknown one."""
    return import_module(f"ssif.data.{choose('data set', name, DATASETS)}").read


def land_cover_reader(name: str):
    """`read_land_cover(data_dir)` -> `ssif.data.raw.LandCover`. Raises UserError for a data set without land cover."""
    return import_module(f"ssif.data.{choose('data set with land cover', name, WITH_LAND_COVER)}").read_land_cover
