"""A preset: the configuration of config/*.yaml, read and checked. Plain Python, no torch, no Snakemake."""

import dataclasses
import re
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from ssif.errors import UserError, choose
from workflow import models
from workflow.models import MODELS
from workflow.strict import strict, typed

DATASETS = ("cave", "indian_pines", "pavia_centre", "synthetic")
TABLES = ("table1", "table2")
# Figures that are no ablation, and what their blocks want beside a data set and scales.
FIGURES = {"fig1": ("methods", "counts"), "fig3": (), "fig4": (), "fig8": ("methods",)}


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
    lambda_min: float | str = "nyquist"
    gs_weights: str = "literal"


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
class Figure:
    """A figure of the paper: its data set and the scales p of its panels.

    `methods`: those of Figures 1 and 8, which show predicted images (Figures 3 and 4 show all); `counts`: the C of Figure 1.
    """

    dataset: str
    scales: tuple[float, ...]
    methods: tuple[str, ...] = ()
    counts: tuple[int, ...] = ()


@dataclass(frozen=True)
class Ablation:
    """Neural fields with one key of `network` or `training`, `change`, at each of `values`; `fixed` is what else they
    have that the preset has not. Scored at `scales`, over all C."""

    dataset: str
    scales: tuple[float, ...]
    methods: tuple[str, ...]
    change: str
    values: list
    fixed: dict = field(default_factory=dict)

    def cases(self) -> list[dict]:
        """The changed keys of each value, in order."""
        return [self.fixed | {self.change: value} for value in self.values]


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
    figures: dict = field(default_factory=dict)
    ablations: dict = field(default_factory=dict)


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
    config = strict(Config, mapping, "the configuration")
    choose("device", config.device, ["auto", "cpu", "cuda"])
    datasets = {
        choose("data set", name, DATASETS): strict(Data, data, f"datasets.{name}")
        for name, data in config.datasets.items()
    }
    for table, dataset in config.tables.items():
        choose("table", table, TABLES)
        choose(f"data set for {table}", dataset, datasets)
    datasets = {name: _with_baselines(data, f"datasets.{name}") for name, data in datasets.items()}
    for name, data in datasets.items():
        _check(data, config.methods, f"datasets.{name}")
    figures = {
        choose("figure", name, FIGURES): strict(Figure, figure, f"figures.{name}")
        for name, figure in config.figures.items()
    }
    ablations = {name: strict(Ablation, ablation, f"ablations.{name}") for name, ablation in config.ablations.items()}
    config = dataclasses.replace(config, datasets=datasets, figures=figures, ablations=ablations)
    for name, figure in figures.items():
        _check_figure(name, figure, config)
    for name, ablation in ablations.items():
        _check_ablation(name, ablation, config)
    return config


def _with_baselines(data: Data, where: str) -> Data:
    blocks = sorted({network.block for network in models.every_network() if network.block})
    parsed = {
        choose(f"key in {where}.baselines:", block, blocks): strict(Baseline, value, f"{where}.baselines.{block}")
        for block, value in data.baselines.items()
    }
    return dataclasses.replace(data, baselines=parsed)


def changed(data: Data, changes: dict, where: str) -> Data:
    """The data set's block with these keys of `network` or `training` changed. Raises UserError for any other."""
    sizes, budget = ({f.name: f.type for f in dataclasses.fields(part)} for part in (FieldSizes, Training))
    known = {key: typed((sizes | budget)[choose(f"key in {where}:", key, sizes | budget)], value, f"{where}.{key}")
             for key, value in changes.items()}  # fmt: skip
    network = dataclasses.replace(data.network, **{key: value for key, value in known.items() if key in sizes})
    training = dataclasses.replace(data.training, **{key: value for key, value in known.items() if key in budget})
    return dataclasses.replace(data, network=network, training=training)


def _check_methods(methods: tuple[str, ...], data: Data, where: str) -> None:
    for method in methods:
        choose("model", method, MODELS)
        for name in MODELS[method].stages or [method]:
            block = models.network(name).block
            if block and block not in data.baselines:
                raise UserError(f"{where}.baselines lacks {block}, which the model {method} needs")


def _check(data: Data, methods: tuple[str, ...], where: str) -> None:
    _check_methods(methods, data, where)
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
    _check_field(data, where)


def _check_field(data: Data, where: str) -> None:
    _check_budget(data.training, f"{where}.training")
    if min(data.training.lr_sizes) < 1:
        raise UserError(f"{where}.training.lr_sizes: sides of at least 1 LR pixel")
    if not all(0 < fraction < 1 for fraction in data.training.halve_at):
        raise UserError(f"{where}.training.halve_at: fractions of the budget, between 0 and 1")
    shortest = data.network.lambda_min
    if shortest != "nyquist" and not (isinstance(shortest, float) and 0 < shortest < data.network.lambda_max):
        raise UserError(f"{where}.network.lambda_min is nyquist or nm between 0 and lambda_max, got {shortest!r}")


def _check_patches(training: PatchTraining, scales: list[int], where: str) -> None:
    _check_budget(training, where)
    sides = list(training.crop.values())
    if list(training.crop) not in (["lr"], ["hr"]) or not isinstance(sides[0], int) or sides[0] < 1:
        raise UserError(f"{where}.crop wants one of lr and hr with a side in pixels, got {training.crop!r}")
    if any(training.lr_size(p) < 1 for p in scales):
        raise UserError(f"{where}.crop: {sides[0]} HR pixels are no LR pixel at p = {max(scales)}")


def _check_budget(training: Training | PatchTraining, where: str) -> None:
    if min(training.steps, training.batch) < 1 or training.rate <= 0:
        raise UserError(f"{where}: steps, batch and rate are positive")


def _check_figure(name: str, figure: Figure, config: Config) -> None:
    where = f"figures.{name}"
    data = config.datasets[choose(f"data set for {name}", figure.dataset, config.datasets)]
    _check_scales(figure.scales, where)
    _check_methods(figure.methods, data, f"datasets.{figure.dataset}")
    for key in ("methods", "counts"):
        if bool(getattr(figure, key)) != (key in FIGURES[name]):
            raise UserError(f"{where} {'wants' if key in FIGURES[name] else 'has no'} {key}")


def _check_ablation(name: str, ablation: Ablation, config: Config) -> None:
    where = f"ablations.{name}"
    if name in (*TABLES, *FIGURES) or not re.fullmatch(r"[a-z0-9_-]+", name):
        raise UserError(f"{where}: a name of small letters, digits, _ and -, and not that of a table or figure")
    data = config.datasets[choose(f"data set for {where}", ablation.dataset, config.datasets)]
    _check_scales(ablation.scales, where)
    fields = [method for method in MODELS if models.is_field(method)]
    for method in ablation.methods:
        choose(f"neural field in {where}", method, fields)
    if not ablation.values:
        raise UserError(f"{where}.values wants one or more")
    for case in ablation.cases():
        _check_field(changed(data, case, where), where)


def _check_scales(scales: tuple[float, ...], where: str) -> None:
    if min(scales) < 1:
        raise UserError(f"{where}.scales: every scale p is at least 1")
