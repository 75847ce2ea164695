"""Score one trained run on changed scenes and inputs: a row for each test scene, p and change in its robustness.csv.

    python -m workflow.evaluate_robustness --run cave.ssif+.s0 --config config/cave-published.yaml

The changes are those of `ssif.perturbations`, one at a time. The first is the clean input.
"""

import pandas as pd

from ssif.data.store import Store
from ssif.perturbations import changes
from workflow.config import schema
from workflow.config.schema import ROBUSTNESS_TABLE
from workflow.methods import METHODS
from workflow.plan import targets
from workflow.plan.runs import Run
from workflow.steps.building import device, predictor
from workflow.steps.finished_runs import on_chosen_run
from workflow.steps.processes import program
from workflow.steps.scoring import View, Views, parts, scores, write_scores


def scored_changes(model, config: schema.Config, run: Run, store: Store) -> pd.DataFrame:
    """Rows of scene, p, change, value, unit, clipped (share of values), dimmed (dB) and the seven metrics."""
    target = targets.targets(config)[ROBUSTNESS_TABLE]
    wanted = {p: [parts(store, count)] for p, count in target.cells(run)}
    found = scores(model, store, wanted, changed_views(config, store), device(config), f"{run.id} robustness")
    return pd.DataFrame([row for row, _ in found]).drop(columns=["C", "reference", "seconds", "peak_mib"])


def changed_views(config: schema.Config, store: Store) -> Views:
    """The function that makes a view of a scene for each change."""
    every = changes(store.bands, store.response, config.tables[ROBUSTNESS_TABLE].camera, config.antialias)

    def views(scene, hsi, msi, low, known):
        for change in every:
            lr_msi, truth, clipped = change.see(scene, hsi, msi, low, config.antialias, known)
            label = {"change": change.name, "value": change.value, "unit": change.unit}
            yield View(lr_msi, truth, change.exposure, label | {"clipped": clipped, "dimmed": change.dimmed})

    return views


def work(config: schema.Config, run: Run, store: Store) -> None:
    table = scored_changes(predictor(config, run, store), config, run, store)
    write_scores(run, "robustness.csv", table, model=METHODS[run.method].label)


@program
def main() -> None:
    on_chosen_run(__doc__, lambda config: targets.rows_of(config, ROBUSTNESS_TABLE), "robustness", work)


if __name__ == "__main__":
    main()
