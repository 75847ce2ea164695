"""From a configuration to what is to be done: runs, their files and fingerprints. Plain Python, no torch, no Snakemake.

A run is one trained network (or one fit): `<dataset>.<method>[.C<count>].s<seed>`. The paper's p and C are called
scale and count here.
"""

import dataclasses
import hashlib
import json
import types
import typing
from dataclasses import dataclass
from pathlib import Path

import yaml

from ssif.errors import UserError, choose
from workflow.models import MODELS

RESULTS = Path("results")
DATASETS = ("cave", "indian_pines", "pavia_centre", "synthetic")
TABLES = ("table1",)


@dataclass(frozen=True)
class Grid:
    """`train`: the smallest and largest value drawn in training; `test`: the values evaluated, in any range."""

    train: tuple[float, float]
    test: tuple[float, ...]


@dataclass(frozen=True)
class Network:
    """Sizes shared by the neural fields of a data set: keyword arguments of `ssif.nets.ssif.SSIF`."""

    encoder: dict
    pixel_decoder: str
    hidden: int
    dim: int
    spectral_decoder: str
    spectral_hidden: int
    frequencies: int
    lambda_max: float
    k: int


@dataclass(frozen=True)
class Training:
    """Budget of a neural field: Adam steps, batch, LR sides taken in turn, rate and where in the budget it halves."""

    steps: int
    batch: int
    lr_sizes: tuple[int, ...]
    rate: float
    halve_at: tuple[float, ...]


@dataclass(frozen=True)
class Data:
    """One data set of a preset: the sensor of its input, the grids of p and C, the networks and their training."""

    msi: str
    scales: Grid
    counts: Grid
    network: Network
    training: Training

    @property
    def full_count(self) -> int:
        """C_max: the count of the tables, the largest one in the training range."""
        return int(self.counts.train[1])


@dataclass(frozen=True)
class Config:
    """A preset, as in config/*.yaml (config/README.md says what each key means)."""

    preset: str
    device: str
    threads: int
    seeds: tuple[int, ...]
    antialias: bool
    methods: tuple[str, ...]
    tables: dict
    datasets: dict


@dataclass(frozen=True)
class Run:
    """One network: `count` is its C where a method needs a model for each C, otherwise None."""

    preset: str
    dataset: str
    method: str
    seed: int
    count: int | None = None

    @property
    def id(self) -> str:
        count = "" if self.count is None else f".C{self.count}"
        return f"{self.dataset}.{self.method}{count}.s{self.seed}"

    @property
    def folder(self) -> Path:
        """Finished files: weights.safetensors, config.json, train.jsonl, metrics.csv."""
        return RESULTS / "runs" / self.preset / self.dataset / self.id

    @property
    def state(self) -> Path:
        """Unfinished work; Snakemake does not know of it and so never deletes it."""
        return RESULTS / "state" / self.preset / self.id


def data_file(dataset: str) -> Path:
    """The prepared data set."""
    return RESULTS / "data" / f"{dataset}.h5"


def load(path: str | Path) -> Config:
    """Read and check a YAML (or JSON) configuration. Raises UserError with one line for whatever is wrong with it."""
    try:
        with open(path) as stream:
            return parse(yaml.safe_load(stream))
    except OSError as error:
        raise UserError(f"cannot read the configuration {path}: {error.strerror}") from None
    except yaml.YAMLError as error:
        raise UserError(f"{path} is not YAML: {' '.join(str(error).split())}") from None


def parse(mapping: dict) -> Config:
    """A checked Config from a nested mapping; keys, names and ranges that make no sense raise UserError."""
    config = _strict(Config, mapping, "the configuration")
    choose("device", config.device, ["auto", "cpu", "cuda"])
    for method in config.methods:
        choose("model", method, MODELS)
    datasets = {
        choose("data set", name, DATASETS): _strict(Data, data, f"datasets.{name}")
        for name, data in config.datasets.items()
    }
    for table, dataset in config.tables.items():
        choose("table", table, TABLES)
        choose(f"data set for {table}", dataset, datasets)
    for name, data in datasets.items():
        _check(data, f"datasets.{name}")
    return dataclasses.replace(config, datasets=datasets)


