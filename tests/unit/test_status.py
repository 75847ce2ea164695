"""How far a preset is, and which part of it can be drawn."""

import json
from pathlib import Path

import pandas as pd
import pytest
import yaml

from tests import programs
from tests.snake import ROOT
from workflow import status
from workflow.config import presets
from workflow.plan import targets
from workflow.plan.finished import finished
from workflow.plan.runs import Run
from workflow.steps import processes

SMOKE = yaml.safe_load((ROOT / "config/smoke.yaml").read_text())
CONFIG = presets.parse(SMOKE)
FIELD, OTHER = "synthetic.ssif-rf-uf.s0", "synthetic.ssif-m.s0"


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    programs.configure()


def run(name: str) -> Run:
    return next(run for run in targets.networks(CONFIG) if run.id == name)


def put(path: Path, text: str = "") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def train(its: Run, seconds: float = 0, steps: int = 60) -> None:
    put(its.weights)
    put(its.folder / "config.json", json.dumps({"training": {"steps": steps}, "parameters": 1, "seconds": seconds}))


def log(rule: str, its: Run, text: str) -> None:
    put(Path(f"results/logs/{rule}.smoke.synthetic.{its.id}.log"), text)


def test_every_job_is_counted_once(capsys):
    train(run(FIELD))
    log("train", run(FIELD), f"{FIELD}: 60/60 steps, done\n")
    log("train", run(OTHER), f"{OTHER}: 10/60 steps, loss 0.1\nerror: killed (status 137)\n\n")
    log("evaluate", run(FIELD), "Traceback\nRuntimeError: out of memory\n")
    put(run("synthetic.rcan-msi.p2.s0").state / "state.pt")
    with processes.alone(run("synthetic.a2s2k.s0"), "training"):
        log("train", run("synthetic.a2s2k.s0"), "synthetic.a2s2k.s0: 50/600 steps")
        assert programs.run(status) is None
    said = capsys.readouterr().out
    counts = {line.split()[0]: line.split()[1:] for line in said.splitlines()[2:6]}
    every = len(targets.networks(CONFIG))
    assert counts["train"] == ["1", "1", "2", str(every - 4)]
    assert counts["evaluate"] == ["0", "0", "1", str(len(targets.rows(CONFIG)) - 1)]
    assert counts["evaluate_sensors"][3] == "3" and counts["classify"][3] == "8"
    assert said.splitlines()[-4:] == [
        "  train synthetic.rcan-msi.p2.s0: no log (results/logs/train.smoke.synthetic.synthetic.rcan-msi.p2.s0.log)",
        f"  train {OTHER}: error: killed (status 137) (results/logs/train.smoke.synthetic.{OTHER}.log)",
        f"  evaluate {FIELD}: RuntimeError: out of memory (results/logs/evaluate.smoke.synthetic.{FIELD}.log)",
        "to draw what is finished: snakemake --configfile results/presets/smoke.finished.yaml --cores 4",
    ]


def test_hours_are_those_of_curves_of_finished_networks_and_of_measured_costs():
    assert status.hours(CONFIG) == (0, 0, len(targets.networks(CONFIG)) - 1)
    # An ablation of the same method, with half of the pace: 60 steps in two hours.
    train(run(FIELD), seconds=7200)
    put(run(OTHER).state / "train.jsonl", '{"step": 15, "seconds": 900}\n{"step": 20, "seconds": 1200}\n')
    steps = {"synthetic.rcan-msi.p2.s0": (20, 180.0), OTHER: (60, 1e6)}
    put(Path("results/cost.csv"), pd.DataFrame(
        [{"run": name, "steps": number, "step_seconds": seconds} for name, (number, seconds) in steps.items()]
        + [{"run": "synthetic.bicubic.s0", "steps": 0}]
    ).to_csv(index=False))  # fmt: skip
    spent, left, unknown = status.hours(CONFIG)
    same = [its for its in targets.networks(CONFIG) if its.method == "ssif-rf-uf" and its.id != FIELD]
    assert spent == pytest.approx(2 + 1 / 3)
    assert len(same) > 1 and left == pytest.approx(2 * len(same) + 40 / 60 + 1)
    assert unknown == len(targets.networks(CONFIG)) - 4 - len(same)


def test_networks_to_train_are_listed_with_those_that_start_from_them(capsys):
    assert programs.run(status, "--list") is None
    lines = capsys.readouterr().out.splitlines()
    assert "synthetic.rcan-msi.p2.s0 synthetic.rcan-msi.p3.s0" in lines and FIELD in lines
    assert sorted(" ".join(lines).split()) == sorted(its.id for its in targets.networks(CONFIG))
    for name in ("synthetic.rcan-msi.p2.s0", FIELD):
        train(run(name))
    assert programs.run(status, "--list") is None
    fewer = capsys.readouterr().out.splitlines()
    at = lines.index("synthetic.rcan-msi.p2.s0 synthetic.rcan-msi.p3.s0")
    assert fewer[at] == "synthetic.rcan-msi.p3.s0" and fewer[lines.index(FIELD)] == "" and len(fewer) == len(lines)


def names(part: dict) -> dict:
    return {key: list(part[key]) for key in ("methods", "tables", "figures", "ablations")}


def test_what_is_finished_is_a_preset():
    assert finished(SMOKE) is None
    for name in ("bicubic", "ssif-rf-uf", "ssif-m", "rcan-msi.p2", "rcan-msi.p3", "awan-hr.C31", "awan-lr.p2.C31"):
        train(run(f"synthetic.{name}.s0"))
    part = finished(SMOKE)
    # Table 3 and Figure 9 lack the classifier, fig8 some methods, ablations a value.
    methods = ["bicubic", "rcan+awan", "ssif-m", "ssif-rf-uf"]
    figures = ["fig1", "fig3", "fig4"]
    assert names(part) == {"methods": methods, "tables": ["table1", "table2"], "figures": figures, "ablations": []}
    assert part["preset"] == "smoke" and part["datasets"] == SMOKE["datasets"]
    for its in targets.networks(CONFIG):
        train(its)
    assert finished(SMOKE) == SMOKE


def test_a_table_whose_data_set_has_hardly_begun_is_left_out():
    """Of two tables those methods are shown that are whole in both, if that gives more rows than one of them."""
    two = SMOKE | {
        "tables": {"table1": "synthetic", "table2": "other"},
        "figures": {},
        "ablations": {},
        "datasets": SMOKE["datasets"] | {"other": SMOKE["datasets"]["synthetic"] | {"source": {"folder": "cubes"}}},
    }
    two["datasets"]["other"].pop("land_use", None)
    config = presets.parse(two)
    known = {its.id: its for its in targets.networks(config)}
    for name in ("synthetic.bicubic", "synthetic.ssif-m", "synthetic.ssif-rf-uf", "other.bicubic"):
        train(known[f"{name}.s0"])
    assert names(finished(two))["methods"] == ["bicubic", "ssif-m", "ssif-rf-uf"]
    assert list(finished(two)["tables"]) == ["table1"]
    train(known["other.ssif-m.s0"])
    assert names(finished(two))["methods"] == ["bicubic", "ssif-m"]
    assert list(finished(two)["tables"]) == ["table1", "table2"]


def test_a_base_is_part_of_what_is_finished():
    mapping = yaml.safe_load((ROOT / "config/cave-antialias.yaml").read_text())
    config = presets.parse(mapping)
    for its in targets.networks(config):
        if its.method == "bicubic":
            train(its)
    part = finished(mapping)
    assert part["methods"] == ["bicubic"] and presets.parse(part).preset == config.preset and "base" not in part
