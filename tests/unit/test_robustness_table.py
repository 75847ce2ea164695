"""The table of robustness: which rows it has, and the table and the figure from scores made by hand."""

import dataclasses
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from ssif.data.prepare import prepare
from ssif.errors import UserError
from tests.drawn import written
from workflow.config import presets
from workflow.figures import robustness as drawing
from workflow.methods import METHODS
from workflow.page import tables
from workflow.plan.targets import targets
from workflow.steps import prepared
from workflow.tables import robustness
from workflow.tables.cells import METRICS
from workflow.tables.layout import section

CONFIG = dataclasses.replace(presets.load("config/smoke.yaml"), seeds=(0, 1))
TARGET = targets(CONFIG)["table_robustness"]


@pytest.fixture
def every(tmp_path, monkeypatch) -> list:
    """The changes of the synthetic data set, and the scores of all runs under each: two dB less for each change in turn."""
    monkeypatch.chdir(tmp_path)
    Path("results/data").mkdir(parents=True)
    prepare("synthetic", Path("results/data/synthetic.h5"), "nikon-d700")
    every = robustness.every_change(CONFIG, prepared.data("synthetic"))
    for run in TARGET.rows:
        best = {"bicubic": 60, "us3rn": 80, "ssif+": 70}[run.method] + 3 * run.seed
        rows = [{"dataset": "synthetic", "preset": "smoke", "model": METHODS[run.method].label, "seed": run.seed,
                 "scene": scene, "p": 2, "change": change.name, "value": change.value, "unit": change.unit,
                 "clipped": 0.1 if change.name == "metamers" else 0, "dimmed": change.dimmed}
                | {metric: 1 for metric in METRICS} | {"mpsnr": best - 2 * place + 4 * scene, "sam": 5 + place}
                for scene in (0, 1) for place, change in enumerate(every)]  # fmt: skip
        run.folder.mkdir(parents=True)
        pd.DataFrame(rows).to_csv(run.folder / "robustness.csv", index=False)
    return every


def test_rows_are_the_runs_of_the_methods_at_these_p():
    assert [run.id for run in TARGET.rows] == [
        "synthetic.bicubic.s0", "synthetic.bicubic.s1", "synthetic.us3rn.p2.C31.s0", "synthetic.us3rn.p2.C31.s1",
        "synthetic.ssif+.s0", "synthetic.ssif+.s1",
    ]  # fmt: skip


def test_what_is_lost_counts_from_the_clean_input(every):
    tidy = robustness.table(CONFIG, TARGET, every)
    assert len(tidy) == 3 * len(every) and set(tidy["seeds"]) == {2}
    row = tidy.set_index(["model", "change", "value"]).loc[("US3RN", "JPEG quality", "65")]
    place = [(change.name, change.value) for change in every].index(("JPEG quality", "65"))
    # Over scenes 2, over seeds 1.5 more and a deviation of 3 / root of two, which the loss does not have.
    assert row["mpsnr"] == 80 - 2 * place + 3.5 and row["mpsnr_std"] == pytest.approx(3 / 2**0.5)
    assert row["mpsnr_lost"] == 2 * place and row["sam_lost"] == place and row["mpsnr_lost_std"] == 0
    clean = tidy[tidy["change"] == "clean"]
    assert (clean[["mpsnr_lost", "sam_lost"]] == 0).all(axis=None)
    # In a light of half the power everywhere, errors of half the size have lost nothing.
    light = tidy[tidy["change"] == "illuminant"]
    assert (light["dimmed"] > 0).all()
    places = light["value"].map([change.value for change in every].index)
    np.testing.assert_allclose(light["mpsnr_lost"], 2 * places + light["dimmed"], rtol=1e-4)


def test_the_printed_table_has_a_column_for_each_method(every):
    tidy = robustness.table(CONFIG, TARGET, every)
    blocks = robustness.printed(tidy)
    assert list(blocks) == ["PSNR (dB) at p = 2", "SAM (degrees) at p = 2"]
    text = section("PSNR", "Change", blocks["PSNR (dB) at p = 2"])
    assert "| Change | clipped | bicubic+linear | US3RN | SSIF+ (not in the paper) |" in text
    lines = text.splitlines()
    assert lines[4] == "| clean input |  | 63.50 | 83.50 | 73.50 |"
    assert lines[5] == "| metamers 0 x black | 10.0% | 61.50 (-2.00) | 81.50 (-2.00) | 71.50 (-2.00) |"
    assert "| 6.00 (+1.00) |" in section("SAM", "Change", blocks["SAM (degrees) at p = 2"])
    tex = robustness.latex_of_blocks(blocks, ["100 % of it"])
    assert tex.startswith("% 100 % of it\n") and r"10.0\%" in tex and r"\toprule" in tex and r"100 \% of it" in tex


