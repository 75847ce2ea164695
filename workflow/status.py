"""The progress of a preset: finished, running, stopped and remaining networks and rows, hours of training, and failed jobs.

    python -m workflow.status --config config/paper.yaml
    python -m workflow.status --config config/paper.yaml --list    # what to train: a network and those that start from it on a line

The remaining hours come from the curves of unfinished trainings, from finished networks of the same method and data set, or
from results/cost.csv (`workflow.cost`). The finished part becomes a preset of its own under results/presets.
"""

import json
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import yaml

from ssif.errors import UserError
from ssif.io import whole_file
from workflow.config import presets
from workflow.config.schema import ROBUSTNESS_TABLE, SENSOR_TABLE, Config
from workflow.methods import network
from workflow.plan import runs
from workflow.plan.finished import finished, trained
from workflow.plan.runs import Run
from workflow.plan.targets import classified, networks, rows, rows_of
from workflow.steps import stored
from workflow.steps.arguments import parser
from workflow.steps.processes import at_work, program


@dataclass(frozen=True)
class Job:
    """One job of the workflow on a run: its rule, the name of its lock (`workflow.steps.processes.alone`) and its files."""

    rule: str
    work: str
    run: Run
    result: str

    @property
    def log(self) -> Path:
        return runs.results() / "logs" / f"{self.rule}.{self.run.preset}.{self.run.dataset}.{self.run.id}.log"

    @property
    def standing(self) -> str:
        """done; running, if its lock can be seen from this machine; stopped, if it was begun but is neither; or left."""
        if (self.run.folder / self.result).exists():
            return "done"
        if at_work(self.run, self.work):
            return "running"
        return "stopped" if self.last_line or (self.run.state.exists() and self.rule == "train") else "left"

    @property
    def last_line(self) -> str:
        """The last line of the log."""
        lines = self.log.read_text(errors="replace").split("\n") if self.log.exists() else []
        return next((line.strip() for line in reversed(lines) if line.strip()), "")


def jobs(config: Config) -> list[Job]:
    """Every training, evaluation and classification of a preset."""
    sensors, changed = (rows_of(config, name) for name in (SENSOR_TABLE, ROBUSTNESS_TABLE))
    return [
        *(Job("train", "training", run, "weights.safetensors") for run in networks(config)),
        *(Job("evaluate", "evaluation", run, "metrics.csv") for run in rows(config)),
        *(Job("evaluate_sensors", "sensors", run, "sensors.csv") for run in sensors),
        *(Job("evaluate_robustness", "robustness", run, "robustness.csv") for run in changed),
        *(Job("classify", "classification", run, "land_use.csv") for run in classified(config)),
    ]


def stopped(config: Config) -> list[str]:
    """A line for every job that was begun but is neither done nor running: the end of its log, and the path of the log."""
    found = [job for job in jobs(config) if job.standing == "stopped"]
    return [f"{job.rule} {job.run.id}: {job.last_line or 'no log'} ({job.log})" for job in found]


def hours(config: Config) -> tuple[float, float, int]:
    """The hours of training spent so far, the hours that remain, and the number of networks for which these are unknown."""
    trainings, pace, spent, left, unknown = networks(config), {}, 0.0, 0.0, 0
    for run in trainings:
        if run.weights.exists() and not (record := stored.record(run)).keys() & {"imported", "published"}:
            spent += record["seconds"]
            if steps := record["training"].get("steps"):
                pace.setdefault((run.dataset, run.method), []).append(record["seconds"] / steps)
    cost = runs.results() / "cost.csv"
    measured = pd.read_csv(cost).dropna().set_index("run")["step_seconds"] if cost.exists() else {}
    for run in trainings:
        if run.weights.exists() or config.weights or network(run.method).family == "map":
            continue
        curve, done, steps = run.state / "train.jsonl", 0, runs.settings(config, run)[1].steps
        known = pace.get((run.dataset, run.method), [measured[run.id]] if run.id in measured else [])
        if curve.exists() and (lines := curve.read_text().splitlines()):
            line = json.loads(lines[-1])
            done, known = line["step"], [line["seconds"] / line["step"]]
            spent += line["seconds"]
        unknown += not known
        left += (steps - done) * sum(known) / max(len(known), 1)
    return spent / 3600, left / 3600, unknown


def to_train(config: Config) -> list[str]:
    """The ids of the networks that are not trained: on each line one that starts afresh, then those that start from it.

    A line whose networks are all finished is empty and keeps its place.
    """
    lines = {}
    for run in networks(config):
        first = (runs.warm_start(config, run) or [run])[0]
        lines.setdefault(first.id, []).append(run)
    return [" ".join(run.id for run in its if not run.weights.exists()) for its in lines.values()]


def summary(config: Config) -> str:
    """How far the preset is, in a few lines."""
    every = jobs(config)
    standing = pd.DataFrame({"rule": job.rule, "standing": job.standing} for job in every)
    counts = pd.crosstab(standing["rule"], standing["standing"]).reindex(
        dict.fromkeys(job.rule for job in every), columns=["done", "running", "stopped", "left"], fill_value=0
    )
    lines = [f"preset {config.preset}", counts.rename_axis(index=None, columns=None).to_string()]
    try:
        spent, left, unknown = hours(config)
        missing = f", without {unknown} networks that nothing is known of (python -m workflow.cost)" if unknown else ""
        lines.append(f"hours of trainings: {spent:.1f} spent, {left:.1f} left{missing}")
    except UserError as error:
        lines.append(f"hours of trainings: {error}")
    if failures := stopped(config):
        lines += ["stopped, with the last line of the log:", *(f"  {line}" for line in failures)]
    return "\n".join(lines)


@program
def main() -> None:
    arguments = parser(__doc__)
    arguments.add_argument(
        "--list", action="store_true", help="print the networks that are not trained, and nothing else"
    )
    arguments = arguments.parse_args()
    mapping = presets.read(Path(arguments.config))
    config = presets.parse(mapping)
    if arguments.list:
        print("\n".join(to_train(config)))
        return
    print(summary(config))
    if not trained(networks(config)) and (part := finished(mapping)):
        path = runs.results() / "presets" / f"{config.preset}.finished.yaml"
        with whole_file(path) as temporary:
            temporary.write_text(yaml.safe_dump(part, sort_keys=False), encoding="utf-8")
        print(f"to draw what is finished: snakemake --configfile {path} --cores 4")


if __name__ == "__main__":
    main()
