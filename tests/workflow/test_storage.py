"""The DAG without a shared file system: every file of a job comes from a storage and goes back there."""

import importlib.util
import shutil

import pandas as pd
import pytest
import yaml

from tests.snake import ROOT, snakemake

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not importlib.util.find_spec("snakemake_storage_plugin_fs") or not shutil.which("rsync"),
        reason="needs the extra `cluster` and rsync",
    ),
]


def test_everything_is_made_in_a_storage_and_stays_made(tmp_path):
    """A table, a figure and an ablation of every kind, so that every rule runs."""
    preset = yaml.safe_load((ROOT / "config/smoke.yaml").read_text())
    data = preset["datasets"]["synthetic"]
    data |= {"scales": {"train": [1, 2], "test": [2]}, "counts": {"train": [8, 31], "test": [31]}}
    data["land_use"]["training"] |= {"steps": 4, "check_every": 2}
    for block in (data, data["baselines"]["rcan"], data["baselines"]["awan"]):
        block["training"]["steps"] = 4
    shown = {"dataset": "synthetic", "scales": [2], "methods": ["ssif-rf-uf"]}
    preset |= {
        "methods": ["bicubic", "rcan+awan", "ssif-rf-uf"],
        "tables": {"table1": "synthetic", "table3": shown, "table_sensors": shown | {"sensors": ["quickbird"]}},
        "figures": {"fig8": shown, "fig9": shown},
        "ablations": {"fig10": shown | {"methods": ["ssif-rf-gs"], "change": "dim", "values": [5]}},
    }
    (tmp_path / "preset.yaml").write_text(yaml.safe_dump(preset))
    storage = ["--default-storage-provider", "fs", "--default-storage-prefix", str(tmp_path / "store")]
    state = tmp_path / "state"
    command = [tmp_path / "work", tmp_path / "preset.yaml", *storage, "--shared-fs-usage", "none"]
    snakemake(*command, SSIF_STATE=str(state))
    made = tmp_path / "store/results"
    assert pd.read_csv(made / "table1.csv")["psnr"].notna().all() and (made / "report.html").exists()
    assert (made / "figures/fig10.pdf").exists()
    # Nothing but the preset, the lock and Snakemake's own files is in the folder of work; finished trainings leave no state.
    assert {path.name for path in (tmp_path / "work/results").iterdir()} == {"presets", "locks"}
    assert state.exists() and not list(state.rglob("*.pt"))
    assert "Nothing to be done" in snakemake(*command, SSIF_STATE=str(state))
