"""From metrics to cells to Table 1: means, spreads, marks and dashes, on numbers made by hand."""

import dataclasses

import pandas as pd
import pytest

from ssif.errors import UserError
from workflow import plan, presets
from workflow.tables import cells, layout, table1

CONFIG = dataclasses.replace(presets.load("config/smoke.yaml"), seeds=(0, 1))
ON_CAVE = presets.load("config/cave-cpu.yaml")


def write_metrics(**psnr_of_method):
    """metrics.csv of every run: two scenes, p = 2 and 4, C = 8, 31 and 40, PSNR by method, seed, scene and p."""
    for run in plan.rows(CONFIG):
        rows = [
            {"dataset": run.dataset, "preset": "smoke", "model": run.method, "seed": run.seed, "scene": scene, "p": p, "C": count,
             "reference": "interpolated" if count > 31 else "measured", "mpsnr": psnr_of_method[run.method] + run.seed + shift - p,
             "psnr_cube": 30.0, "ssim": 0.9, "sam": 5.0 + shift, "ergas": 1.0, "cc": 0.9, "rmse": 0.1, "seconds": 1.0, "peak_mib": 100 + shift}
            for scene, shift in (("a", 0.0), ("b", 2.0)) for p in ((2, 4) if run.scale is None else (run.scale,))
            for count in ((8, 31, 40) if run.count is None else (run.count,))
        ]  # fmt: skip
        run.folder.mkdir(parents=True)
        pd.DataFrame(rows).to_csv(run.folder / "metrics.csv", index=False)


ON_GRID = ("rcan+awan", "awan+rcan", "awan+sspsr", "rcan+awan+mog-dcn", "ssjsr", "us3rn")
PSNR = dict.fromkeys(ON_GRID, 29) | {
    "bicubic": 30,
    "liif": 31,
    "ssif-m": 32,
    "ssif-rf-gs": 33,
    "ssif-rf-gf": 34,
    "ssif-rf-us": 35,
    "ssif-rf-uf": 36,
}


@pytest.fixture
def table(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_metrics(**PSNR)
    return cells.cells(CONFIG)


def test_cells_are_means_over_scenes(table):
    cell = table[(table["model"] == "ssif-m") & (table["seed"] == 1) & (table["p"] == 2) & (table["C"] == 31)]
    assert len(cell) == 1
    assert cell[["scenes", "mpsnr", "sam", "peak_mib", "distribution", "reference"]].values.tolist() == [
        [2, 32 + 1 + 1 - 2, 6.0, 102, "in", "measured"]
    ]


def test_out_of_distribution_is_a_p_or_c_beyond_training(table):
    out = table[table["distribution"] == "out"]
    assert set(zip(out["p"], out["C"])) == {(4, 8), (4, 31), (4, 40), (2, 40)}
    assert not set(out["model"]) & set(ON_GRID)


def test_table1_is_tidy_with_mean_and_spread_over_seeds(table):
    tidy = table1.table(table, CONFIG)
    assert list(tidy.columns[:8]) == ["dataset", "preset", "model", "p", "distribution", "seeds", "psnr", "psnr_std"]
    assert {"ssim", "ssim_std", "sam", "sam_std", "source"} <= set(tidy.columns)
    assert len(tidy) == 7 * 2 + 6 * 2 and set(tidy["source"]) == {"ours"}
    row = tidy[(tidy["model"] == "ssif-rf-uf") & (tidy["p"] == 4)].iloc[0]
    assert (row["seeds"], row["psnr"], row["distribution"]) == (2, 36 + 0.5 + 1 - 4, "out")
    assert row["psnr_std"] == pytest.approx(0.5**0.5)


def test_the_paper_s_numbers_stand_beside_ours_only_on_the_paper_s_data(table):
    table = table.replace({"dataset": {"synthetic": "cave"}})
    tidy = table1.table(table, ON_CAVE)
    reported = tidy[tidy["source"] == "reported"]
    assert len(reported) == 54
    paper = reported[(reported["model"] == "SSIF-RF-UF") & (reported["p"] == 4)].iloc[0]
    assert (paper["psnr"], paper["ssim"], paper["sam"]) == (33.38, 0.946, 7.55)
    text = layout.markdown(tidy, ["a footer"])
    assert "| SSIF-RF-UF (reported) | **36.45** |" in text
    assert "| RCAN+AWAN (reported) | - |" in text


def test_what_the_methods_were_given_stands_under_the_table(table):
    lines = "\n".join(table1.protocol(CONFIG, table))
    assert "rcan (groups 1, blocks 1, channels 8) 20 steps of 2" in lines and "us3rn (init stable)" in lines
    assert "In a chain each network is trained on true images" in lines and "ours are used" in lines
    on_cave = "\n".join(table1.protocol(ON_CAVE, table.replace({"dataset": {"synthetic": "cave"}})))
    assert "us3rn (init stable) 6000 steps of 4" in on_cave and "In a chain" not in on_cave and "ours" not in on_cave
    fields = dataclasses.replace(CONFIG, methods=("bicubic", "ssif-rf-uf"))
    assert "The others" not in "\n".join(table1.protocol(fields, table))


def test_best_is_bold_second_underlined_absent_a_dash():
    tidy = pd.DataFrame(
        [("A", 2, "in", 30.004, 0.9, 5.0), ("B", 2, "in", 30.001, 0.95, 4.0), ("C", 2, "in", 29.0, 0.8, 6.0), ("A", 8, "out", 20.0, 0.5, 9.0)],
        columns=["model", "p", "distribution", "psnr", "ssim", "sam"],
    ).assign(source="ours", psnr_std=None, ssim_std=None, sam_std=0.25)  # fmt: skip
    text = layout.markdown(tidy, ["made by hand"])
    # A and B agree to the printed digits, so both are best and C is second.
    assert "| A | **30.00** | <u>0.900</u> | <u>5.00</u> ± 0.25 |" in text
    assert "| B | **30.00** | **0.950** | **4.00** ± 0.25 |" in text
    assert "| C | <u>29.00</u> | 0.800 | 6.00 ± 0.25 |" in text
    assert "| B | - | - | - |" in text and text.endswith("- made by hand\n")
    tex = layout.latex(tidy, ["50 % of my_numbers"])
    assert r"A & \textbf{30.00} & \underline{0.900} & \underline{5.00} $\pm$ 0.25 \\" in tex
    assert r"50 \% of my\_numbers" in tex and tex.count(r"\begin{tabular}{lrrr}") == 2


def test_a_run_that_was_not_evaluated_is_named(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(
        UserError, match=r"metrics.csv is missing: python -m workflow.evaluate --run synthetic.bicubic.s0"
    ):
        cells.cells(CONFIG)
