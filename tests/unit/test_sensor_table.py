"""The table of sensors: which bands a cube covers, and the table from scores made by hand."""

import dataclasses
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from ssif.bands import Bands
from ssif.errors import UserError
from ssif.sensors import covered
from workflow.config import presets
from workflow.methods import METHODS
from workflow.plan.targets import targets
from workflow.tables import sensors
from workflow.tables.cells import METRICS

CAVE = Bands.from_centres(np.arange(400, 701, 10), 10)
CONFIG = dataclasses.replace(presets.load("config/smoke.yaml"), seeds=(0, 1))
TARGET = targets(CONFIG)["table_sensors"]


def test_only_covered_bands_are_scored():
    bands, names, uncovered = covered(CAVE, "quickbird")
    assert names == ["blue", "green", "red"] and uncovered == ["NIR"] and bands.edges[2].tolist() == [621, 687]
    # A gap between the cube's bands counts as not covered.
    holed = Bands(np.delete(CAVE.edges, 16, axis=0))
    assert covered(holed, "quickbird")[1] == ["blue", "red"]
    # Detectors that overlap elsewhere do not cover the gap.
    doubled = Bands(np.concatenate([np.delete(CAVE.edges, 16, axis=0), [[505, 555]]]))
    assert covered(doubled, "quickbird")[1] == ["blue", "red"]
    with pytest.raises(UserError, match=r"no band of quickbird lies inside Bands\(C=1, 900-910 nm\)"):
        covered(Bands([[900, 910]]), "quickbird")


def test_rows_are_both_kinds_of_training_of_each_field():
    runs = [run.id for run in TARGET.rows]
    assert runs == [
        "synthetic.bicubic.s0", "synthetic.bicubic.s1",
        "synthetic.ssif-rf-uf.s0", "synthetic.ssif-rf-uf.intervals-irregular.s0",
        "synthetic.ssif-rf-uf.s1", "synthetic.ssif-rf-uf.intervals-irregular.s1",
    ]  # fmt: skip


@pytest.fixture
def tidy(tmp_path, monkeypatch) -> pd.DataFrame:
    monkeypatch.chdir(tmp_path)
    for run in TARGET.rows:
        better = (10 if run.method != "bicubic" else 0) + (5 if run.changes else 0) + 2 * run.seed
        rows = [{"dataset": "synthetic", "preset": "smoke", "model": METHODS[run.method].label, "seed": run.seed,
                 "scene": scene, "p": p, "sensor": sensor, "channels": 3}
                | {metric: 20 + better + scene + i for metric in METRICS}
                for scene in (0, 1) for p in (2, 4) for i, sensor in enumerate(("sentinel-2a", "quickbird"))]  # fmt: skip
        run.folder.mkdir(parents=True)
        pd.DataFrame(rows).to_csv(run.folder / "sensors.csv", index=False)
    return sensors.table(CONFIG, TARGET)


def test_means_and_deviations(tidy):
    assert len(tidy) == 3 * 2 * 2
    row = tidy.set_index(["intervals", "sensor", "p"]).loc[("irregular", "quickbird", 4)]
    # Over scenes 0.5, over seeds 1 more and a deviation of the root of two.
    assert row["mpsnr"] == 20 + 15 + 0.5 + 1 + 1 and row["mpsnr_std"] == pytest.approx(2**0.5)
    assert (row["distribution"], row["seeds"], row["channels"]) == ("out", 2, 3)
    assert set(tidy.loc[tidy["model"] == "bicubic+linear", "intervals"]) == {""}


def test_the_printed_table_has_a_column_for_each_sensor(tidy):
    shown, columns = sensors.printed(tidy)
    assert [label for label, _, _ in columns.values()] == ["PSNR sentinel-2a", "PSNR quickbird"]
    text = sensors.markdown(shown, ["note"], columns)
    best = "| SSIF-RF-UF, irregular intervals | **36.50** ± 1.41 | **37.50** ± 1.41 |"
    assert text.count(best) == 2 and "### Out-of-distribution" in text
    assert "| bicubic+linear | 21.50 ± 1.41 | 22.50 ± 1.41 |" in text


def test_one_seed_has_no_deviation(tidy):
    alone = tidy.assign(**{f"{metric}_std": np.nan for metric in METRICS})
    shown, columns = sensors.printed(alone)
    assert "| bicubic+linear | 21.50 | 22.50 |" in sensors.markdown(shown, [], columns)


def test_the_protocol_says_which_bands_are_meant():
    lines = sensors.protocol(CONFIG, TARGET, CAVE, "/ 65535", "abc")
    assert (
        lines[-1] == "quickbird: blue 447-511, green 499-594, red 621-687 nm; not covered: NIR."
        and "Values: / 65535." in lines
    )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"methods": ["liif"]}, "unknown method of any bands in tables.table_sensors 'liif'"),
        ({"sensors": ["spot"]}, "unknown sensor in tables.table_sensors 'spot'; known: aviris"),
        ({"sensors": []}, "tables.table_sensors.sensors must be a list"),
    ],
)
def test_what_cannot_be_shown_is_refused(change, message):
    mapping = yaml.safe_load(Path("config/smoke.yaml").read_text())
    mapping["tables"]["table_sensors"] |= change
    with pytest.raises(UserError, match=message):
        presets.parse(mapping)
