"""results/report.html: tables, figures and runs of a preset on one page that needs nothing beside itself.

    python -m workflow.report [--config config/config.yaml]

It measures nothing: all numbers come from files that the other programs have written. The words are in report.html.j2.
"""

import base64
import datetime
import io
from collections import Counter
from dataclasses import replace
from pathlib import Path

import jinja2
import pandas as pd
from PIL import Image

from ssif.data.readers import DATASETS
from ssif.errors import UserError
from ssif.io import whole_file
from workflow import methods
from workflow.config import presets, schema
from workflow.config.names import spelled
from workflow.figures import loss_curves, style
from workflow.methods import METHODS
from workflow.plan import imported, runs
from workflow.plan.runs import Run
from workflow.plan.targets import Target, networks, targets, value_of
from workflow.steps import prepared, stored
from workflow.steps.arguments import parser
from workflow.steps.processes import program
from workflow.steps.provenance import commit
from workflow.tables import cells, land_use, layout, learning, over_scales, sensors, significance

HERE = Path(__file__).resolve().parent
PIXELS = 1600  # width of an embedded image: sharp on a dense screen, and half the bytes of the file's own
GRID, FIELDS, ABLATIONS = "networks on a pixel grid", "neural fields", "networks of the ablations"
CLASSIFIERS = "land-use classifiers (dotted: mean recall on the validation pixels)"


def page(config: schema.Config) -> str:
    """The whole page. Raises UserError naming the first file that is missing or of another preset."""
    shown, paper = targets(config), presets.load(HERE.parent / "config/paper.yaml")
    tables = [table(config, shown[name]) for name in config.tables if name in ("table1", "table2")]
    cells_of = {(run.id, *cell) for target in shown.values() for run in target.rows for cell in target.cells(run)}
    every, scores = trained(config), _csv(config, "cells", "cells", ["run", "p", "C"], cells_of)
    ablated = _ablated(config, shown) if config.ablations else None
    steps, sizes = smaller(config, paper)
    interpolated = scores[scores["reference"] == "interpolated"].groupby("dataset")["C"].unique()
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(HERE), autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True
    )
    return environment.get_template("report.html.j2").render(
        config=config,
        paper=paper,
        shown=shown,
        labels={name: method.label for name, method in METHODS.items()},
        title=lambda name: DATASETS[name].label if name in DATASETS else name,
        metrics=[f"{label} {'↑' if larger else '↓'}" for label, _, larger in layout.COLUMNS.values()],
        tables=tables,
        land_use=classification(config, shown["table3"]) if "table3" in shown else None,
        sensors=sensor_table(config, shown[schema.SENSOR_TABLE]) if schema.SENSOR_TABLE in shown else None,
        ablations={name: ablation(config, name, ablated) for name in config.ablations},
        images={name: drawing(name) for name in [*config.figures, *config.ablations]},
        curves=drawn_curves(config, every),
        networks=every,
        seconds=sum(record["seconds"] for record in every),
        seeds=_seeds(config),
        origin={key: Counter(record[key] for record in every) for key in ("commit", "machine")},
        evaluations=evaluations(scores),
        interpolated={dataset: sorted(counts) for dataset, counts in interpolated.items()},
        steps=steps,
        sizes=sizes,
        fewest_pairs=significance.FEWEST_PAIRS,
        commit=commit(),
        today=f"{datetime.date.today():%d %B %Y}",
    )


def trained(config: schema.Config) -> list[dict]:
    """For every network the contents of its config.json, and its run, curve, steps, steps a second and last loss."""
    found = []
    for run in networks(config):
        record = stored.record(run)
        origin = record.get("imported")
        steps = None if origin else record["training"].get("steps")
        # Published weights come without their curve.
        curve = stored.curve(run, None if "published" in record else steps)
        # A map that is fitted has neither, nor have imported weights.
        speed = steps / record["seconds"] if steps and record["seconds"] else None
        loss = None if curve.empty else curve["loss"].iloc[-1]
        found.append(
            record | {"run": run, "curve": curve, "steps": steps, "speed": speed, "loss": loss, "imported": origin}
        )
    return found


def table(config: schema.Config, target: Target) -> dict:
    """Table 1 or 2: its blocks beside the paper's numbers, the lines under it, and what it lacks."""
    tidy = _csv(config, target.name, f"over_scales --table {target.name}", ["model", "p"], _shown(target))
    ours = tidy[tidy["source"] != "reported"]
    scores = cells.scores(config, target)
    paired = significance.compare(scores.rename(columns=over_scales.SCORES))
    absent = {}
    for model, served in ours.groupby("model", sort=False)["p"]:
        if lacking := tuple(p for p in target.scales if p not in set(served)):
            absent.setdefault(lacking, []).append(model)
    reported = pd.read_csv(over_scales.REFERENCE / f"paper_{target.name}.csv")
    commits, values = list(ours["commit"].unique()), prepared.data(target.dataset).choices["values"]
    return {
        "target": target,
        "blocks": [(heading, scales, beside_the_paper(found)) for heading, scales, found in layout.blocks(tidy)],
        "of_paper": list(reported["dataset"].unique()),
        "protocol": over_scales.protocol(config, target, scores["scene"].nunique(), values, ", ".join(commits)),
        "tests": [*learning.lines(target), *significance.lines(paired)],
        "pairs": paired["pairs"].min() if len(paired) else None,
        "absent": absent,
        "commits": commits,
    }


