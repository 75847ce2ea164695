"""Table 3: how well a land-use classifier trained on true spectra does on predicted images, as results/table3.csv, .md, .tex.

    python -m workflow.tables.land_use --table table3 [--config config/config.yaml]

The rows of the true image (an upper bound) and of a constant answer stand below the methods. If the data set is in the paper,
its accuracies stand beside them as "reported".
"""

from collections.abc import Iterator
from itertools import product

import numpy as np
import pandas as pd

from ssif.data.raw import LandCover
from ssif.errors import UserError
from workflow.config import schema
from workflow.land_use import accuracy
from workflow.land_use.images import BICUBIC, TRUE
from workflow.methods import METHODS, family
from workflow.plan import runs
from workflow.plan.runs import Run
from workflow.plan.targets import Target
from workflow.steps import prepared, stored
from workflow.steps.arguments import chosen_target
from workflow.steps.processes import program
from workflow.steps.provenance import commit
from workflow.tables.cells import over_seeds
from workflow.tables.layout import latex, markdown, section, write
from workflow.tables.over_scales import paper_table

METRICS = ("oa", "aa", "kappa", "macro_f1", "miou")
COLUMNS = {"oa": ("OA", 1, True), "aa": ("AA", 1, True), "macro_f1": ("F1", 1, True)}
CONSTANT = "constant answer"
# The row that the paper calls "Acc Imp.".
IMPROVED, OVER = "ssif-rf-gs", "liif"
NOT_COMPARABLE = (
    "The paper's accuracies are shown as reported and cannot be read as OA: in its test image, 93 % of the labelled pixels are"
    " of one class, so a constant answer has an OA of 93.0 %, far above the paper's 72.66 % for the true image. The paper does"
    " not say which pixels and classes it counts."
)


def matrices(target: Target, ids: list[int]) -> Iterator[dict]:
    """Model, source, seed, p and confusion matrix [n, n] over `ids`, for every image and seed at each p of the target.

    source: the source of the method's rows, or "bound" for the true image and for the constant answer, which gives every pixel
    the most frequent class. Raises UserError naming the first file that is missing, damaged, or lacks an image or some of its
    pixels.
    """
    pixels = {}
    for run in (*target.rows, *target.classifiers):
        path = run.folder / "land_use.csv"
        with stored.readable(path, f"python -m workflow.classify --run {run.id}"):
            counted = _counted(pd.read_csv(path), target, run, ids)
            for (_, p), matrix in counted.items():
                first, true = pixels.setdefault(p, (path, matrix.sum(axis=1)))
                if (matrix.sum(axis=1) != true).any():
                    raise UserError(f"at p = {p:g} it counts other labelled pixels than {first}")
        source = "bound" if family(run.method) == "classifier" else METHODS[run.method].source
        for (model, p), matrix in counted.items():
            found = {"model": model, "source": source, "seed": run.seed, "p": p}
            yield found | {"matrix": matrix}
            if model == TRUE:
                constant = np.zeros_like(matrix)
                constant[:, matrix.sum(axis=1).argmax()] = matrix.sum(axis=1)
                yield found | {"model": CONSTANT, "matrix": constant}


def _counted(counts: pd.DataFrame, target: Target, run: Run, ids: list[int]) -> dict[tuple[str, float], np.ndarray]:
    """Label and p -> confusion matrix, for each image of a run that the target shows."""
    labels = [TRUE, BICUBIC] if family(run.method) == "classifier" else [METHODS[run.method].label]
    found = {}
    for label, p in product(labels, [p for p in target.scales if run.scale in (None, p)]):
        counted = counts[(counts["model"] == label) & (counts["p"] == p)]
        stored.check_rows(counted, ["true", "predicted"], list(zip(counted["true"], counted["predicted"])), ["pixels"])
        matrix = pd.crosstab(counted["true"], counted["predicted"], counted["pixels"], aggfunc="sum")
        if not set(matrix.index) | set(matrix.columns) <= set(ids):
            raise UserError("it has classes that are not in the land cover")
        found[label, p] = matrix.reindex(index=ids, columns=ids).fillna(0).to_numpy().astype(int)
    return found


def table(config: schema.Config, target: Target, ids: list[int]) -> pd.DataFrame:
    """One row a model, p and source: METRICS and recall_<id> in [0, 1], as means over the seeds; METRICS also have a deviation.

    Rows that are "reported" have the paper's number as `accuracy`, which is not an OA; our rows have no `accuracy`.
    """
    low, high = config.datasets[target.dataset].scales.train
    rows = []
    for found in matrices(target, ids):
        matrix = found.pop("matrix")
        recalls = {f"recall_{number}": value for number, value in zip(ids, accuracy.recall(matrix))}
        rows.append(
            found
            | {"distribution": "in" if low <= found["p"] <= high else "out"}
            | accuracy.accuracies(matrix)
            | recalls
        )
    keys, each = ["model", "source", "p", "distribution"], [f"recall_{number}" for number in ids]
    rows = pd.DataFrame(rows)
    ours = over_seeds(rows, keys, METRICS).merge(rows.groupby(keys, sort=False)[each].mean().reset_index(), on=keys)
    bounds = [ours[ours["model"] == name] for name in (TRUE, BICUBIC, CONSTANT)]
    ours = pd.concat([ours[ours["source"] != "bound"], *bounds])
    paper = paper_table("table3")
    paper = paper[paper["dataset"] == target.dataset]
    reported = paper[["model", "p"]].assign(accuracy=paper["accuracy_percent"] / 100, source="reported")
    tidy = pd.concat([ours.assign(accuracy=np.nan), reported], ignore_index=True)
    tidy = tidy.assign(dataset=target.dataset, preset=config.preset, commit=commit())
    first = ["dataset", "preset", "model", "p", "distribution", "seeds"]
    shown = [name for metric in METRICS for name in (metric, f"{metric}_std")]
    return tidy[[*first, *shown, *each, "accuracy", "source", "commit"]]


