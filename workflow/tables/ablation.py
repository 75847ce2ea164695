"""results/ablation.csv: what each changed hyper-parameter does, one row an ablation, model, value, p and C.

python -m workflow.tables.ablation [--config config/config.yaml]
"""

import pandas as pd

from ssif.seals import noted_file
from workflow.config import schema
from workflow.config.names import spelled
from workflow.plan import runs
from workflow.plan.targets import Target, targets, value_of
from workflow.steps import stored
from workflow.steps.arguments import chosen_preset
from workflow.steps.processes import program
from workflow.steps.provenance import commit
from workflow.tables import cells

KEYS = ["ablation", "dataset", "preset", "model", "key", "value", "fixed", "p", "C", "distribution", "reference"]


def points(config: schema.Config, target: Target) -> pd.DataFrame:
    """One row a run, p and C of the target, with the value of the changed key in `value`, as a string ("" if the model does not
    read the key)."""
    ablation = config.ablations[target.name]
    values = {run.id: value_of(config, ablation, run) for run in target.rows}
    means = cells.means(cells.scores(config, target))
    return means.assign(value=means["run"].map(values))


def table(config: schema.Config, target: Target) -> pd.DataFrame:
    """KEYS, mean and standard deviation over seeds of the metrics, parameters, training seconds and commit."""
    ablation = config.ablations[target.name]
    found = points(config, target)
    records = {run.id: stored.record(run) for run in target.rows}
    found["parameters"] = [records[run]["parameters"] for run in found["run"]]
    found["training_seconds"] = [records[run]["seconds"] for run in found["run"]]
    fixed = " ".join(f"{key}={spelled(value)}" for key, value in ablation.fixed.items())
    found = found.assign(ablation=target.name, key=ablation.change, fixed=fixed)
    costs = found.groupby(KEYS, sort=False)[["parameters", "training_seconds"]].mean().reset_index()
    return cells.over_seeds(found, KEYS, cells.METRICS).merge(costs, on=KEYS, sort=False).assign(commit=commit())


@program
def main() -> None:
    config = chosen_preset(__doc__)
    shown = targets(config)
    tables = [table(config, shown[name]) for name in config.ablations]
    with noted_file(runs.results() / "ablation.csv") as temporary:
        pd.concat(tables).to_csv(temporary, index=False, float_format="%.6g")


if __name__ == "__main__":
    main()
