"""The scores behind every table and figure. results/cells.csv holds the scores of all rows.

python -m workflow.tables.cells [--config config/config.yaml]
"""

from collections.abc import Iterable

import pandas as pd

from ssif.seals import noted_file
from workflow.config import schema
from workflow.config.names import spelled
from workflow.plan import runs
from workflow.plan.targets import Target, targets
from workflow.steps import stored
from workflow.steps.arguments import chosen_preset
from workflow.steps.processes import program

METRICS = ["mpsnr", "psnr_cube", "ssim", "sam", "ergas", "cc", "rmse"]
# Metrics of the image without its border, which published scores leave out; only some data sets have such a border.
CENTRAL = [f"central_{name}" for name in METRICS]
# How far a prediction is from its own input, and its scores once corrected to agree with it; only for simulated inputs.
CONSISTENCY = ["input_rmse", "input_sam", "consistent_mpsnr", "consistent_sam"]
KEYS = ["run", "dataset", "preset", "input", "model", "changes", "seed", "p", "C", "distribution", "reference"]


def scores(config: schema.Config, target: Target) -> pd.DataFrame:
    """One row a run, scene, p and C that the target shows: KEYS, scene, `metrics`, seconds and peak_mib.

    `input` is "simulated" or "measured" (`schema.Data.input`). `changes` are the changed keys of an ablation, such as
    "k=4 steps=1000", and empty otherwise. `distribution` is "out" if p lies beyond the scales of the training or C beyond its
    counts. Raises UserError, with the command that makes it again, for the first file that is missing, damaged or incomplete.
    """
    scales, counts = (getattr(config.datasets[target.dataset], axis).train for axis in ("scales", "counts"))
    wanted, tables = {run: target.cells(run) for run in target.rows}, []
    for run, table in stored.scores("metrics.csv", "workflow.evaluate", ["p", "C"], wanted).items():
        shown = set(wanted[run])
        table = table[[cell in shown for cell in zip(table["p"], table["C"])]]
        inside = table["p"].between(*scales) & table["C"].between(*counts)
        changes = " ".join(f"{key}={spelled(value)}" for key, value in run.changes)
        table = table.assign(run=run.id, changes=changes, input=config.datasets[target.dataset].input)
        tables.append(table.assign(distribution=inside.map({True: "in", False: "out"})))
    every = pd.concat(tables, ignore_index=True)
    return every[[*KEYS, "scene", *metrics(every), "seconds", "peak_mib"]]


def metrics(table: pd.DataFrame) -> list[str]:
    """METRICS, and the metrics of CENTRAL and CONSISTENCY that the table has."""
    return METRICS + [name for name in CENTRAL + CONSISTENCY if name in table]


def means(scores: pd.DataFrame) -> pd.DataFrame:
    """One row a run, p and C: KEYS, the number of test scenes, their mean `metrics` and seconds, and the largest peak."""
    groups = scores.groupby(KEYS, sort=False)
    table = groups[[*metrics(scores), "seconds"]].mean()
    table["peak_mib"] = groups["peak_mib"].max()
    table.insert(0, "scenes", groups.size())
    return table.reset_index()


def of_each_seed(config: schema.Config, target: Target, scores: pd.DataFrame, keys: list[str], columns: list[str]):
    """One row for each seed and value of `keys`, of which `distribution` is added as in `scores`: means of `columns` over the
    scenes."""
    inside = scores["p"].between(*config.datasets[target.dataset].scales.train)
    scores = scores.assign(distribution=inside.map({True: "in", False: "out"}))
    return scores.groupby([*keys, "seed"], sort=False)[columns].mean().reset_index()


def over_seeds(table: pd.DataFrame, keys: list[str], metrics: Iterable[str]) -> pd.DataFrame:
    """One row for each value of `keys`: `seeds`, and the mean and the standard deviation of each metric (`<metric>_std`, empty
    for a single seed). `table` has a row for each seed."""
    groups = table.groupby(keys, sort=False)
    columns = {"seeds": groups.size()}
    for metric in metrics:
        columns |= {metric: groups[metric].mean(), f"{metric}_std": groups[metric].std()}
    return pd.DataFrame(columns).reset_index()


@program
def main() -> None:
    config = chosen_preset(__doc__)
    every = pd.concat([means(scores(config, target)) for target in targets(config).values()])
    with noted_file(runs.results() / "cells.csv") as temporary:
        every.drop_duplicates(KEYS).to_csv(temporary, index=False, float_format="%.6g")


if __name__ == "__main__":
    main()
