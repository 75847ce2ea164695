"""The table of sensors: how well networks trained on equal or on irregular intervals predict the bands of real sensors.

    python -m workflow.tables.sensors [--config config/cave-sensors.yaml]

results/table_sensors.csv is tidy, a row a model, kind of intervals, sensor and p; .md and .tex show PSNR. The paper calls
sensors with irregular bands future work (section 6) and allows training on irregular bands (A.3).
"""

import pandas as pd

from ssif.bands import Bands
from ssif.sensors import covered
from workflow.config.schema import SENSOR_TABLE, Config
from workflow.methods import APART, network
from workflow.plan import runs
from workflow.plan.runs import Run
from workflow.plan.targets import Target, targets
from workflow.steps import prepared, stored
from workflow.steps.arguments import chosen_preset
from workflow.steps.processes import program
from workflow.steps.provenance import commit
from workflow.tables.cells import METRICS, of_each_seed, over_seeds
from workflow.tables.layout import latex, markdown, write

KEYS = ["dataset", "preset", "model", "intervals", "sensor", "channels", "p", "distribution"]


def table(config: Config, target: Target) -> pd.DataFrame:
    """KEYS, then mean and standard deviation of each metric over the seeds (empty for a single seed); each seed counts with its
    mean over the scenes. `intervals`: of the training, "" for a method without any."""
    of_seed = of_each_seed(config, target, _read(config, target), KEYS, METRICS)
    return over_seeds(of_seed, KEYS, METRICS).assign(commit=commit())


def printed(tidy: pd.DataFrame) -> tuple[pd.DataFrame, dict]:
    """A row a model and p, a column a sensor with its PSNR, as `layout` takes them, and the columns."""
    named = tidy["model"] + tidy["intervals"].map(lambda kind: f", {kind} intervals" if kind else "")
    tidy = tidy.assign(name=named)
    keys = ["name", "model", "p", "distribution"]
    wide = tidy.pivot_table(index=keys, columns="sensor", values=["mpsnr", "mpsnr_std"], sort=False, dropna=False)
    wide = wide.dropna(how="all")
    sensors = list(tidy["sensor"].unique())
    columns = {sensor: (f"PSNR {sensor}", 2, True) for sensor in sensors}
    found = {sensor: wide["mpsnr"][sensor] for sensor in sensors}
    # A single seed has no deviation, so there is no such column either.
    spread = wide["mpsnr_std"] if "mpsnr_std" in wide.columns.get_level_values(0) else pd.DataFrame(index=wide.index)
    found |= {f"{sensor}_std": spread.get(sensor, pd.Series(float("nan"), wide.index)) for sensor in sensors}
    shown = pd.DataFrame(found).reset_index()
    shown["source"] = [APART.get(model, "ours") for model in shown["model"]]
    return shown.assign(model=shown["name"]).drop(columns="name"), columns


def protocol(config: Config, target: Target, source: Bands, values: str, made_at: str) -> list[str]:
    """What a reader must know about the numbers: which bands are scored, and how the networks were trained."""
    data = config.datasets[target.dataset]
    lines = [
        f"Preset {config.preset}, data set {target.dataset}, {target.seed_count} seed(s), commit {made_at}.",
        f"Values: {values}.",
        f"The truth of a sensor's band is the mean of the cube's {len(source)} bands, weighted by their overlap in nm. PSNR is the"
        " mean over the bands and over the images.",
        f"Trained for {data.training.steps} steps. Equal intervals are {data.counts.train[0]:g} to {data.counts.train[1]:g} equal"
        " parts of the band axis. Irregular intervals are as many parts, cut at random places, none narrower than a band of the"
        " cube.",
    ]
    for sensor in config.tables[SENSOR_TABLE].sensors:
        bands, names, left = covered(source, sensor)
        scored = ", ".join(f"{name} {start:.0f}-{end:.0f}" for name, (start, end) in zip(names, bands.edges))
        left_out = f"; not covered: {', '.join(left)}" if left else ""
        lines.append(f"{sensor}: {scored} nm{left_out}.")
    return lines + stored.imports(config, target)


def _read(config: Config, target: Target) -> pd.DataFrame:
    """sensors.csv of all rows. Raises UserError naming the first file that is missing, damaged or lacks a cell."""
    cells = [(p, sensor) for p in target.scales for sensor in config.tables[SENSOR_TABLE].sensors]
    wanted = dict.fromkeys(target.rows, cells)
    found = stored.scores("sensors.csv", "workflow.evaluate_sensors", ["p", "sensor"], wanted)
    return pd.concat(table.assign(intervals=intervals(config, run)) for run, table in found.items())


def intervals(config: Config, run: Run) -> str:
    """The intervals of the run's training; "" for a method that has none."""
    _, training = runs.settings(config, run)
    return training.intervals if network(run.method).uses("intervals") else ""


@program
def main() -> None:
    config = chosen_preset(__doc__)
    target = targets(config)[SENSOR_TABLE]
    tidy = table(config, target)
    shown, columns = printed(tidy)
    store = prepared.data(target.dataset)
    footer = protocol(config, target, store.bands, store.choices["values"], commit())
    write(target.name, tidy, markdown(shown, footer, columns), latex(shown, footer, columns))


if __name__ == "__main__":
    main()