def classification(config: schema.Config, target: Target) -> dict:
    """Table 3: its blocks, the recall of each class at the first p, the paper's numbers, the lines under it."""
    tidy = _csv(config, target.name, f"land_use --table {target.name}", ["model", "p"], _shown(target))
    store = prepared.data(target.dataset)
    cover, scene = prepared.cover(store), store.names("test")[0]
    return {
        "target": target,
        "columns": [label for label, _, _ in land_use.COLUMNS.values()],
        "blocks": list(layout.blocks(land_use.printed(tidy), land_use.COLUMNS)),
        "first": min(target.scales),
        "recalls": land_use.recalls(tidy, min(target.scales), cover, cover.maps[scene]),
        "reported": land_use.reported(tidy),
        "not_comparable": land_use.NOT_COMPARABLE,
        "protocol": land_use.protocol(
            config, target, cover, scene, store.choices["values"], ", ".join(tidy["commit"].unique())
        ),
    }


def sensor_table(config: schema.Config, target: Target) -> dict:
    """The table of sensors: its blocks and the lines under it."""
    wanted = {
        (model, sensors.intervals(config, run), sensor, p)
        for run in target.rows
        for model, p in _shown(replace(target, rows=[run]))
        for sensor in config.tables[target.name].sensors
    }
    tidy = _csv(config, target.name, "sensors", ["model", "intervals", "sensor", "p"], wanted)
    shown, columns = sensors.printed(tidy)
    store, made_at = prepared.data(target.dataset), ", ".join(tidy["commit"].unique())
    return {
        "target": target,
        "columns": [label for label, _, _ in columns.values()],
        "blocks": list(layout.blocks(shown, columns)),
        "protocol": sensors.protocol(config, target, store.bands, store.choices["values"], made_at),
    }


def beside_the_paper(found: list[tuple[str, list]]) -> list[tuple[str, bool, list]]:
    """Rows of a block of `layout.blocks` as name, whether it is ours, and (cell, the paper's cell, difference) a column.

    First those of ours, then those that the paper alone has. The difference is ours - the paper's.
    """
    paper = {name.removesuffix(layout.REPORTED): numbers for name, numbers in found if name.endswith(layout.REPORTED)}
    ours = {name: numbers for name, numbers in found if not name.endswith(layout.REPORTED)}
    shown = []
    for name, numbers in ours.items():
        reported = paper.pop(name, [None] * len(numbers))
        shown.append((name, True, [(*pair, _difference(*pair)) for pair in zip(numbers, reported)]))
    return shown + [
        (name, False, [(None, cell, "") for cell in numbers]) for name, numbers in paper.items() if any(numbers)
    ]


def _difference(ours: layout.Cell | None, reported: layout.Cell | None) -> str:
    """The difference of the printed digits, so that the numbers on the page add up; "" where one is absent."""
    if ours is None or reported is None:
        return ""
    decimals = len(reported.digits.partition(".")[2])
    return f"{float(ours.digits) - float(reported.digits):+.{decimals}f}".replace("-", "−")


def ablation(config: schema.Config, name: str, every: pd.DataFrame) -> dict:
    """What was fixed, (p, C, whether C has a truth) of each group of columns, and rows (a model and value, its cells)."""
    ablation = config.ablations[name]
    largest, tested = config.datasets[ablation.dataset].full_count, config.datasets[ablation.dataset].counts.test
    found = every[every["ablation"] == name].rename(columns={"mpsnr": "psnr", "mpsnr_std": "psnr_std"})
    found = found.fillna({"value": ""}).assign(source="ours", name=lambda row: row["model"] + " " + row["value"])
    groups = [
        (p, count, count <= largest) for p in sorted(ablation.scales) for count in sorted({largest, int(max(tested))})
    ]
    columns = [
        layout.column(found[(found["p"] == p) & (found["C"] == count)], metric)
        for p, count, _ in groups
        for metric in layout.COLUMNS
    ]
    fixed = ", ".join(f"{key} = {spelled(value)}" for key, value in ablation.fixed.items())
    cases = found.drop_duplicates("name").itertuples()
    lines = [(row, [column.get(row.name) for column in columns]) for row in cases]
    return {"fixed": fixed, "groups": groups, "rows": lines}


def drawing(name: str) -> str:
    """A figure of results/figures, as `embedded`."""
    path = runs.RESULTS / "figures" / f"{name}.png"
    with stored.readable(path, f"python -m workflow.figure --figure {name}"):
        return embedded(path)


