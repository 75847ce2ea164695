"""results/report.html: tables, figures and runs of a preset on one page that needs no other files.

    python -m workflow.report [--config config/config.yaml]

It measures nothing: all numbers come from files that the other programs have written. The words are in report.html.j2.
"""

import datetime
from collections import Counter
from pathlib import Path

import jinja2

from ssif.data.readers import DATASETS
from ssif.io import whole_file
from workflow.config import presets
from workflow.config.schema import ROBUSTNESS_TABLE, SENSOR_TABLE, Config
from workflow.methods import METHODS
from workflow.page import images, tables, trainings
from workflow.plan import runs
from workflow.plan.targets import targets
from workflow.steps.arguments import chosen_preset
from workflow.steps.processes import program
from workflow.steps.provenance import commit
from workflow.tables import layout, remarks

HERE = Path(__file__).resolve().parent


def page(config: Config) -> str:
    """The whole page. Raises UserError naming the first file that is missing or belongs to another preset."""
    shown, paper = targets(config), presets.load(presets.FOLDER / "paper.yaml")
    over_p = [tables.table(config, shown[name]) for name in config.tables if name in ("table1", "table2")]
    cells_of = {(run.id, *cell) for target in shown.values() for run in target.rows for cell in target.cells(run)}
    every, scores = trainings.records(config), tables.csv(config, "cells", "cells", ["run", "p", "C"], cells_of)
    ablated = tables.ablated(config, shown) if config.ablations else None
    steps, sizes = trainings.smaller(config, paper)
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
        metrics=layout.headings(),
        tables=over_p,
        land_use=tables.classification(config, shown["table3"]) if "table3" in shown else None,
        sensors=tables.sensor_table(config, shown[SENSOR_TABLE]) if SENSOR_TABLE in shown else None,
        robustness=tables.robustness_table(config, shown[ROBUSTNESS_TABLE]) if ROBUSTNESS_TABLE in shown else None,
        ablations={name: tables.ablation(config, name, ablated) for name in config.ablations},
        images={name: images.drawing(name) for name in [*config.figures, *config.ablations]},
        curves=trainings.drawn_curves(config, every),
        networks=every,
        seconds=sum(record["seconds"] for record in every),
        seeds=trainings.seeds(config),
        origin={key: Counter(record[key] for record in every) for key in ("commit", "machine")},
        evaluations=trainings.evaluations(scores),
        interpolated={dataset: sorted(counts) for dataset, counts in interpolated.items()},
        steps=steps,
        sizes=sizes,
        fewest_pairs=remarks.FEWEST_PAIRS,
        commit=commit(),
        today=f"{datetime.date.today():%d %B %Y}",
    )


@program
def main() -> None:
    config = chosen_preset(__doc__)
    path = runs.results() / "report.html"
    with whole_file(path) as temporary:
        temporary.write_text(page(config), encoding="utf-8")
    print(path)


if __name__ == "__main__":
    main()
