"""Score one trained run on the bands of real sensors: a row for each test scene, p and sensor in its sensors.csv.

    python -m workflow.evaluate_sensors --run cave.ssif-rf-uf.s0 --config config/cave-sensors.yaml

The truth is the mean of the cube's bands over each band of a sensor, weighted by their overlap in nm. Only bands that the cube
covers are scored. One pass serves all sensors of a scene and p.
"""

import pandas as pd

from ssif.bands import overlap_matrix
from ssif.data.store import Store
from ssif.sensors import covered
from workflow.config import schema
from workflow.config.schema import SENSOR_TABLE
from workflow.methods import METHODS
from workflow.plan import targets
from workflow.plan.runs import Run
from workflow.steps.building import device, predictor
from workflow.steps.finished_runs import on_chosen_run
from workflow.steps.processes import program
from workflow.steps.scoring import BandSet, decimated, scores, write_scores


def scored_sensors(model, config: schema.Config, run: Run, store: Store) -> pd.DataFrame:
    """Rows of scene, p, sensor, channels (the number of scored channels) and the seven metrics."""
    table = config.tables[SENSOR_TABLE]
    sets = []
    for sensor in table.sensors:
        bands = covered(store.bands, sensor)[0]
        label = {"sensor": sensor, "channels": len(bands)}
        sets.append(BandSet(label, bands, overlap_matrix(store.bands, bands)))
    wanted = dict.fromkeys(table.scales, sets)
    found = scores(model, store, wanted, decimated(store, config.antialias), device(config), f"{run.id} sensors")
    return pd.DataFrame([row for row, _ in found]).drop(columns=["seconds", "peak_mib"])


def work(config: schema.Config, run: Run, store: Store) -> None:
    table = scored_sensors(predictor(config, run, store), config, run, store)
    write_scores(run, "sensors.csv", table, model=METHODS[run.method].label)


@program
def main() -> None:
    on_chosen_run(__doc__, lambda config: targets.rows_of(config, SENSOR_TABLE), "sensors", work)


if __name__ == "__main__":
    main()
