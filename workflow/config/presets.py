"""A preset: the configuration of config/*.yaml, read and checked. Plain Python, no torch, no Snakemake.

workflow/config/schema.py lists the keys of a preset; workflow/config/checks.py checks ranges and names that belong together.
"""

import dataclasses
from pathlib import Path

import yaml

from ssif.data.readers import DATASETS
from ssif.errors import UserError, choose
from workflow import methods
from workflow.config import checks, schema
from workflow.config.names import check_different, check_name
from workflow.config.strict import check_finite, strict, typed
from workflow.methods import METHODS

# An installed package has the presets inside (pyproject.toml), a checkout has them at its top.
PACKAGED = Path(__file__).resolve().parents[1] / "presets"
FOLDER = PACKAGED if PACKAGED.is_dir() else Path(__file__).resolve().parents[2] / "config"


def load(path: str | Path) -> schema.Config:
    """Read and check a YAML (or JSON) configuration. Raises UserError, in one line, for anything that is wrong with it."""
    return parse(read(Path(path)))


def read(path: Path):
    """The contents of a YAML file. Raises UserError if it cannot be read."""
    try:
        return yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(f"cannot read the configuration {path}: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise UserError(f"{path} is not UTF-8: {error}") from None
    except yaml.YAMLError as error:
        raise UserError(f"{path} is not YAML: {' '.join(str(error).split())}") from None


def whole(mapping: dict) -> dict:
    """The preset completed from its `base`, another preset of config/. Raises UserError for an unknown base."""
    if not isinstance(mapping, dict) or "base" not in mapping:
        return mapping
    known = sorted(file.stem for file in FOLDER.glob("*.yaml"))
    base = read(FOLDER / f"{choose('base', mapping['base'], known)}.yaml")
    if "base" in base:
        raise UserError(f"the base {mapping['base']} has a base itself; use base: {base['base']}")
    return _merged(base, {key: value for key, value in mapping.items() if key != "base"})


def _merged(base: dict, own: dict) -> dict:
    """Both combined; `own` wins where they differ. Mappings are merged key by key, anything else is replaced as a whole."""
    both = {
        key: _merged(base[key], value) if isinstance(value, dict) and isinstance(base.get(key), dict) else value
        for key, value in own.items()
    }
    return base | both


def parse(mapping: dict) -> schema.Config:
    """A checked schema.Config from a nested mapping. Raises UserError for keys, names and ranges that make no sense."""
    mapping = whole(mapping)
    check_finite(mapping)
    config = strict(schema.Config, mapping, "the configuration")
    check_name("preset", config.preset)
    seeds_of = {
        choose("method of seeds_of", name, METHODS): typed(tuple[int, ...], seeds, f"seeds_of.{name}")
        for name, seeds in config.seeds_of.items()
    }
    for where, seeds in {
        "seeds": config.seeds,
        **{f"seeds_of.{name}": seeds for name, seeds in seeds_of.items()},
    }.items():
        if len(set(seeds)) < len(seeds) or not 0 <= min(seeds) <= max(seeds) < 2**32:
            raise UserError(f"{where} must be different whole numbers from 0 to {2**32 - 1}, got {list(seeds)}")
    choose("device", config.device, ["auto", "cpu", "cuda"])
    choose("precision", config.precision, ["auto", "float32", "bfloat16"])
    datasets = {
        _data_set(name, data): strict(schema.Data, data, f"datasets.{name}") for name, data in config.datasets.items()
    }
    for name in config.ablations:
        check_name("an ablation", name)
    check_different("datasets", datasets)
    check_different("ablations", config.ablations)
    # The name of a data set alone is short for a block with no other key.
    tables = {name: {"dataset": table} if isinstance(table, str) else table for name, table in config.tables.items()}
    tables, figures = (
        {choose(kind, name, known): strict(schema.Shown, its, f"{kind}s.{name}") for name, its in shown.items()}
        for kind, known, shown in (("table", schema.TABLES, tables), ("figure", schema.FIGURES, config.figures))
    )
    blocks = sorted({network.block for network in methods.every_network() if network.block})
    for name, data in datasets.items():
        where = f"datasets.{name}"
        baselines = {
            choose(f"key in {where}.baselines:", block, blocks): strict(
                schema.Baseline, value, f"{where}.baselines.{block}"
            )
            for block, value in data.baselines.items()
        }
        datasets[name] = dataclasses.replace(data, baselines=baselines)
        checks.check_data(datasets[name], config.methods, where)
    ablations = {
        name: strict(schema.Ablation, ablation, f"ablations.{name}") for name, ablation in config.ablations.items()
    }
    checked = {"datasets": datasets, "seeds_of": seeds_of, "tables": tables, "figures": figures, "ablations": ablations}
    config = dataclasses.replace(config, **checked)
    for name, table in tables.items():
        checks.check_shown(f"tables.{name}", table, schema.TABLES[name], config, schema.OPTIONAL.get(name, ()))
    for name, figure in figures.items():
        checks.check_shown(f"figures.{name}", figure, schema.FIGURES[name], config)
    checks.check_single(config)
    for name, ablation in ablations.items():
        checks.check_ablation(name, ablation, config)
    return config


def _data_set(name: str, data) -> str:
    """Return the name if the data set is known or has a source of the user's own."""
    if not isinstance(data, dict) or "source" not in data:
        return choose("data set without a source", name, DATASETS)
    check_name("a data set with a source", name)
    if name.lower() in DATASETS:
        raise UserError(f"datasets.{name} has its own source, so its name must not be one of {', '.join(DATASETS)}")
    if "land_use" in data:
        raise UserError(f"datasets.{name} has a source of its own, so there is no land cover for land_use")
    return name
