"""What the report says about the networks: their training, their speed, and how they are smaller than in the paper."""

import io
from dataclasses import replace

import pandas as pd

from workflow import methods
from workflow.config.schema import Config
from workflow.figures import loss_curves, style
from workflow.page.images import PIXELS, embedded
from workflow.plan import imported, runs
from workflow.plan.runs import Run
from workflow.plan.targets import networks
from workflow.steps import stored

GRID, FIELDS, ABLATIONS = "networks on a pixel grid", "neural fields", "networks of the ablations"
CLASSIFIERS = "land-use classifiers (dotted: mean recall on the validation pixels)"


def records(config: Config) -> list[dict]:
    """For every network: the contents of its config.json, its run, loss curve, steps, steps a second and last loss."""
    found = []
    for run in networks(config):
        record = stored.record(run)
        origin = record.get("imported")
        steps = None if origin else record["training"].get("steps")
        # Published weights come without their curve.
        curve = stored.curve(run, None if "published" in record else steps)
        # A fitted map and imported weights have neither a curve nor a speed.
        speed = steps / record["seconds"] if steps and record["seconds"] else None
        loss = None if curve.empty else curve["loss"].iloc[-1]
        found.append(
            record | {"run": run, "curve": curve, "steps": steps, "speed": speed, "loss": loss, "imported": origin}
        )
    return found


def drawn_curves(config: Config, every: list[dict]) -> list[tuple[str, str, str]]:
    """Data set, kind of network and a drawing of the loss curves. Each kind has its own drawing, because losses of different
    kinds cannot be compared."""
    groups = {}
    for record in every:
        run = record["run"]
        if len(record["curve"]) > 1:
            # The caption names the data set. If there is a single seed, the head of the page names it.
            label = run.id.removeprefix(f"{run.dataset}.")
            label = label.removesuffix(f".s{run.seed}") if len(seeds(config)) == 1 else label
            groups.setdefault((run.dataset, _kind(run)), {})[label] = record["curve"]
    found = []
    for (dataset, kind), of_kind in groups.items():
        drawn = loss_curves.draw(of_kind, footer=f"preset {config.preset}, {dataset}")
        buffer = io.BytesIO()
        with style.styled():
            drawn.savefig(buffer, format="png", dpi=PIXELS / style.WIDTH)
        found.append((dataset, kind, embedded(buffer)))
    return found


def seeds(config: Config) -> list[int]:
    """The seeds of all methods."""
    return sorted({run.seed for run in networks(config)})


def _kind(run: Run) -> str:
    """Networks of one kind have the same loss; an extension has its own."""
    if methods.family(run.method) == "classifier":
        return CLASSIFIERS
    if run.changes:
        return ABLATIONS
    method = methods.METHODS.get(run.method)
    if method and method.extension:
        return method.label
    return GRID if methods.network(run.method).block else FIELDS


def evaluations(scores: pd.DataFrame) -> dict[str, dict]:
    """Data set -> its p, and a row for each method: name, seconds an image at each p (nan if not scored there), peak MiB."""
    found = {}
    names = (scores["model"] + " " + scores["changes"].fillna("")).str.strip()
    for dataset, measured in scores.assign(name=names).groupby("dataset", sort=False):
        seconds = measured.pivot_table(index="name", columns="p", values="seconds", sort=False).sort_index(axis=1)
        peaks = measured.groupby("name")["peak_mib"].max()
        lines = [(name, list(at_p), peaks[name]) for name, at_p in zip(seconds.index, seconds.values)]
        found[dataset] = {"scales": list(seconds.columns), "rows": lines}
    return found


def smaller(config: Config, paper: Config) -> tuple[dict, list[str]]:
    """What is smaller here than in config/paper.yaml: (block, steps there) -> the smaller number of steps here, and the blocks
    whose network has other sizes.

    A data set that config/paper.yaml lacks is compared with the first data set there. The block of the neural fields is called
    FIELDS.
    """
    steps, sizes = {}, {}
    for run in networks(config):
        entry = methods.network(run.method)
        like = run.dataset if run.dataset in paper.datasets else next(iter(paper.datasets))
        if methods.family(run.method) == "classifier":
            like = paper.tables["table3"].dataset
        # A fitted map has no steps, and a block of the user's own has no counterpart.
        known = (*paper.datasets[like].baselines, None, "land_use")
        if entry.family == "map" or entry.block not in known or imported.origin(run):
            continue
        here, there = runs.settings(config, run), runs.settings(paper, replace(run, dataset=like, changes=()))
        block = entry.block or FIELDS
        if here[1].steps < there[1].steps:
            steps.setdefault((block, there[1].steps), set()).add(here[1].steps)
        if here[0] != there[0] and not run.changes:
            sizes[block] = None
    return steps, list(sizes)
