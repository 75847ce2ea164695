"""The table of robustness: what each method loses when one thing about the scene or its input is changed (docs/robustness.md).

    python -m workflow.tables.robustness [--config config/cave-published.yaml]

results/table_robustness.csv is tidy, a row a model, change and p. .md and .tex show PSNR and SAM and their difference from the
clean input; results/figures/robustness.pdf and .png show the loss alone.
"""

import numpy as np
import pandas as pd

from ssif.data.store import Store
from ssif.perturbations import CLEAN, Change, changes, left_out
from workflow.config.schema import ROBUSTNESS_TABLE, Config
from workflow.figures import robustness, style
from workflow.methods import APART
from workflow.plan.runs import results
from workflow.plan.targets import Target, targets
from workflow.steps import prepared, stored
from workflow.steps.arguments import chosen_preset
from workflow.steps.processes import program
from workflow.steps.provenance import commit
from workflow.tables.cells import METRICS, of_each_seed, over_seeds
from workflow.tables.layout import SUFFIXES, note, section, write

KEYS = ["dataset", "preset", "model", "change", "value", "unit", "p", "distribution"]
LOST = ["mpsnr_lost", "sam_lost"]
SHOWN = {"mpsnr": ("PSNR (dB)", 2), "sam": ("SAM (degrees)", 2)}


def every_change(config: Config, store: Store) -> list[Change]:
    """The changes of the preset's table, the clean input first."""
    return changes(store.bands, store.response, config.tables[ROBUSTNESS_TABLE].camera, config.antialias)


def table(config: Config, target: Target, every: list[Change]) -> pd.DataFrame:
    """KEYS, `clipped` (share of values), `dimmed` (dB), then mean and standard deviation of each metric and of LOST over the
    seeds (empty for a single seed); each seed counts with its mean over the scenes.

    mpsnr_lost: PSNR with the clean input - (PSNR - dimmed); sam_lost: SAM - SAM with the clean input.
    """
    of_seed = of_each_seed(config, target, _read(target, every), KEYS, ["clipped", "dimmed", *METRICS])
    same = ["model", "seed", "p"]
    clean = of_seed.loc[of_seed["change"] == CLEAN.name, [*same, "mpsnr", "sam"]]
    of_seed = of_seed.merge(clean, on=same, suffixes=("", "_clean"))
    of_seed["mpsnr_lost"] = of_seed["mpsnr_clean"] - of_seed["mpsnr"] + of_seed["dimmed"]
    of_seed["sam_lost"] = of_seed["sam"] - of_seed["sam_clean"]
    shares = of_seed.groupby(KEYS, sort=False)[["clipped", "dimmed"]].mean().reset_index()
    tidy = shares.merge(over_seeds(of_seed, KEYS, [*METRICS, *LOST]), on=KEYS)
    return tidy.assign(source=[APART.get(model, "ours") for model in tidy["model"]], commit=commit())


def _read(target: Target, every: list[Change]) -> pd.DataFrame:
    """robustness.csv of all rows. Raises UserError naming the first file that is missing, damaged or lacks a cell."""
    wanted = {run: [(p, each.name, each.value) for p, _ in target.cells(run) for each in every] for run in target.rows}
    found = stored.scores("robustness.csv", "workflow.evaluate_robustness", ["p", "change", "value"], wanted)
    names = [f"{each.name} {each.value}" for each in every]
    scores = pd.concat(found.values()).fillna({"unit": ""})
    # A run may have been scored under more changes than the preset lists now.
    return scores[(scores["change"] + " " + scores["value"]).isin(names)]


def titles(tidy: pd.DataFrame) -> pd.Series:
    """What each row changed, in words: "JPEG quality 65"."""
    return (tidy["change"] + " " + tidy["value"] + " " + tidy["unit"].fillna("")).str.strip()


def printed(tidy: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Heading -> table with a row a change, clean first, and a column a model: score and difference from the clean input."""
    tidy = tidy.assign(title=titles(tidy), name=tidy["model"] + tidy["source"].map(SUFFIXES).fillna(""))
    found = {}
    for p in tidy["p"].unique():
        block = tidy[tidy["p"] == p]
        clipped = block.groupby("title", sort=False)["clipped"].first()
        for metric, (label, decimals) in SHOWN.items():
            worse = -block[f"{metric}_lost"] if metric == "mpsnr" else block[f"{metric}_lost"]
            cells = block[metric].map(f"{{:.{decimals}f}}".format) + worse.map(f" ({{:+z.{decimals}f}})".format)
            cells = cells.where(block["change"] != CLEAN.name, block[metric].map(f"{{:.{decimals}f}}".format))
            wide = block.assign(cell=cells).pivot(index="title", columns="name", values="cell")
            wide = wide.loc[clipped.index, block["name"].unique()].fillna("-")
            wide.insert(0, "clipped", np.where(clipped > 0, clipped.map("{:.1%}".format), ""))
            found[f"{label} at p = {p:g}"] = wide
    return found


def protocol(config: Config, target: Target, store: Store, every: list[Change], made_at: str) -> list[str]:
    """What a reader must know about the numbers."""
    dimmed = [f"{each.value} {each.dimmed:.1f}" for each in every if each.dimmed]
    light = f" A light dims the bands, so its difference of PSNR is from the clean score plus {', '.join(dimmed)} dB."
    return [
        f"Preset {config.preset}, data set {target.dataset}, C = {target.counts[0]}, {target.seed_count} seed(s),"
        f" commit {made_at}. Values: {store.choices['values']}.",
        "One change at a time is made, to methods that were trained without any. The difference from the clean input is in"
        " brackets." + (light if dimmed else ""),
        "Clipped is the share of values that were cut: values of the changed spectra below 0 (metamers), or of the input above"
        " white (exposure).",
        *left_out(store.bands, store.response, config.tables[ROBUSTNESS_TABLE].camera),
        *stored.imports(config, target),
    ]


def latex_of_blocks(blocks: dict[str, pd.DataFrame], footer: list[str]) -> str:
    """The footer as comments, a LaTeX tabular for each block (needs booktabs), and the footer as a note."""
    lines = [f"% {line}" for line in footer]
    for heading, block in blocks.items():
        lines += [f"% {heading}", block.rename_axis(index=None, columns=None).to_latex(escape=True)]
    return "\n".join([*lines, note(footer)])


@program
def main() -> None:
    config = chosen_preset(__doc__)
    target = targets(config)[ROBUSTNESS_TABLE]
    store = prepared.data(target.dataset)
    every = every_change(config, store)
    tidy = table(config, target, every)
    blocks, footer = printed(tidy), protocol(config, target, store, every, commit())
    text = "\n".join(section(heading, "Change", block) for heading, block in blocks.items())
    write(
        target.name,
        tidy,
        text + "\n" + "\n".join(f"- {line}" for line in footer) + "\n",
        latex_of_blocks(blocks, footer),
    )
    shown_of = f"preset {config.preset}, {target.dataset}, {target.seed_count} seed(s), commit {commit()}"
    drawn = robustness.draw(tidy.assign(title=titles(tidy)), footer=shown_of)
    style.save(drawn, results() / "figures/robustness")


if __name__ == "__main__":
    main()
