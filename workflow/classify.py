"""Classify the land cover in the predicted images of a run, or in the true image, at each p of Table 3 and Figure 9.

    python -m workflow.classify --run indian_pines.ssif-rf-uf.s0 [--config config/standard.yaml]
    python -m workflow.classify --run indian_pines.a2s2k.s0          # the true image, by the classifier's own id

land_use.csv has the number of labelled pixels of the first test scene for each true and predicted class; each pixel is
classified from its own window. maps.h5 has the maps of Figure 9, which come from one convolutional pass over the image.
"""

import numpy as np
import pandas as pd

from ssif.data import archive
from ssif.data.store import Store
from workflow.config.schema import Config
from workflow.land_use import recipes
from workflow.land_use.images import confusion_and_map, images_of, map_name
from workflow.plan import runs, targets
from workflow.plan.runs import Run
from workflow.steps import prepared
from workflow.steps.building import device, trained
from workflow.steps.finished_runs import on_chosen_run
from workflow.steps.processes import program
from workflow.steps.scoring import write_scores


def work(config: Config, run: Run, store: Store) -> None:
    cover, scene = prepared.cover(store), store.names("test")[0]
    ids = np.array(sorted(cover.names))
    classifier = targets.classifier(config, run.dataset, run.seed)
    model = trained(config, classifier, store)
    _, training = runs.settings(config, classifier)
    standardise = recipes.standardised(training, store, store.training_set(device(config)))
    mapped = {p for target in targets.of_land_use(config, run) if target.name == "fig9" for p in target.scales}

    counts, maps = [], {}
    for label, p, image in images_of(config, run, store):
        labels = cover.maps[scene][: image.shape[0], : image.shape[1]]
        print(f"{run.id}: {label}, p = {p:g}", flush=True)
        matrix, whole, agreement = confusion_and_map(model, standardise, image, labels, ids, dense=p in mapped)
        if whole is not None:
            maps[map_name(p, label)] = whole, agreement
        counts += [(label, p, ids[t], ids[c], matrix[t, c]) for t, c in zip(*np.nonzero(matrix))]
    table = pd.DataFrame(counts, columns=["model", "p", "true", "predicted", "pixels"])
    with archive.create(run.folder / "maps.h5") as file:
        file.attrs["scene"] = scene
        for name, (whole, agreement) in maps.items():
            archive.put(file, name, whole)
            file[name].attrs["agreement"] = agreement
    write_scores(run, "land_use.csv", table)


@program
def main() -> None:
    on_chosen_run(__doc__, targets.classified, "classification", work)


if __name__ == "__main__":
    main()
