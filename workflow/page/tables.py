"""The tables of the report, read from the csv files of the programs in `workflow.tables`."""

from dataclasses import replace

import pandas as pd

from ssif.errors import UserError
from workflow.config.names import spelled
from workflow.config.schema import Config
from workflow.methods import METHODS
from workflow.page import images
from workflow.plan import runs
from workflow.plan.targets import Target, value_of
from workflow.steps import prepared, stored
from workflow.tables import cells, land_use, layout, over_scales, remarks, robustness, sensors


def table(config: Config, target: Target) -> dict:
    """Table 1 or 2: its blocks beside the paper's numbers, the lines under the table, and what the table lacks."""
    tidy = csv(config, target.name, f"over_scales --table {target.name}", ["model", "p"], _shown(target))
    ours = tidy[~tidy["source"].isin(layout.ELSEWHERE)]
    scores = cells.scores(config, target)
    paired = remarks.compare(scores.rename(columns=over_scales.SCORES))
    absent = {}
    for model, served in ours.groupby("model", sort=False)["p"]:
        if lacking := tuple(p for p in target.scales if p not in set(served)):
            absent.setdefault(lacking, []).append(model)
    reported = over_scales.paper_table(target.name)
    columns = layout.columns_of(tidy)
    commits, choices = list(ours["commit"].unique()), prepared.data(target.dataset).choices
    return {
        "target": target,
        "columns": layout.headings(columns),
        "blocks": [
            (heading, scales, beside_the_paper(found)) for heading, scales, found in layout.blocks(tidy, columns)
        ],
        "of_paper": list(reported["dataset"].unique()),
        "protocol": over_scales.protocol(config, target, scores["scene"].nunique(), choices, ", ".join(commits)),
        "tests": [*over_scales.above_bicubic(tidy), *remarks.still_learning(target), *remarks.compared(paired)],
        "pairs": paired["pairs"].min() if len(paired) else None,
        "absent": absent,
        "commits": commits,
    }


def classification(config: Config, target: Target) -> dict:
    """Table 3: its blocks, the recall of each class at the first p, the paper's numbers and the lines under the table."""
    tidy = csv(config, target.name, f"land_use --table {target.name}", ["model", "p"], _shown(target))
    store = prepared.data(target.dataset)
    cover, scene = prepared.cover(store), store.names("test")[0]
    return {
        "target": target,
        "columns": layout.headings(land_use.COLUMNS),
        "blocks": list(layout.blocks(land_use.printed(tidy), land_use.COLUMNS)),
        "first": min(target.scales),
        "recalls": land_use.recalls(tidy, min(target.scales), cover, cover.maps[scene]),
        "reported": land_use.reported(tidy),
        "not_comparable": land_use.NOT_COMPARABLE,
        "protocol": land_use.protocol(
            config, target, cover, scene, store.choices["values"], ", ".join(tidy["commit"].unique())
        ),
    }


def sensor_table(config: Config, target: Target) -> dict:
    """The table of sensors: its blocks and the lines under the table."""
    wanted = {
        (model, sensors.intervals(config, run), sensor, p)
        for run in target.rows
        for model, p in _shown(replace(target, rows=[run]))
        for sensor in config.tables[target.name].sensors
    }
    tidy = csv(config, target.name, "sensors", ["model", "intervals", "sensor", "p"], wanted)
    shown, columns = sensors.printed(tidy)
    store, made_at = prepared.data(target.dataset), ", ".join(tidy["commit"].unique())
    return {
        "target": target,
        "columns": layout.headings(columns),
        "blocks": list(layout.blocks(shown, columns)),
        "protocol": sensors.protocol(config, target, store.bands, store.choices["values"], made_at),
    }


def robustness_table(config: Config, target: Target) -> dict:
    """The table of robustness: heading -> table, and the lines under the tables."""
    store = prepared.data(target.dataset)
    every = robustness.every_change(config, store)
    wanted = {(model, p, each.name, each.value) for model, p in _shown(target) for each in every}
    tidy = csv(config, target.name, "robustness", ["model", "p", "change", "value"], wanted)
    made_at = ", ".join(tidy["commit"].unique())
    return {
        "target": target,
        "blocks": robustness.printed(tidy),
        "image": images.drawing("robustness", "python -m workflow.tables.robustness"),
        "protocol": robustness.protocol(config, target, store, every, made_at),
    }


def beside_the_paper(found: list[tuple[str, list]]) -> list[tuple[str, bool, list]]:
    """The rows of a block of `layout.blocks`: name, whether we scored the row, and (cell, the paper's cell, difference) for
    each column.

    Our rows come first, then the rows that only the paper has. The difference is our number minus the paper's.
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
    """The difference of the printed digits, so that the numbers on the page add up; "" if one of the two is absent."""
    if ours is None or reported is None:
        return ""
    decimals = len(reported.digits.partition(".")[2])
    return f"{float(ours.digits) - float(reported.digits):+.{decimals}f}".replace("-", "−")


def ablation(config: Config, name: str, every: pd.DataFrame) -> dict:
    """The fixed keys; (p, C, whether C has a truth) of each group of columns; the rows (model and value, cells)."""
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


def _shown(target: Target) -> set[tuple[str, float]]:
    """Label and p of each of our rows in a table."""
    return {(METHODS[run.method].label, p) for run in target.rows for p, _ in target.cells(run)}


def ablated(config: Config, shown: dict[str, Target]) -> pd.DataFrame:
    """results/ablation.csv, as `csv`."""
    wanted = {
        (name, METHODS[run.method].label, value_of(config, ablation, run), *cell)
        for name, ablation in config.ablations.items()
        for run in shown[name].rows
        for cell in shown[name].cells(run)
    }
    return csv(config, "ablation", "ablation", ["ablation", "model", "value", "p", "C"], wanted)


def csv(config: Config, name: str, program: str, keys: list[str], wanted: set[tuple]) -> pd.DataFrame:
    """results/<name>.csv. Raises UserError if the file is missing, damaged or of another preset, and unless it has exactly one
    of our rows for each of the `wanted` values of `keys`."""
    remedy = f"python -m workflow.tables.{program}"
    path = runs.results() / f"{name}.csv"
    with stored.readable(path, remedy):
        found = pd.read_csv(path, dtype=stored.TEXTS)
        presets_of_others = sorted(set(found["preset"].dropna().astype(str)) - {config.preset})
    if presets_of_others:
        raise UserError(f"{path} is of the preset {', '.join(presets_of_others)}, not {config.preset}: {remedy}")
    with stored.readable(path, remedy):
        # A cell is empty for a method that does not read the key of an ablation or has no kinds of intervals.
        found = found.fillna(dict.fromkeys(stored.TEXTS.keys() & set(keys), ""))
        ours = found[~found["source"].isin(layout.ELSEWHERE)] if "source" in found else found
        stored.check_rows(ours, keys, list(wanted))
    return found
