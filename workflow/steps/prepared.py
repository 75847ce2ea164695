"""Load prepared data sets and land cover; if a file is missing or damaged, the error names the command that prepares it."""

from ssif.data import land_cover
from ssif.data.raw import LandCover
from ssif.data.store import Store
from workflow.plan import runs


def data(dataset: str) -> Store:
    """A data set of the preset. Raises UserError if it is missing or damaged."""
    return Store(runs.data_file(dataset), f"python -m workflow.prepare --dataset {dataset}")


def cover(store: Store) -> LandCover:
    """The land cover of a data set. Raises UserError if it is missing, damaged or of other scenes."""
    return land_cover.load(store, f"python -m workflow.prepare --dataset {store.path.stem} --land-cover")
