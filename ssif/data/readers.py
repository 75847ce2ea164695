"""The data sets that have a name, and what reads each; every reader takes a `data_dir` and gives a `ssif.data.raw.Dataset`."""

from ssif.data import cave, cave_validation, indian_pines, pavia_centre, synthetic

READERS = {
    "cave": cave.read,
    "cave_validation": cave_validation.read,
    "indian_pines": indian_pines.read,
    "pavia_centre": pavia_centre.read,
    "synthetic": synthetic.read,
}
