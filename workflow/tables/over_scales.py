"""Tables 1 and 2: every method at C_max over the scales p, as results/<table>.csv (tidy), .md and .tex (as in the paper).

    python -m workflow.tables.over_scales --table table1 [--config config/config.yaml]

Our rows stand beside the paper's own numbers ("reported") if the paper has the data set. The two are never mixed.
"""

from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from workflow import methods
from workflow.config import schema
from workflow.plan import runs
from workflow.plan.targets import Target
from workflow.steps import prepared, stored
from workflow.steps.arguments import chosen_target
from workflow.steps.processes import program
from workflow.steps.provenance import commit
from workflow.tables import cells, remarks, submissions
from workflow.tables.layout import ELSEWHERE, columns_of, latex, markdown, write

# Score -> column of the table, in the order of the columns.
FIRST = ["mpsnr", "ssim", "sam", "psnr_cube", "ergas", "cc", "rmse"]
SCORES = {
    name: name.replace("mpsnr", "psnr") for name in (*FIRST, *(f"central_{name}" for name in FIRST), *cells.CONSISTENCY)
}
MARKS = (
    "Among our rows, bold is best and underlined is second. Rows marked (reported) are copied from the SSIF paper, whose first six"
    " come from Ma et al. 2021; they are ranked among themselves. Three kinds of rows are not ranked: (later) marks methods that"
    " the paper does not compare, (not in the paper) marks a method of ours, and (submitted) marks scores that were computed"
    " elsewhere."
)


def paper_table(name: str) -> pd.DataFrame:
    """The paper's Table 1, 2 or 3 (`name` as in a preset), a row a data set, model and p."""
    return pd.read_csv(Path(__file__).with_name(f"paper_{name}.csv"))


def table(scores: pd.DataFrame, target: Target) -> pd.DataFrame:
    """One row a model, p and source: mean and standard deviation over seeds (empty for a single one) of each metric.

    place: the rank by PSNR at this p among the paper's and the later methods, empty for other rows. scores: as from
    `cells.scores`. Each seed counts with its mean over the scenes.
    """
    ours = cells.means(scores).rename(columns=SCORES)
    ours = cells.over_seeds(
        ours,
        ["dataset", "preset", "model", "input", "p", "distribution"],
        [name for name in SCORES.values() if name in ours],
    )
    ours = ours.assign(source=[methods.APART.get(model, "ours") for model in ours["model"]], commit=commit())
    ours = pd.concat([ours[ours["source"] == source] for source in ("ours", "later", "extension")])
    reported = paper_table(target.name)
    reported = reported[reported["dataset"] == target.dataset].assign(source="reported")
    inside = ours.drop_duplicates("p").set_index("p")["distribution"]
    submitted = submissions.means(target.dataset, set(scores["scene"]), target.scales).rename(columns=SCORES)
    submitted = submitted.assign(source="submitted", seeds=1, distribution=submitted["p"].map(inside))
    tidy = pd.concat([ours, submitted, reported], ignore_index=True)[list(ours.columns)]
    rivals = tidy[tidy["source"].isin(("ours", "later"))]
    return tidy.assign(place=rivals.groupby("p")["psnr"].rank(ascending=False, method="min"))


def costs(config: schema.Config, target: Target) -> pd.DataFrame:
    """One row a model and p: parameters, training steps of its networks in turn ("3000+4000"), minutes of training as a mean
    over seeds (with those of the network from another p that it starts from), and the commits at which its networks were
    trained."""
    found = []
    for row in target.rows:
        stages = [stored.record(run) for run in runs.stages(row)]
        every = [stored.record(run) for run in runs.networks(config, [row])]
        found += [{
            "model": methods.METHODS[row.method].label,
            "p": p,
            "parameters": sum(record["parameters"] for record in stages),
            "steps": "+".join(str(record["training"].get("steps", 0)) for record in stages),
            "minutes": sum(record["seconds"] for record in every) / 60,
            "trained_at": _listed(record["commit"] for record in every),
        } for p, _ in target.cells(row)]  # fmt: skip
    # Keep integers beside the empty cells of reported rows: as floats, large ones would lose their last digits.
    groups = pd.DataFrame(found).astype({"parameters": "Int64"}).groupby(["model", "p"], sort=False)
    columns = {name: groups[name].first() for name in ("parameters", "steps")}
    columns |= {"minutes": groups["minutes"].mean(), "trained_at": groups["trained_at"].agg(_listed)}
    return pd.DataFrame(columns).reset_index()


def _listed(commits: Iterable[str]) -> str:
    """The different commits, each listed once."""
    return "+".join(dict.fromkeys(commits))


