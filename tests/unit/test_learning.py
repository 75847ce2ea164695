"""How far from trained a table's networks are, told from curves on the disk."""

import dataclasses
import json

import pytest

from workflow.config import presets
from workflow.plan import runs
from workflow.plan.targets import targets
from workflow.tables import learning

SMOKE = presets.load("config/smoke.yaml")
CONFIG = dataclasses.replace(SMOKE, methods=("bicubic", "rcan+awan", "liif", "ssif-m", "ssif+"), ablations={})


@pytest.fixture
def target(tmp_path, monkeypatch):
    """Table 1 with curves of ten lines: LIIF's is flat, AWAN's falls by a tenth, RCAN's by a fifth, SSIF+'s is a logarithm."""
    monkeypatch.chdir(tmp_path)
    shown = targets(CONFIG)["table1"]
    last = {"rcan-msi": 0.8, "awan-hr": 0.9, "liif": 1.0, "ssif-m": 0.99, "ssif+": -1.0, "bicubic": None}
    for row in shown.rows:
        for run in runs.stages(row):
            losses = [] if last[run.method] is None else [1.0] * 8 + [last[run.method]] * 2
            run.folder.mkdir(parents=True, exist_ok=True)
            lines = [json.dumps({"step": 50 * n, "loss": loss}) + "\n" for n, loss in enumerate(losses, start=1)]
            (run.folder / "train.jsonl").write_text("".join(lines))
    return shown


def test_rows_whose_loss_still_falls_are_named(target):
    assert learning.falls(target) == pytest.approx({"RCAN+AWAN": 0.2, "LIIF": 0, "SSIF-M": 0.01})
    (line,) = learning.lines(target)
    assert line.endswith("from the fourth fifth of the steps to the last by RCAN+AWAN 20%.")


def test_nothing_is_said_of_a_table_that_has_settled(target):
    settled = dataclasses.replace(target, rows=[row for row in target.rows if row.method in ("bicubic", "liif")])
    assert learning.lines(settled) == []
