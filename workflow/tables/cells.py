"""results/cells.csv: the mean over scenes for every run, p and C behind a table; all tables and figures read it.

python -m workflow.tables.cells [--config config/config.yaml]
"""

import pandas as pd

from ssif.errors import UserError, exit_cleanly
from ssif.io import whole_file
from workflow import plan, presets
from workflow.arguments import parser

METRICS = ["mpsnr", "psnr_cube", "ssim", "sam", "ergas", "cc", "rmse"]
KEYS = ["dataset", "preset", "model", "seed", "p", "C", "distribution", "reference"]


def cells(config: presets.Config) -> pd.DataFrame:
    """One row a run, p and C: KEYS, the seven METRICS averaged over the test scenes, their number, time and memory.

    `distribution` is "out" where p lies beyond the scales, or C beyond the counts, that the run was trained on.
    """
    tables = []
    for run in plan.table_rows(config):
        data = config.datasets[run.dataset]
        table = _read(run)
        beyond = (table["p"] > data.scales.train[1]) | (table["C"] > data.counts.train[1])
        beyond |= (table["p"] < data.scales.train[0]) | (table["C"] < data.counts.train[0])
        table["distribution"] = beyond.map({True: "out", False: "in"})
        groups = table.groupby(KEYS, sort=False)
        means = groups[[*METRICS, "seconds"]].mean()
        means["peak_mib"] = groups["peak_mib"].max()
        means.insert(0, "scenes", groups.size())
        tables.append(means.reset_index())
    return pd.concat(tables)


def _read(run: plan.Run) -> pd.DataFrame:
    try:
        return pd.read_csv(run.folder / "metrics.csv")
    except FileNotFoundError:
        raise UserError(f"{run.folder}/metrics.csv is missing: python -m workflow.evaluate --run {run.id}") from None


@exit_cleanly
def main() -> None:
    config = presets.load(parser(__doc__).parse_args().config)
    with whole_file(plan.RESULTS / "cells.csv") as temporary:
        cells(config).to_csv(temporary, index=False, float_format="%.6g")


if __name__ == "__main__":
    main()
