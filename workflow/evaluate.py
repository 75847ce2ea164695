"""Score one trained run on every test scene at the p and C that tables and figures show: a row for each in its metrics.csv.

    python -m workflow.evaluate --run indian_pines.ssif-rf-uf.s0 [--config config/standard.yaml]

One pass serves all C of a scene and p; `seconds` is the time of this pass, `peak_mib` the peak memory of the process so far.
predictions.h5 keeps the images of the first test scene that figures show.
"""

import pandas as pd

from ssif.data.store import Store
from workflow.config import schema
from workflow.methods import METHODS
from workflow.plan import targets
from workflow.plan.runs import Run
from workflow.steps import predictions
from workflow.steps.building import device, predictor
from workflow.steps.finished_runs import on_chosen_run
from workflow.steps.processes import program
from workflow.steps.scoring import decimated, parts, scores, write_scores


def scored_cells(model, config: schema.Config, run: Run, store: Store) -> tuple[pd.DataFrame, dict]:
    """Rows of scene, p, C, reference, the seven metrics, seconds and peak_mib; and the images to keep, by (p, C).

    `reference` says what the prediction was compared with: "measured" bands, or a spectrum "interpolated" to C bands if C is
    larger than the data set's own number of bands, for which no truth exists.
    """
    shown = targets.targets(config)
    cells, kept, first = targets.cells(shown.values(), run), targets.stored_cells(shown, run), store.names("test")[0]
    wanted = {p: [parts(store, count) for count in counts] for p, counts in cells.items()}
    rows, images = [], {}
    for row, image in scores(
        model, store, wanted, decimated(store, config.antialias), device(config), f"{run.id} evaluation"
    ):
        rows.append(row)
        if row["scene"] == first and row["C"] in kept.get(row["p"], ()):
            images[row["p"], row["C"]] = image.cpu().numpy()
    return pd.DataFrame(rows), images


def work(config: schema.Config, run: Run, store: Store) -> None:
    table, images = scored_cells(predictor(config, run, store), config, run, store)
    predictions.write(run, store.names("test")[0], images)
    write_scores(run, "metrics.csv", table, model=METHODS[run.method].label)


@program
def main() -> None:
    on_chosen_run(__doc__, targets.rows, "evaluation", work)


if __name__ == "__main__":
    main()
