"""The runs of a preset: their names, files, settings and identities. Plain Python, no torch, no Snakemake.

A run is a network that is trained (or fitted), or a row of a table, which is a chain of networks, most often of one. Its id is
`<dataset>.<method or stage>[.p<scale>][.C<count>][.<key>-<value>...].s<seed>`. The code calls the paper's p and C scale and
count. workflow/plan/targets.py says what each table and figure needs.
"""

import dataclasses
import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import Path

from ssif.errors import choose
from workflow import methods
from workflow.config.names import spelled
from workflow.config.schema import ClassifierTraining, Config, PatchTraining, Training, changed
from workflow.methods import METHODS

ROOT = Path()  # the folder that holds results/; the programs' --root sets it
STATE = "SSIF_STATE"  # environment variable: a folder for unfinished work, for example on a disk that survives its node


def results() -> Path:
    """The folder of all results, relative to the working directory unless --root names another place."""
    return ROOT / "results"


@dataclass(frozen=True)
class Run:
    """One network, or one row. `method` is the key of the network or of the method in workflow/methods.py.

    scale, count: its p and C if it needs a network for each, else None; changes: the (key, value) of `network` and `training`
    in which it differs from its preset, sorted by key.
    """

    preset: str
    dataset: str
    method: str
    seed: int
    scale: int | None = None
    count: int | None = None
    changes: tuple[tuple[str, object], ...] = ()

    def __hash__(self) -> int:
        # A changed value may be a mapping (an encoder's sizes), which has no hash of its own.
        return hash((self.preset, self.id))

    @property
    def id(self) -> str:
        scale = "" if self.scale is None else f".p{self.scale}"
        count = "" if self.count is None else f".C{self.count}"
        changes = "".join(f".{key}-{spelled(value)}" for key, value in self.changes)
        return f"{self.dataset}.{self.method}{scale}{count}{changes}.s{self.seed}"

    @property
    def folder(self) -> Path:
        """Finished files: weights.safetensors, config.json and train.jsonl of a network; metrics.csv and predictions.h5 of
        a row."""
        return results() / "runs" / self.preset / self.dataset / self.id

    @property
    def weights(self) -> Path:
        """The finished weights of a network."""
        return self.folder / "weights.safetensors"

    @property
    def state(self) -> Path:
        """Unfinished work. Snakemake does not know about it and so never deletes it."""
        return Path(os.environ.get(STATE) or results() / "state") / self.preset / self.id


def data_file(dataset: str) -> Path:
    """The prepared data set."""
    return results() / "data" / f"{dataset}.h5"


def land_cover_file(dataset: str) -> Path:
    """The prepared land cover, beside the data set."""
    return results() / "data" / f"{dataset}.land_cover.h5"


def stages(row: Run) -> list[Run]:
    """The networks of a row in their order; the run itself if it is one network."""
    found = []
    for name in METHODS[row.method].stages:
        network = methods.network(name)
        scale, count = row.scale if network.one_scale else None, row.count if network.one_count else None
        found.append(dataclasses.replace(row, method=name, scale=scale, count=count))
    return found or [row]


def networks(config: Config, of: list[Run]) -> list[Run]:
    """The networks behind these rows, each once and after those that it needs."""
    found = {}
    for row in of:
        for stage in stages(row):
            for run in (*warm_start(config, stage), stage):
                found[run.id] = run
    return list(found.values())


def warm_start(config: Config, network: Run) -> list[Run]:
    """The network of p = 2 from which this one starts, if its method has a warm start and p = 2 is among the trained scales."""
    if not methods.network(network.method).warm_start or network.scale == 2:
        return []
    return [dataclasses.replace(network, scale=2)] if 2 in config.datasets[network.dataset].grid_scales else []


def modules(networks: list[Run], recipe: bool = False) -> list[str]:
    """The modules with the code of these networks and, with `recipe`, of their training batches."""
    found = [methods.network(network.method) for network in networks]
    return [network.module for network in found] + [network.recipe for network in found if recipe]


def training_modules(config: Config, network: Run) -> list[str]:
    """The modules whose code decides what a network learns."""
    return ["workflow.train", *modules([network], recipe=True), *modules(warm_start(config, network))]


def find(known: list[Run], run_id: str) -> Run:
    """The run with this id. Raises UserError, listing the known ids, for an unknown one."""
    by_id = {run.id: run for run in known}
    return by_id[choose("run of this preset:", run_id, by_id)]


def settings(config: Config, network: Run) -> tuple[dict, Training | PatchTraining | ClassifierTraining]:
    """The sizes of a network, as keyword arguments, and its budget."""
    data = config.datasets[network.dataset]
    block = methods.network(network.method).block
    if block is None:
        changes = data.exceptions.get(network.method, {}) | dict(network.changes)
        data = changed(data, changes, network.id)
        return dataclasses.asdict(data.network), data.training
    if methods.family(network.method) == "classifier":
        return data.land_use.network, data.land_use.training
    return data.baselines[block].network, data.baselines[block].training


def identity(config: Config, network: Run) -> dict:
    """Everything that decides what a network learns: the contents of its config.json and the fingerprint of its state."""
    data = config.datasets[network.dataset]
    sizes, training = settings(config, network)
    entry = methods.network(network.method)
    sizes, budget = (
        {key: value for key, value in part.items() if entry.uses(key)} for part in (sizes, dataclasses.asdict(training))
    )
    shared = {**dataclasses.asdict(network), **entry.built, "network": sizes, "training": budget}
    shared["precision"] = config.precision
    if methods.family(network.method) == "classifier":
        return shared
    shared |= {"antialias": config.antialias, "msi": data.msi}
    if entry.block is None:
        return shared | {"scales": data.scales.train, "counts": data.counts.train}
    # The LR size is part of the identity because no rule hashes the code that computes it from `crop`.
    start, side = [run.id for run in warm_start(config, network)], training.lr_size(network.scale or 1)
    return shared | {"start": start, "lr_size": side}


def short_hash(*parts) -> str:
    """A short hash of anything that can be written as JSON."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()[:12]
