"""The finished part of a preset, in which all networks are trained, as a preset of its own. Plain Python, no torch.

It keeps the name of the whole preset, so its runs are the same files.
"""

from itertools import combinations

from workflow.config import presets
from workflow.config.schema import Config
from workflow.plan import runs
from workflow.plan.runs import Run
from workflow.plan.targets import networks, targets


def finished(mapping: dict) -> dict | None:
    """The part of a preset that can be drawn now: the methods whose rows are complete, and the tables, figures and ablations of
    which every row is complete.

    Tables 1 and 2 must show the same methods. Either both or one of them is kept, whichever choice shows the most rows. Returns
    None if no method is complete.
    """
    mapping = presets.whole(mapping)
    config = presets.parse(mapping)
    whole = {name: _methods(config, name) for name, table in config.tables.items() if not table.methods}
    shared = [
        (names, [method for method in config.methods if all(method in whole[name] for name in names)])
        for size in range(1, len(whole) + 1)
        for names in combinations(whole, size)
    ]
    tables, methods = max(shared, key=lambda its: len(its[0]) * len(its[1]), default=((), list(config.methods)))
    if not methods:
        return None
    left_out = whole.keys() - set(tables)
    part = mapping | {"methods": methods, "tables": _without(mapping["tables"], left_out)}
    config = presets.parse(part)
    left_out = {name for name, target in targets(config).items() if not trained(networks(config, [target]))}
    blocks = {key: _without(part[key], left_out) for key in ("tables", "figures", "ablations") if key in part}
    return part | blocks if any(blocks.values()) else None


def trained(networks: list[Run]) -> bool:
    """Whether all of these networks have their weights."""
    return all(network.weights.exists() for network in networks)


def _methods(config: Config, table: str) -> set[str]:
    """The methods whose rows in a table are all trained."""
    rows = {method: [] for method in config.methods}
    for row in targets(config)[table].rows:
        rows[row.method].append(row)
    return {method for method, its in rows.items() if trained(runs.networks(config, its))}


def _without(block: dict, names: set[str]) -> dict:
    return {name: entry for name, entry in block.items() if name not in names}
