"""Prepared data sets and land cover, with the command that prepares them where they are missing or damaged."""

from ssif.data import land_cover
from ssif.data.raw import LandCover
from ssif.data.store import Store
from workflow.plan import runs


def data(dataset: str) -> Store:
    """A data set of the preset. Raises UserError where it is missing or damaged."""
    return Store(runs.data_file(dataset), f"python -m workflow.prepare --dataset {dataset}")


def cover(store: Store) -> LandCover:
    """The land cover of a data set. Raises UserError where it is missing, damaged or of other scenes."""
    return land_cover.load(store, f"python -m workflow.prepare --dataset {store.path.stem} --land-cover")