def with_costs(tidy: pd.DataFrame, costs: pd.DataFrame) -> pd.DataFrame:
    """`table` with the columns of `costs`, empty in rows from elsewhere."""
    ours = ~tidy["source"].isin(ELSEWHERE)
    return pd.concat([tidy[ours].merge(costs, how="left", on=["model", "p"]), tidy[~ours]], ignore_index=True)


def above_bicubic(tidy: pd.DataFrame) -> list[str]:
    """A line that says how many dB our rows are above bicubic + linear at each p; no line without that row."""
    psnr = tidy[tidy["source"] != "reported"].pivot(index="model", columns="p", values="psnr")
    plain = methods.METHODS["bicubic"].label
    if plain not in psnr.index or len(psnr) == 1:
        return []
    gains = psnr.drop(plain) - psnr.loc[plain]
    each = [f"{model} {', '.join(f'{gain:+.2f}' for gain in row.dropna())}" for model, row in gains.iterrows()]
    return [f"PSNR above {plain} at p = {', '.join(f'{p:g}' for p in gains.columns)}: {'; '.join(each)}."]


def protocol(config: schema.Config, target: Target, scenes: int, choices: dict, made_at: str) -> list[str]:
    """What a reader must know to compare a number with another paper's. `scenes` were scored at commit `made_at`; choices: of
    the prepared file."""
    data = config.datasets[target.dataset]
    training, network = data.training, data.network
    low, high = data.scales.train
    shipped = {"bmp": "the RGB image of each scene", "own": "the image that comes with each scene"}
    source = choices.get("input") or shipped.get(data.msi, f"{data.msi} simulated from the true bands")
    return [
        f"Preset {config.preset}, data set {target.dataset}, C = {data.full_count} bands, {scenes} test image(s),"
        f" {target.seed_count} seed(s), commit {made_at}.",
        f"Input: {source}, decimated by {'anti-aliased' if config.antialias else 'plain'} bicubic interpolation to"
        " LR = floor(H / p) pixels; HR is cropped to LR x p.",
        f"Values: {choices['values']}.",
        *([f"No data: {choices['no data']}."] if "no data" in choices else []),
        *([f"Scored: {choices['scored']}."] if "scored" in choices else []),
        "PSNR is the mean over the bands of the PSNR of each band with peak 1. SSIM has Gaussian windows of 11 x 11 pixels, and SAM"
        " is in degrees. Predictions are clamped to [0, 1] and scored on the whole image; scores are means over the images.",
        f"Neural fields: one network, trained on p in [{low:g}, {high:g}] (other p are out-of-distribution) for {training.steps}"
        f" steps of {training.batch} crops of {', '.join(map(str, training.lr_sizes))} LR pixels a side, with the encoder"
        f" {network.encoder['name']}, the decoder {network.pixel_decoder} if a method has none of its own, and hidden width"
        f" {network.hidden}.",
        *(
            f"{methods.METHODS[method].label}: {', '.join(f'{key} {value}' for key, value in changes.items())}."
            for method, changes in data.exceptions.items()
            if method in {row.method for row in target.rows}
        ),
        *_baselines(config, target),
        *stored.imports(config, target),
    ]


def _baselines(config: schema.Config, target: Target) -> list[str]:
    """A line on the budgets of the networks on a pixel grid, if the table has any."""
    baselines = config.datasets[target.dataset].baselines
    rows = [row for row in target.rows if row.scale]
    if not rows:
        return []
    used = {methods.network(run.method).block: None for run in runs.networks(config, rows)}
    each = []
    for block in used:
        sizes = ", ".join(f"{key} {value}" for key, value in baselines[block].network.items())
        training = baselines[block].training
        each.append(f"{block}{f' ({sizes})' if sizes else ''} {training.steps} steps of {training.batch}")
    notes = [f"Networks on a pixel grid: one for each p and C; a dash means that there is none: {'; '.join(each)}."]
    if any(methods.METHODS[row.method].stages for row in rows):
        notes.append("Each network of a chain is trained on true images, and nothing is clamped between them.")
    if "ssjsr" in used:
        notes.append("The layer sizes of SSJSR are not published, so they are ours.")
    return notes


@program
def main() -> None:
    config, target = chosen_target(__doc__, "table", lambda config: config.tables)
    scores = cells.scores(config, target)
    tidy = table(scores, target)
    tidy = with_costs(tidy, costs(config, target))
    choices, stands = prepared.data(target.dataset).choices, above_bicubic(tidy)
    footer = [*protocol(config, target, scores["scene"].nunique(), choices, commit()), MARKS, *stands]
    footer += remarks.still_learning(target)
    footer += remarks.compared(remarks.compare(scores.rename(columns=SCORES)))
    text = markdown(tidy, footer, columns_of(tidy))
    write(target.name, tidy, text, latex(tidy, footer, columns_of(tidy)))
    for line in stands:
        print(f"{target.name}: {line}")


if __name__ == "__main__":
    main()