def embedded(image: Path | io.BytesIO) -> str:
    """An image as a data URI: a PNG at most PIXELS wide."""
    picture, small = Image.open(image).convert("RGB"), io.BytesIO()
    if picture.width > PIXELS:
        picture = picture.resize((PIXELS, round(picture.height * PIXELS / picture.width)), Image.Resampling.LANCZOS)
    picture.save(small, "PNG", optimize=True)
    return f"data:image/png;base64,{base64.b64encode(small.getvalue()).decode()}"


def drawn_curves(config: schema.Config, every: list[dict]) -> list[tuple[str, str, str]]:
    """Data set, kind of network and a drawing of how the losses fell; kinds apart, for their losses are no equals."""
    groups = {}
    for record in every:
        run = record["run"]
        if len(record["curve"]) > 1:
            # The data set stands in the caption, and a single seed in the head of the page.
            label = run.id.removeprefix(f"{run.dataset}.")
            label = label.removesuffix(f".s{run.seed}") if len(_seeds(config)) == 1 else label
            groups.setdefault((run.dataset, _kind(run)), {})[label] = record["curve"]
    found = []
    for (dataset, kind), of_kind in groups.items():
        drawn = loss_curves.draw(of_kind, footer=f"preset {config.preset}, {dataset}")
        buffer = io.BytesIO()
        with style.styled():
            drawn.savefig(buffer, format="png", dpi=PIXELS / style.WIDTH)
        found.append((dataset, kind, embedded(buffer)))
    return found


def _seeds(config: schema.Config) -> list[int]:
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
    """Data set -> its p, and rows of a method: name, seconds an image at each p (nan where it has none), peak MiB."""
    found = {}
    names = (scores["model"] + " " + scores["changes"].fillna("")).str.strip()
    for dataset, measured in scores.assign(name=names).groupby("dataset", sort=False):
        seconds = measured.pivot_table(index="name", columns="p", values="seconds", sort=False).sort_index(axis=1)
        peaks = measured.groupby("name")["peak_mib"].max()
        lines = [(name, list(at_p), peaks[name]) for name, at_p in zip(seconds.index, seconds.values)]
        found[dataset] = {"scales": list(seconds.columns), "rows": lines}
    return found


def smaller(config: schema.Config, paper: schema.Config) -> tuple[dict, list[str]]:
    """What is smaller here than in config/paper.yaml: (block, steps there) -> the fewer steps here, and the blocks of another size.

    Data sets that the paper lacks are held against its first. The neural fields' block is called FIELDS.
    """
    steps, sizes = {}, {}
    for run in networks(config):
        entry = methods.network(run.method)
        like = run.dataset if run.dataset in paper.datasets else next(iter(paper.datasets))
        if methods.family(run.method) == "classifier":
            like = paper.tables["table3"].dataset
        # A map that is fitted has no steps, and a user's own block no counterpart.
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


def _shown(target: Target) -> set[tuple[str, float]]:
    """Label and p of every row of ours in a table."""
    return {(METHODS[run.method].label, p) for run in target.rows for p, _ in target.cells(run)}


def _ablated(config: schema.Config, shown: dict[str, Target]) -> pd.DataFrame:
    """results/ablation.csv, as `_csv`."""
    wanted = {
        (name, METHODS[run.method].label, value_of(config, ablation, run), *cell)
        for name, ablation in config.ablations.items()
        for run in shown[name].rows
        for cell in shown[name].cells(run)
    }
    return _csv(config, "ablation", "ablation", ["ablation", "model", "value", "p", "C"], wanted)


def _csv(config: schema.Config, name: str, program: str, keys: list[str], wanted: set[tuple]) -> pd.DataFrame:
    """results/<name>.csv. Raises UserError where it is missing, damaged or of another preset, and where it has not one row
    of ours with each of the `wanted` values of `keys`."""
    remedy = f"python -m workflow.tables.{program}"
    path = runs.RESULTS / f"{name}.csv"
    with stored.readable(path, remedy):
        found = pd.read_csv(path, dtype=stored.TEXTS)
        presets_of_others = sorted(set(found["preset"].dropna().astype(str)) - {config.preset})
    if presets_of_others:
        raise UserError(f"{path} is of the preset {', '.join(presets_of_others)}, not {config.preset}: {remedy}")
    with stored.readable(path, remedy):
        # Empty cells belong to methods without the key of an ablation, or without kinds of intervals.
        found = found.fillna(dict.fromkeys(stored.TEXTS.keys() & set(keys), ""))
        ours = found[found["source"] != "reported"] if "source" in found else found
        stored.check_rows(ours, keys, list(wanted))
    return found


@program
def main() -> None:
    config = presets.load(parser(__doc__).parse_args().config)
    with whole_file(runs.RESULTS / "report.html") as temporary:
        temporary.write_text(page(config), encoding="utf-8")
    print("results/report.html")


if __name__ == "__main__":
    main()
