"""A preset: the configuration of config/*.yaml, read and checked. Plain Python, no torch, no Snakemake.

What it holds is in workflow/config/schema.py.
"""

import dataclasses
from pathlib import Path

import yaml

from ssif.data.readers import DATASETS
from ssif.errors import UserError, choose
from ssif.sensors import SENSORS
from workflow import methods
from workflow.config.names import check_different, check_name, spelled
from workflow.config.schema import (
    Ablation,
    Baseline,
    ClassifierTraining,
    Config,
    Data,
    FieldSizes,
    Figure,
    PatchTraining,
    Table,
    Training,
)
from workflow.config.strict import check_finite, strict, typed
from workflow.methods import METHODS

FOLDER = Path(__file__).resolve().parents[2] / "config"
# Tables, and figures that are no ablation, and what the blocks of each want beside a data set.
SENSOR_TABLE = "table_sensors"
TABLES = {"table1": (), "table2": (), "table3": ("scales", "methods"), SENSOR_TABLE: ("scales", "methods", "sensors")}
FIGURES = {
    "fig1": ("scales", "methods", "counts"),
    "fig3": ("scales",),
    "fig4": ("scales",),
    "fig8": ("scales", "methods"),
    "fig9": ("scales", "methods"),
}
# Of the land cover in predicted images: they need a classifier.
LAND_USE = ("table3", "fig9")
INTERVALS = ("equal", "irregular")
DECAYS = ("halving", "cosine")
VALIDATION_FROM = ("train_region", "test_region")


def load(path: str | Path) -> Config:
    """Read and check a YAML (or JSON) configuration. Raises UserError with one line for whatever is wrong with it."""
    return parse(_read(Path(path)))