def _check(data: Data, where: str) -> None:
    low, high = data.scales.train
    if not 1 <= low <= high or min(data.scales.test) < 1:
        raise UserError(f"{where}.scales: every scale p is at least 1 and train is [smallest, largest]")
    counts = [*data.counts.train, *data.counts.test]
    if min(counts) < 1 or data.counts.train[0] > data.counts.train[1] or any(c != int(c) for c in counts):
        raise UserError(
            f"{where}.counts: every band count C is a whole number of at least 1 and train is [smallest, largest]"
        )
    if data.full_count not in data.counts.test:
        raise UserError(
            f"{where}.counts: test must hold the largest training count {data.full_count}, which the tables show"
        )
    training = data.training
    if min(training.steps, training.batch, *training.lr_sizes) < 1 or training.rate <= 0:
        raise UserError(f"{where}.training: steps, batch, lr_sizes and rate are positive")
    if not all(0 < fraction < 1 for fraction in training.halve_at):
        raise UserError(f"{where}.training.halve_at: fractions of the budget, between 0 and 1")


def _strict(cls, mapping, where: str):
    """An instance of dataclass `cls` with exactly its keys and types; lists become tuples, whole numbers floats."""
    if not isinstance(mapping, dict):
        raise UserError(f"{where} wants the keys {', '.join(f.name for f in dataclasses.fields(cls))}, got {mapping!r}")
    fields = {field.name: field.type for field in dataclasses.fields(cls)}
    for key in mapping:
        choose(f"key in {where}:", key, fields)
    missing = [name for name in fields if name not in mapping]
    if missing:
        raise UserError(f"{where} lacks {', '.join(missing)}")
    return cls(**{key: _typed(fields[key], mapping[key], f"{where}.{key}") for key in fields})


def _typed(kind, value, where: str):
    if dataclasses.is_dataclass(kind):
        return _strict(kind, value, where)
    if isinstance(kind, types.GenericAlias):
        inner, *rest = typing.get_args(kind)
        length = None if Ellipsis in rest else 1 + len(rest)
        if not isinstance(value, (list, tuple)) or not value or (length and len(value) != length):
            raise UserError(f"{where} wants a list of {length or 'one or more'} {inner.__name__}, got {value!r}")
        return tuple(_typed(inner, item, where) for item in value)
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise UserError(f"{where} wants a {kind.__name__}, got {value!r}")
    return value


def runs(config: Config) -> list[Run]:
    """Every run of the configuration, in the order of the tables."""
    found = []
    for dataset, data in config.datasets.items():
        for method in config.methods:
            count = data.full_count if MODELS[method].one_count else None
            found += [Run(config.preset, dataset, method, seed, count) for seed in config.seeds]
    return found


def find_run(config: Config, run_id: str) -> Run:
    """The run with this id; an unknown one raises UserError listing those of the preset."""
    known = {run.id: run for run in runs(config)}
    return known[choose(f"run of the preset {config.preset}:", run_id, known)]


def table_runs(config: Config) -> list[Run]:
    """The runs whose results a table shows: those of results/cells.csv."""
    return [run for run in runs(config) if run.dataset in config.tables.values()]


def identity(config: Config, run: Run) -> dict:
    """All that decides what a run learns: the contents of its config.json and the fingerprint of its state."""
    data = config.datasets[run.dataset]
    return {
        **dataclasses.asdict(run),
        "antialias": config.antialias,
        "msi": data.msi,
        "scales": data.scales.train,
        "counts": data.counts.train,
        "network": dataclasses.asdict(data.network),
        "training": dataclasses.asdict(data.training),
    }


def grid(config: Config, run: Run) -> dict:
    """All that decides which rows an evaluation writes, beyond the weights."""
    data = config.datasets[run.dataset]
    return {"scales": data.scales.test, "counts": data.counts.test, "antialias": config.antialias}


def fingerprint(*parts) -> str:
    """A short hash of anything that JSON can write."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()[:12]
