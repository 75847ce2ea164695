"""The workflow's programs in this process, for tests."""

import contextlib
import resource
import sys
from pathlib import Path

import yaml

from tests.snake import ROOT
from workflow import classify, evaluate, evaluate_robustness, evaluate_sensors, figure, prepare, report, train
from workflow.config import presets, schema
from workflow.plan import targets
from workflow.tables import ablation, cells, land_use, over_scales, robustness, sensors

# A script: the training program with states saved every 0.2 s instead of every minute.
FASTER = "import runpy, ssif.training as t; t.SAVE_EVERY = 0.2; runpy.run_module('workflow.train', run_name='__main__')"
# What makes the tables that are not over scales.
TABLES = {
    "table3": (land_use, "--table", "table3"),
    schema.SENSOR_TABLE: (sensors,),
    schema.ROBUSTNESS_TABLE: (robustness,),
}


def configure(**changes) -> None:
    """Write config.yaml: the smoke preset with dotted keys changed (`__` for the dot)."""
    config = yaml.safe_load((ROOT / "config/smoke.yaml").read_text())
    for path, value in changes.items():
        *parents, last = path.split("__")
        place = config
        for key in parents:
            place = place.setdefault(key, {})
        place[last] = value
    Path("config.yaml").write_text(yaml.safe_dump(config))


def run(program, *arguments: str) -> str | None:
    """Run the program's main with config.yaml; its one line where it refuses, which leaves nothing half-written."""
    before, sys.argv = sys.argv, [program.__name__, "--config", "config.yaml", *arguments]
    try:
        program.main()
    except SystemExit as end:
        assert isinstance(end.code, str) and end.code.startswith("error: ") and "\n" not in end.code
        assert not list(Path().rglob("*.part"))
        return end.code
    finally:
        sys.argv = before
    return None


@contextlib.contextmanager
def file_size(largest: int):
    """Files may have this many bytes in here; writing more fails as on a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (largest, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def make() -> None:
    """Everything that config.yaml asks for, in the order of the DAG."""
    config = presets.load("config.yaml")
    calls = [(prepare, "--dataset", name) for name in config.datasets]
    calls += [(prepare, "--dataset", name, "--land-cover") for name, data in config.datasets.items() if data.land_use]
    for program, rows in {
        train: targets.networks(config),
        evaluate: targets.rows(config),
        evaluate_sensors: targets.rows_of(config, schema.SENSOR_TABLE),
        evaluate_robustness: targets.rows_of(config, schema.ROBUSTNESS_TABLE),
        classify: targets.classified(config),
    }.items():
        calls += [(program, "--run", its.id) for its in rows]
    calls += [TABLES.get(name, (over_scales, "--table", name)) for name in config.tables]
    calls += [(cells,), *([(ablation,)] if config.ablations else [])]
    calls += [(figure, "--figure", name) for name in (*config.figures, *config.ablations)] + [(report,)]
    for call in calls:
        assert (refusal := run(*call)) is None, refusal