def test_a_method_that_does_not_serve_a_p_has_a_dash(every):
    tidy = robustness.table(CONFIG, TARGET, every)
    lacking = tidy[(tidy["model"] != "US3RN") | (tidy["change"] == "clean")]
    assert list(robustness.printed(lacking)["PSNR (dB) at p = 2"]["US3RN"])[:2] == ["83.50", "-"]


def test_the_programs_and_the_report_show_it(every, monkeypatch, capsys):
    Path("smoke.yaml").write_text(yaml.safe_dump(mapping() | {"seeds": [0, 1]}))
    monkeypatch.setattr("sys.argv", ["robustness", "--config", "smoke.yaml"])
    robustness.main()
    assert "- Preset smoke, data set synthetic, C = 31, 2 seed(s)" in capsys.readouterr().out
    assert "D65 1.9, A 8.2, FL11 17.4 dB." in Path("results/table_robustness.md").read_text()
    assert Path("results/figures/robustness.pdf").exists()
    page = tables.robustness_table(CONFIG, TARGET)
    assert page["image"].startswith("data:image/png") and list(page["blocks"]) == list(robustness.printed(
        pd.read_csv("results/table_robustness.csv", dtype={"value": str})))  # fmt: skip
    shortened = pd.read_csv("results/table_robustness.csv", dtype=str).iloc[1:]
    shortened.to_csv("results/table_robustness.csv", index=False)
    Path("results/.table_robustness.csv.sha256").unlink()
    with pytest.raises(UserError, match=r"0 rows of .*clean.*: python -m workflow\.tables\.robustness"):
        tables.robustness_table(CONFIG, TARGET)


def test_a_missing_change_is_told_with_the_command(every):
    path = TARGET.rows[0].folder / "robustness.csv"
    table = pd.read_csv(path)
    table[table["change"] != "rounding"].to_csv(path, index=False)
    with pytest.raises(
        UserError, match=r"0 rows of .*rounding.*workflow\.evaluate_robustness --run synthetic\.bicubic"
    ):
        robustness.table(CONFIG, TARGET, every)


def test_the_figure_has_a_line_for_each_change_and_a_marker_for_each_method(every):
    tidy = robustness.table(CONFIG, TARGET, every)
    figure = drawing.draw(tidy.assign(title=robustness.titles(tidy)), footer="preset smoke")
    psnr, sam = figure.axes
    named = [label.get_text() for label in psnr.get_yticklabels()]
    assert (
        len(named) == len(every) - 1 and named[0] == "metamers 0 x black" and named[-1] == "misregistration 0.5 LR px"
    )
    drawn = {line.get_label(): line for line in psnr.lines}
    assert {"bicubic+linear", "US3RN", "SSIF+"} <= set(drawn)
    assert drawn["US3RN"].get_xdata()[named.index("rounding 8 bits")] == 2 * (named.index("rounding 8 bits") + 1)
    # In the line of a change the markers stand in the order of the table, apart from each other.
    places = [drawn[model].get_ydata()[0] for model in ("bicubic+linear", "US3RN", "SSIF+")]
    assert places == pytest.approx([-drawing.SPREAD, 0, drawing.SPREAD])
    assert sam.get_xlabel() == "SAM added (degrees)" and "preset smoke" in written(figure)


def mapping() -> dict:
    return yaml.safe_load(Path(__file__).parents[2].joinpath("config/smoke.yaml").read_text())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"camera": "spot:1,2,3"}, "unknown sensor for tables.table_robustness.camera 'spot'; known: aviris"),
        ({"sensors": ["ikonos"]}, "tables.table_robustness must not have sensors"),
        ({"methods": []}, "tables.table_robustness.methods must be a list"),
        ({"methods": ["ssif-xl"]}, "unknown model 'ssif-xl'"),
    ],
)
def test_what_cannot_be_shown_is_refused(change, message):
    preset = mapping()
    preset["tables"]["table_robustness"] |= change
    with pytest.raises(UserError, match=message):
        presets.parse(preset)


def test_only_this_table_has_a_camera():
    preset = mapping()
    preset["tables"]["table_sensors"]["camera"] = "ikonos"
    with pytest.raises(UserError, match=r"tables\.table_sensors must not have camera"):
        presets.parse(preset)
    preset["tables"] = {
        "table_robustness": preset["tables"]["table_robustness"] | {"camera": "mine.csv:red,green,blue"}
    }
    assert presets.parse(preset).tables["table_robustness"].camera == "mine.csv:red,green,blue"
