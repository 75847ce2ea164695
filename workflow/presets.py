"""A preset: the configuration of config/*.yaml, read and checked. Plain Python, no torch, no Snakemake."""

import dataclasses
import types
import typing
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from ssif.errors import UserError, choose
from workflow import models
from workflow.models import MODELS

DATASETS = ("cave", "indian_pines", "pavia_centre", "synthetic")
TABLES = ("table1",)


@dataclass(frozen=True)
class Grid:
    """`train`: the smallest and largest value drawn in training; `test`: the values evaluated, in any range."""

    train: tuple[float, float]
    test: tuple[float, ...]


@dataclass(frozen=True)
class FieldSizes:
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
class PatchTraining:
    """Budget of a network on a pixel grid; the decay of the rate is the method's own (`baselines.grid`).

    crop: {"lr": side} or {"hr": side} in pixels; the other side follows from p.
    """

    steps: int
    batch: int
    crop: dict
    rate: float

    def lr_size(self, scale: int) -> int:
        """Side of the LR crop at scale p."""
        return self.crop["lr"] if "lr" in self.crop else self.crop["hr"] // scale


@dataclass(frozen=True)
class Baseline:
    """A network on a pixel grid: `network` holds keyword arguments of its class, its own defaults being official."""

    network: dict
    training: PatchTraining


@dataclass(frozen=True)
class Data:
    """One data set of a preset: the sensor of its input, the grids of p and C, the networks and their training.

    `network` and `training` are those of the neural fields; `baselines` has a block for each of the others that is used.
    """

    msi: str
    scales: Grid
    counts: Grid
    network: FieldSizes
    training: Training
    baselines: dict = field(default_factory=dict)

    @property
    def full_count(self) -> int:
        """C_max: the count of the tables, the largest one in the training range."""
        return int(self.counts.train[1])

    @property
    def grid_scales(self) -> list[int]:
        """The p that networks on a pixel grid are trained for: the whole ones tested inside the training range."""
        low, high = self.scales.train
        return [int(p) for p in self.scales.test if p == int(p) and low <= p <= high]


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
    datasets = {name: _with_baselines(data, f"datasets.{name}") for name, data in datasets.items()}
    for name, data in datasets.items():
        _check(data, config.methods, f"datasets.{name}")
    return dataclasses.replace(config, datasets=datasets)


def _with_baselines(data: Data, where: str) -> Data:
    blocks = sorted({network.block for network in models.every_network() if network.block})
    parsed = {
        choose(f"key in {where}.baselines:", block, blocks): _strict(Baseline, value, f"{where}.baselines.{block}")
        for block, value in data.baselines.items()
    }
    return dataclasses.replace(data, baselines=parsed)


def _check(data: Data, methods: tuple[str, ...], where: str) -> None:
    for method in methods:
        for name in MODELS[method].stages or [method]:
            block = models.network(name).block
            if block and block not in data.baselines:
                raise UserError(f"{where}.baselines lacks {block}, which the model {method} needs")
    for block, baseline in data.baselines.items():
        _check_patches(baseline.training, data.grid_scales, f"{where}.baselines.{block}.training")
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


def _check_patches(training: PatchTraining, scales: list[int], where: str) -> None:
    if min(training.steps, training.batch) < 1 or training.rate <= 0:
        raise UserError(f"{where}: steps, batch and rate are positive")
    sides = list(training.crop.values())
    if list(training.crop) not in (["lr"], ["hr"]) or not isinstance(sides[0], int) or sides[0] < 1:
        raise UserError(f"{where}.crop wants one of lr and hr with a side in pixels, got {training.crop!r}")
    if any(training.lr_size(p) < 1 for p in scales):
        raise UserError(f"{where}.crop: {sides[0]} HR pixels are no LR pixel at p = {max(scales)}")


def _strict(cls, mapping, where: str):
    """An instance of dataclass `cls` with exactly its keys and types; lists become tuples, whole numbers floats."""
    if not isinstance(mapping, dict):
        raise UserError(f"{where} wants the keys {', '.join(f.name for f in dataclasses.fields(cls))}, got {mapping!r}")
    fields = {field.name: field.type for field in dataclasses.fields(cls)}
    for key in mapping:
        choose(f"key in {where}:", key, fields)
    missing = [
        f.name for f in dataclasses.fields(cls) if f.name not in mapping and f.default_factory is dataclasses.MISSING
    ]
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
