"""Where the programs read and write: --root for results/, SSIF_STATE for unfinished work."""

from pathlib import Path

import pandas as pd

from ssif import seals
from tests.programs import configure, run
from workflow import evaluate, prepare, train
from workflow.plan import runs
from workflow.plan.runs import Run

BICUBIC = Run("smoke", "synthetic", "bicubic", 0)


def test_everything_is_below_the_root_and_the_next_program_has_its_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    configure(methods=["bicubic"], tables={"table1": "synthetic"}, figures={}, ablations={})
    root = ["--root", "another/place"]
    assert run(prepare, "--dataset", "synthetic", *root) is None
    assert run(train, "--run", BICUBIC.id, *root) is None
    assert run(evaluate, "--run", BICUBIC.id, *root) is None
    assert {path.name for path in tmp_path.iterdir()} == {"config.yaml", "another"}
    folder = tmp_path / f"another/place/results/runs/smoke/synthetic/{BICUBIC.id}"
    assert pd.read_csv(folder / "metrics.csv")["mpsnr"].notna().all()
    assert "results/data/synthetic.h5" in run(evaluate, "--run", BICUBIC.id) and runs.results() == Path("results")


def test_a_file_that_a_storage_replaced_is_read_though_its_note_is_of_another(tmp_path, monkeypatch):
    with seals.noted_file(tmp_path / "table.csv") as temporary:
        temporary.write_text("1\n")
    (tmp_path / "table.csv").write_text("2\n")
    monkeypatch.setattr(seals, "NOTES", False)
    seals.check_note(tmp_path / "table.csv")


def test_unfinished_work_has_a_place_of_its_own(monkeypatch):
    assert BICUBIC.state == Path("results/state/smoke/synthetic.bicubic.s0")
    monkeypatch.setenv("SSIF_STATE", "/scratch/me")
    assert BICUBIC.state == Path("/scratch/me/smoke/synthetic.bicubic.s0")