def _read(path: Path):
    try:
        return yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(f"cannot read the configuration {path}: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise UserError(f"{path} is not UTF-8: {error}") from None
    except yaml.YAMLError as error:
        raise UserError(f"{path} is not YAML: {' '.join(str(error).split())}") from None


def whole(mapping: dict) -> dict:
    """The preset with what it takes from its `base`, another preset of config/. Raises UserError for an unknown base."""
    if not isinstance(mapping, dict) or "base" not in mapping:
        return mapping
    known = sorted(file.stem for file in FOLDER.glob("*.yaml"))
    base = _read(FOLDER / f"{choose('base', mapping['base'], known)}.yaml")
    if "base" in base:
        raise UserError(f"the base {mapping['base']} has a base itself; name {base['base']}")
    return _merged(base, {key: value for key, value in mapping.items() if key != "base"})


def _merged(base: dict, own: dict) -> dict:
    """Both, `own` first where they differ; of mappings key by key, of anything else as a whole."""
    both = {
        key: _merged(base[key], value) if isinstance(value, dict) and isinstance(base.get(key), dict) else value
        for key, value in own.items()
    }
    return base | both


def parse(mapping: dict) -> Config:
    """A checked Config from a nested mapping; keys, names and ranges that make no sense raise UserError."""
    mapping = whole(mapping)
    check_finite(mapping)
    config = strict(Config, mapping, "the configuration")
    check_name("preset", config.preset)
    seeds_of = {
        choose("method of seeds_of", name, METHODS): typed(tuple[int, ...], seeds, f"seeds_of.{name}")
        for name, seeds in config.seeds_of.items()
    }
    for where, seeds in {"seeds": config.seeds, **{f"seeds_of.{name}": its for name, its in seeds_of.items()}}.items():
        if len(set(seeds)) < len(seeds) or not 0 <= min(seeds) <= max(seeds) < 2**32:
            raise UserError(f"{where} wants different whole numbers from 0 to {2**32 - 1}, got {list(seeds)}")
    choose("device", config.device, ["auto", "cpu", "cuda"])
    choose("precision", config.precision, ["auto", "float32", "bfloat16"])
    datasets = {_data_set(name, data): strict(Data, data, f"datasets.{name}") for name, data in config.datasets.items()}
    for name in config.ablations:
        check_name("an ablation", name)
    check_different("datasets", datasets)
    check_different("ablations", config.ablations)
    tables = {
        # A data set alone is short for a block of nothing else.
        choose("table", name, TABLES): strict(
            Table, {"dataset": its} if isinstance(its, str) else its, f"tables.{name}"
        )
        for name, its in config.tables.items()
    }
    datasets = {name: _with_baselines(data, f"datasets.{name}") for name, data in datasets.items()}
    for name, data in datasets.items():
        _check(data, config.methods, f"datasets.{name}")
    figures = {
        choose("figure", name, FIGURES): strict(Figure, figure, f"figures.{name}")
        for name, figure in config.figures.items()
    }
    ablations = {name: strict(Ablation, ablation, f"ablations.{name}") for name, ablation in config.ablations.items()}
    checked = {"datasets": datasets, "seeds_of": seeds_of, "tables": tables, "figures": figures, "ablations": ablations}
    config = dataclasses.replace(config, **checked)
    for name, table in tables.items():
        _check_shown(f"tables.{name}", table, TABLES[name], config)
    if SENSOR_TABLE in tables:
        _check_sensors(tables[SENSOR_TABLE])
    for name, figure in figures.items():
        _check_shown(f"figures.{name}", figure, FIGURES[name], config)
    for name in (*tables, *figures):
        dataset = (tables | figures)[name].dataset
        if name in LAND_USE and datasets[dataset].land_use is None:
            raise UserError(f"datasets.{dataset} lacks land_use, the classifier that {name} needs")
    for name, ablation in ablations.items():
        _check_ablation(name, ablation, config)
    return config


def _data_set(name: str, data) -> str:
    """The name, if it is a known one or that of a data set with a source of its own."""
    if not isinstance(data, dict) or "source" not in data:
        return choose("data set without a source", name, DATASETS)
    check_name("a data set with a source", name)
    if name.lower() in DATASETS:
        raise UserError(f"datasets.{name} has a source: want a name that is none of {', '.join(DATASETS)}")
    if "land_use" in data:
        raise UserError(f"datasets.{name} has a source of its own: there is no land cover of it to learn land_use from")
    return name


def _with_baselines(data: Data, where: str) -> Data:
    blocks = sorted({network.block for network in methods.every_network() if network.block})
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


def _check_methods(names: tuple[str, ...], data: Data, where: str) -> None:
    for method in names:
        choose("model", method, METHODS)
        for name in METHODS[method].stages or [method]:
            block = methods.network(name).block
            if block and block not in data.baselines:
                raise UserError(f"{where}.baselines lacks {block}, which the model {method} needs")


def _check(data: Data, names: tuple[str, ...], where: str) -> None:
    _check_methods(names, data, where)
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
    for method, changes in data.exceptions.items():
        choose(
            f"neural field in {where}.exceptions", method, [name for name in METHODS if methods.family(name) == "field"]
        )
        place = f"{where}.exceptions.{method}"
        if not isinstance(changes, dict):
            raise UserError(f"{place} wants keys of network or training, got {changes!r}")
        _check_field(changed(data, changes, place), place)
    if data.land_use:
        _check_classifier(data.land_use.training, f"{where}.land_use.training")


def _check_classifier(training: ClassifierTraining, where: str) -> None:
    _check_budget(training, where)
    choose(f"{where}.validation_from:", training.validation_from, VALIDATION_FROM)
    if training.check_every < 1 or training.validation < 1 or not 1 <= training.train[0] <= training.train[1]:
        raise UserError(f"{where}: check_every and validation are positive, train is [fewest, most] pixels of a class")


def _check_field(data: Data, where: str) -> None:
    _check_budget(data.training, f"{where}.training")
    if min(data.training.lr_sizes) < 1:
        raise UserError(f"{where}.training.lr_sizes: sides of at least 1 LR pixel")
    if not all(0 < fraction < 1 for fraction in data.training.halve_at):
        raise UserError(f"{where}.training.halve_at: fractions of the budget, between 0 and 1")
    if data.training.queries < 1:
        raise UserError(f"{where}.training.queries: at least 1")
    choose(f"{where}.training.decay:", data.training.decay, DECAYS)
    choose(f"{where}.training.intervals:", data.training.intervals, INTERVALS)
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


def _check_budget(training: Training | PatchTraining | ClassifierTraining, where: str) -> None:
    if min(training.steps, training.batch) < 1 or training.rate <= 0:
        raise UserError(f"{where}: steps, batch and rate are positive")
    if not 0 <= getattr(training, "average", 0) < 1:
        raise UserError(f"{where}.average: at least 0 and below 1")


def _check_shown(where: str, shown: Table | Figure, wanted: tuple[str, ...], config: Config) -> None:
    """Raise a UserError unless a table or figure has the keys `wanted` and no others, and they make sense."""
    data = config.datasets[choose(f"data set for {where}", shown.dataset, config.datasets)]
    for field in dataclasses.fields(shown):
        if field.name != "dataset" and bool(getattr(shown, field.name)) != (field.name in wanted):
            raise UserError(f"{where} {'wants' if field.name in wanted else 'has no'} {field.name}")
    _check_scales(shown.scales, where)
    _check_methods(shown.methods, data, f"datasets.{shown.dataset}")


def _check_sensors(table: Table) -> None:
    where = f"tables.{SENSOR_TABLE}"
    any_bands = [name for name, method in METHODS.items() if method.network and not method.network.one_count]
    for method in table.methods:
        choose(f"method of any bands in {where}", method, any_bands)
    for sensor in table.sensors:
        choose(f"sensor in {where}", sensor, SENSORS)


def _check_ablation(name: str, ablation: Ablation, config: Config) -> None:
    where = f"ablations.{name}"
    if name.lower() in (*TABLES, *FIGURES):
        raise UserError(f"{where}: want a name that is not that of a table or figure")
    data = config.datasets[choose(f"data set for {where}", ablation.dataset, config.datasets)]
    _check_scales(ablation.scales, where)
    fields = [method for method in METHODS if methods.family(method) == "field"]
    for method in ablation.methods:
        choose(f"neural field in {where}", method, fields)
    if not ablation.values:
        raise UserError(f"{where}.values wants one or more")
    for case in ablation.cases():
        _check_field(changed(data, case, where), where)
        for key, value in case.items():
            spelled(value, f"{where}.{key}")


def _check_scales(scales: tuple[float, ...], where: str) -> None:
    if any(p < 1 for p in scales):
        raise UserError(f"{where}.scales: every scale p is at least 1")
