"""The quick preset as a mapping, and with one value changed, for tests."""

import copy
from pathlib import Path

import yaml

QUICK = yaml.safe_load(Path("config/config.yaml").read_text())
BLOCK = {"dataset": "indian_pines", "scales": [2], "methods": ["ssif-m"], "change": "dim", "values": [5]}


def changed(path: str, value) -> dict:
    """The quick preset with this value at a path such as datasets.indian_pines.msi."""
    mapping = copy.deepcopy(QUICK)
    place = mapping
    *parents, last = path.split(".")
    for key in parents:
        place = place[key]
    place[last] = value
    return mapping
