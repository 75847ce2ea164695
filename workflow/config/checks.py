"""Checks of a preset beyond its keys: ranges, and names that belong together. Each check raises UserError in one line."""

import dataclasses

from ssif.errors import UserError, choose
from ssif.sensors import SENSORS, csv_of, split_spec
from workflow.config import schema
from workflow.config.names import spelled
from workflow.methods import METHODS, family, network


def _methods(names: tuple[str, ...], data: schema.Data, where: str) -> None:
    for method in names:
        choose("model", method, METHODS)
        for name in METHODS[method].stages or [method]:
            block = network(name).block
            if block and block not in data.baselines:
                raise UserError(f"{where}.baselines lacks {block}, which the model {method} needs")


def check_data(data: schema.Data, names: tuple[str, ...], where: str) -> None:
    _methods(names, data, where)
    if data.source and (data.msi == "own") != bool(data.source.msi):
        raise UserError(
            f"{where}: source.msi names measured images, which msi: {data.msi} would replace; use msi: own"
            if data.source.msi
            else f"{where}: msi: own needs source.msi, the folder of the measured images; otherwise name a sensor"
        )
    for block, baseline in data.baselines.items():
        _patches(baseline.training, data.grid_scales, f"{where}.baselines.{block}.training")
    low, high = data.scales.train
    if not 1 <= low <= high or min(data.scales.test) < 1:
        raise UserError(f"{where}.scales: every scale p must be at least 1, and train must be [smallest, largest]")
    counts = [*data.counts.train, *data.counts.test]
    if min(counts) < 1 or data.counts.train[0] > data.counts.train[1] or any(c != int(c) for c in counts):
        raise UserError(
            f"{where}.counts: every band count C must be a whole number of at least 1, and train must be [smallest, largest]"
        )
    if data.full_count not in data.counts.test:
        raise UserError(
            f"{where}.counts: test must contain the largest training count {data.full_count}, which the tables show"
        )
    _field(data, where)
    for method, changes in data.exceptions.items():
        choose(f"neural field in {where}.exceptions", method, [name for name in METHODS if family(name) == "field"])
        place = f"{where}.exceptions.{method}"
        if not isinstance(changes, dict):
            raise UserError(f"{place} must have keys of network or training, got {changes!r}")
        _field(schema.changed(data, changes, place), place)
    if data.land_use:
        _classifier(data.land_use.training, f"{where}.land_use.training")


def _classifier(training: schema.ClassifierTraining, where: str) -> None:
    _budget(training, where)
    choose(f"{where}.validation_from:", training.validation_from, schema.VALIDATION_FROM)
    if training.check_every < 1 or training.validation < 1 or not 1 <= training.train[0] <= training.train[1]:
        raise UserError(
            f"{where}: check_every and validation must be positive, and train must be [fewest, most] pixels of a class"
        )


def _field(data: schema.Data, where: str) -> None:
    _budget(data.training, f"{where}.training")
    if min(data.training.lr_sizes) < 1:
        raise UserError(f"{where}.training.lr_sizes: every side must be at least 1 LR pixel")
    if not all(0 < fraction < 1 for fraction in data.training.halve_at):
        raise UserError(f"{where}.training.halve_at: every value must be a fraction of the budget, between 0 and 1")
    if data.training.queries < 1:
        raise UserError(f"{where}.training.queries must be at least 1")
    choose(f"{where}.training.decay:", data.training.decay, schema.DECAYS)
    choose(f"{where}.training.intervals:", data.training.intervals, schema.INTERVALS)
    shortest = data.network.lambda_min
    if shortest != "nyquist" and not (isinstance(shortest, float) and 0 < shortest < data.network.lambda_max):
        raise UserError(f"{where}.network.lambda_min must be nyquist, or nm between 0 and lambda_max, got {shortest!r}")