def printed(tidy: pd.DataFrame) -> pd.DataFrame:
    """Our rows of the table in percent, with the paper's "Acc Imp." (SSIF-RF-GS - LIIF) between the methods and the bounds."""
    ours = tidy[tidy["source"] != "reported"].copy()
    shown = [name for metric in COLUMNS for name in (metric, f"{metric}_std")]
    ours[shown] *= 100
    names = [METHODS[name].label for name in (IMPROVED, OVER)]
    one, other = (ours[ours["model"] == name].set_index(["p", "distribution"])[list(COLUMNS)] for name in names)
    gain = (one - other).dropna().reset_index().assign(model=f"Acc Imp. ({' - '.join(names)})", source="difference")
    methods = ours["source"] != "bound"
    return pd.concat([ours[methods], gain, ours[~methods]], ignore_index=True)


def protocol(
    config: schema.Config, target: Target, cover: LandCover, scene: str, values: str, made_at: str
) -> list[str]:
    """What a reader must know about these numbers: `scene` with these `values` was classified at commit `made_at`."""
    network, training = runs.settings(config, target.classifiers[0])
    labels = cover.maps[scene]
    absent = [named(cover, number) for number in sorted(cover.names) if not (labels == number).any()]
    sizes = "".join(f", {key} {value}" for key, value in network.items())
    source = {"train_region": "training", "test_region": "test"}[training.validation_from]
    return [
        f"Preset {config.preset}, data set {target.dataset}, C = {target.counts[0]} bands, test image {scene} with"
        f" {np.count_nonzero(labels)} labelled pixels, {target.seed_count} seed(s), commit {made_at}.",
        f"Values: {values}.",
        f"Classifier: A2S2K-ResNet{sizes}, trained only on true spectra, for {training.steps} steps of {training.batch} windows."
        f" It learns from {training.train[0]} to {training.train[1]} pixels of a class, and classes are drawn with equal chances."
        f" The weights with the best mean recall on at most {training.validation} pixels of each class in the {source} region are"
        " kept.",
        f"Every image is converted to raw units and goes through one transform ({training.preprocess}), fitted on "
        + ("each image." if training.preprocess == "per_image" else "the true image of the training region."),
        "OA is the share of correct pixels, AA the mean recall, and F1 the macro F1 score. All are in percent, over the classes"
        " that the test image has. Each labelled pixel is classified exactly, from its own window.",
        "The true image shows the most that the classifier can do. 'true image, bicubic' is the true image after bicubic"
        f" decimation by p and interpolation back. The {CONSTANT} gives every pixel the most frequent class. These rows are not"
        " ranked.",
        *(
            [f"The test image does not have these classes, so nothing is measured on them: {'; '.join(absent)}."]
            if absent
            else []
        ),
        *stored.imports(config, target),
    ]


def named(cover: LandCover, number: int) -> str:
    """A class as "6 asphalt (elsewhere Tiles)"."""
    other = cover.other_names.get(number, "")
    elsewhere = f" (elsewhere {other})" if other.lower() not in ("", cover.names[number].lower()) else ""
    return f"{number} {cover.names[number]}{elsewhere}"


def recalls(tidy: pd.DataFrame, p: float, cover: LandCover, labels: np.ndarray) -> pd.DataFrame:
    """The recall of each class that the test image has, at one p, in percent: a row a model, a column a class."""
    present = [number for number in sorted(cover.names) if (labels == number).any()]
    shown = tidy[(tidy["p"] == p) & (tidy["source"] != "reported")].set_index("model")
    heads = [f"{named(cover, number)}, {np.count_nonzero(labels == number)} px" for number in present]
    found = 100 * shown[[f"recall_{number}" for number in present]]
    return found.map("{:.1f}".format).set_axis(heads, axis=1)


def reported(tidy: pd.DataFrame) -> pd.DataFrame:
    """The paper's accuracies in percent, a row a model and a column a p; empty if the paper does not have the data set."""
    paper = tidy[tidy["source"] == "reported"]
    scales = [p for p in paper["p"].unique() if p == p]
    # The true image has one number, which belongs to no p.
    wide = {
        model: rows["accuracy"].tolist() * (len(scales) // len(rows))
        for model, rows in paper.groupby("model", sort=False)
    }
    return (100 * pd.DataFrame(wide, index=[f"p={p:g}" for p in scales]).T).map("{:.2f}".format)


@program
def main() -> None:
    config, target = chosen_target(
        __doc__, "table", lambda config: [name for name in config.tables if name == "table3"]
    )
    store = prepared.data(target.dataset)
    cover, scene = prepared.cover(store), store.names("test")[0]
    tidy = table(config, target, sorted(cover.names))
    footer = protocol(config, target, cover, scene, store.choices["values"], commit())
    shown = printed(tidy)
    first = min(target.scales)
    found = recalls(tidy, first, cover, cover.maps[scene])
    text = markdown(shown, footer, COLUMNS) + "\n" + section(f"Recall of each class at p={first:g} (%)", "Model", found)
    if len(paper := reported(tidy)):
        text += f"\n{section('Reported in the paper: accuracy (%)', 'Model', paper)}\n- {NOT_COMPARABLE}\n"
    write(target.name, tidy, text, latex(shown, footer, COLUMNS))


if __name__ == "__main__":
    main()
