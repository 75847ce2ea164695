"""A copy of the project in which Snakemake has run every rule once."""

from pathlib import Path

import pytest
import yaml

from tests.snake import ROOT, copy_project, snakemake


@pytest.fixture(scope="session")
def project(tmp_path_factory) -> tuple[Path, str]:
    """The copy, and what Snakemake said of its preset.yaml: three methods on a sensor of one's own, every kind of table and
    figure."""
    folder = tmp_path_factory.mktemp("copy") / "project"
    copy_project(folder)
    (folder / "camera.csv").write_text(
        "nm,red,blue\n" + "".join(f"{nm},{nm - 395},{705 - nm}\n" for nm in range(395, 706, 5))
    )
    preset = yaml.safe_load((ROOT / "config/smoke.yaml").read_text())
    data = preset["datasets"]["synthetic"]
    data |= {"msi": "camera.csv", "scales": {"train": [1, 2], "test": [2]}, "counts": {"train": [31, 31], "test": [31]}}
    data["land_use"]["training"] |= {"steps": 4, "check_every": 2}
    for block in (data, data["baselines"]["rcan"], data["baselines"]["awan"]):
        block["training"]["steps"] = 2
    shown = {"dataset": "synthetic", "scales": [2], "methods": ["ssif-rf-uf"]}
    without_training = shown | {"methods": ["bicubic"]}
    preset |= {
        "methods": ["bicubic", "awan+rcan", "ssif-rf-uf"],
        "tables": {
            "table1": "synthetic",
            "table3": shown,
            "table_sensors": without_training | {"sensors": ["quickbird"]},
            "table_robustness": without_training | {"camera": "worldview-3:red,blue"},
        },
        "figures": {"fig3": {"dataset": "synthetic", "scales": [2]}, "fig8": shown, "fig9": shown},
        "ablations": {"fig7": shown | {"change": "k", "values": [2, 4]}},
    }
    (folder / "preset.yaml").write_text(yaml.safe_dump(preset))
    return folder, snakemake(folder, folder / "preset.yaml", root=folder)
