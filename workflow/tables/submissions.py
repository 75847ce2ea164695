"""Scores that were computed elsewhere: Tables 1 and 2 show each results/submissions/*.csv as rows marked (submitted).

A file has a row for each test scene and p, with the columns KEYS and the metrics that `ssif score --format csv` prints.
"""

from pathlib import Path

import numpy as np
import pandas as pd

from ssif.errors import UserError, flat
from workflow.plan.runs import results
from workflow.tables.cells import METRICS

KEYS = ["dataset", "model", "scene", "p"]


def means(dataset: str, scenes: set[str], scales: list[float]) -> pd.DataFrame:
    """One row a model and p of this data set: dataset, model, p and METRICS as means over the test scenes.

    Raises UserError, naming the file, if a file cannot be read or lacks a column, if a score is not a number, if a p is not in
    the table, and unless each model and p has exactly one row for each scene.
    """
    found = [_read(path, dataset, scenes, scales) for path in sorted((results() / "submissions").glob("*.csv"))]
    rows = pd.concat([pd.DataFrame(columns=[*KEYS, *METRICS]), *found]).astype(dict.fromkeys(METRICS, float))
    return rows.groupby(["dataset", "model", "p"], sort=False)[METRICS].mean().reset_index()


def _read(path: Path, dataset: str, scenes: set[str], scales: list[float]) -> pd.DataFrame:
    try:
        table = pd.read_csv(path, dtype={"dataset": str, "model": str, "scene": str})
    except (OSError, ValueError) as error:
        raise UserError(f"{path} cannot be read: {flat(str(error))}") from None
    if lacking := [name for name in [*KEYS, *METRICS] if name not in table]:
        raise UserError(f"{path} lacks the columns {', '.join(lacking)}; it needs {', '.join([*KEYS, *METRICS])}")
    table = table[table["dataset"] == dataset]
    numbers = table[["p", *METRICS]].apply(pd.to_numeric, errors="coerce")
    if not np.isfinite(numbers).all(axis=None):
        raise UserError(f"{path}: p or a score is not a number")
    for (model, p), rows in table.groupby(["model", "p"]):
        if p not in scales:
            raise UserError(
                f"{path}: p = {p:g} is not in the table, which has {', '.join(f'{scale:g}' for scale in scales)}"
            )
        if sorted(rows["scene"]) != sorted(scenes):
            raise UserError(
                f"{path}: {model} at p = {p:g} has the scenes {', '.join(sorted(rows['scene']))}, but must have each of"
                f" {', '.join(sorted(scenes))} once"
            )
    return table[[*KEYS, *METRICS]]