def _patches(training: schema.PatchTraining, scales: list[int], where: str) -> None:
    _budget(training, where)
    sides = list(training.crop.values())
    if list(training.crop) not in (["lr"], ["hr"]) or not isinstance(sides[0], int) or sides[0] < 1:
        raise UserError(f"{where}.crop must be either lr or hr with a side in pixels, got {training.crop!r}")
    if any(training.lr_size(p) < 1 for p in scales):
        raise UserError(f"{where}.crop: {sides[0]} HR pixels are less than one LR pixel at p = {max(scales)}")


def _budget(training: schema.Training | schema.PatchTraining | schema.ClassifierTraining, where: str) -> None:
    if min(training.steps, training.batch) < 1 or training.rate <= 0:
        raise UserError(f"{where}: steps, batch and rate must be positive")
    if not 0 <= getattr(training, "average", 0) < 1:
        raise UserError(f"{where}.average must be at least 0 and below 1")


def check_shown(
    where: str,
    shown: schema.Shown,
    wanted: tuple[str, ...],
    config: schema.Config,
    optional: tuple[str, ...] = (),
) -> None:
    """Raise a UserError unless a table or figure has exactly the keys `wanted`, with or without the `optional` ones, and their
    values make sense."""
    data = config.datasets[choose(f"data set for {where}", shown.dataset, config.datasets)]
    for field in dataclasses.fields(shown):
        if field.name not in ("dataset", *optional) and bool(getattr(shown, field.name)) != (field.name in wanted):
            raise UserError(f"{where} {'needs' if field.name in wanted else 'must not have'} {field.name}")
    _scales(shown.scales, where)
    _methods(shown.methods, data, f"datasets.{shown.dataset}")


def check_single(config: schema.Config) -> None:
    """Raise UserError if a table or figure that has rules of its own breaks them."""
    shown = config.tables | config.figures
    if sensors := shown.get(schema.SENSOR_TABLE):
        any_bands = [name for name, method in METHODS.items() if method.network and not method.network.one_count]
        for method in sensors.methods:
            choose(f"method of any bands in tables.{schema.SENSOR_TABLE}", method, any_bands)
        for sensor in sensors.sensors:
            choose(f"sensor in tables.{schema.SENSOR_TABLE}", split_spec(sensor)[0], SENSORS)
    camera = shown[schema.ROBUSTNESS_TABLE].camera if schema.ROBUSTNESS_TABLE in shown else ""
    if camera and csv_of(camera) is None:
        choose(f"sensor for tables.{schema.ROBUSTNESS_TABLE}.camera", split_spec(camera)[0], SENSORS)
    compared = shown["uncertainty"].methods if "uncertainty" in shown else None
    if compared and (len(compared) != 1 or len(config.seeds_of.get(compared[0], config.seeds)) < 2):
        raise UserError("figures.uncertainty needs one method, with at least two seeds")
    for name in schema.LAND_USE:
        if name in shown and config.datasets[shown[name].dataset].land_use is None:
            raise UserError(f"datasets.{shown[name].dataset} lacks land_use, the classifier that {name} needs")


def check_ablation(name: str, ablation: schema.Ablation, config: schema.Config) -> None:
    where = f"ablations.{name}"
    if name.lower() in (*schema.TABLES, *schema.FIGURES):
        raise UserError(f"{where}: the name must not be that of a table or figure")
    data = config.datasets[choose(f"data set for {where}", ablation.dataset, config.datasets)]
    _scales(ablation.scales, where)
    fields = [method for method in METHODS if family(method) == "field"]
    for method in ablation.methods:
        choose(f"neural field in {where}", method, fields)
    if not ablation.values:
        raise UserError(f"{where}.values must not be empty")
    for case in ablation.cases():
        _field(schema.changed(data, case, where), where)
        for key, value in case.items():
            spelled(value, f"{where}.{key}")


def _scales(scales: tuple[float, ...], where: str) -> None:
    if any(p < 1 for p in scales):
        raise UserError(f"{where}.scales: every scale p must be at least 1")
