"""A campaign that is not finished: its report is drawn from what is, and its failures are named at the end."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
import yaml

from tests.snake import ROOT, jobs, snakemake


@pytest.mark.slow
def test_the_report_is_drawn_from_what_is_finished(tmp_path):
    # US3RN fails, and with it the tables: it has no such size.
    preset = yaml.safe_load((ROOT / "config/smoke.yaml").read_text())
    preset["methods"] = ["bicubic", "us3rn", "ssif-m", "ssif-rf-uf"]
    preset["tables"] = {"table1": "synthetic"}
    preset["figures"] = {"fig3": preset["figures"]["fig3"]}
    preset["ablations"] = {"lambda_min": preset["ablations"]["lambda_min"]}
    preset["datasets"]["synthetic"]["baselines"]["us3rn"]["network"] = {"width": 1}
    path = tmp_path / "preset.yaml"
    path.write_text(yaml.safe_dump(preset))
    failure = "train synthetic.us3rn.p2.C31.s0: error: unknown size of US3RN: 'width'"
    log = "(results/logs/train.smoke.synthetic.synthetic.us3rn.p2.C31.s0.log)"
    ended = snakemake(tmp_path, path, "--keep-going", fails=True)
    (line,) = [line for line in ended.splitlines() if line.startswith(failure)]
    assert line.endswith(log) and not (tmp_path / "results/report.html").exists()

    program = [sys.executable, "-m", "workflow.status", "--config", str(path)]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    said = subprocess.run(program, cwd=tmp_path, env=environment, capture_output=True, text=True, check=True).stdout
    assert re.search(r"^train +4 +0 +2 +0$", said, re.MULTILINE)
    assert line in said
    finished = Path(said.split("--configfile ")[1].split()[0])
    drawn = snakemake(tmp_path, tmp_path / finished)
    assert "train" not in jobs(drawn)
    assert set(pd.read_csv(tmp_path / "results/table1.csv")["model"]) == {"bicubic+linear", "SSIF-M", "SSIF-RF-UF"}
    assert "SSIF-RF-UF" in (tmp_path / "results/report.html").read_text()
