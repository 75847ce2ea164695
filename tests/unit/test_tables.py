"""From metrics to cells to Table 1: means, spreads, marks and dashes, on numbers made by hand."""

import dataclasses
import json

import numpy as np
import pandas as pd
import pytest

from ssif.errors import UserError
from workflow.config import presets
from workflow.methods import METHODS
from workflow.plan import runs
from workflow.plan.targets import rows, targets
from workflow.tables import ablation, cells, layout, over_scales, remarks

CONFIG = dataclasses.replace(presets.load("config/smoke.yaml"), seeds=(0, 1))
ON_CAVE = presets.load("config/cave-cpu.yaml")
TABLE1, FIG3, FIG6, CLOSED_FORM = (targets(CONFIG)[name] for name in ("table1", "fig3", "fig6", "closed_form"))
CAVE1 = targets(ON_CAVE)["table1"]
# A chain and a field of the smoke preset with one seed.
CHAIN = dataclasses.replace(CONFIG, seeds=(0,), methods=("rcan+awan", "ssif-rf-uf"))
CHAIN1 = targets(CHAIN)["table1"]


def write_metrics(**psnr_of_method):
    """metrics.csv of every run: two scenes, p = 2, 3 and 4, C = 8, 31 and 40, PSNR by method, seed, scene and p."""
    for run in rows(CONFIG):
        table = [
            {"dataset": run.dataset, "preset": "smoke", "model": LABELS.get(run.method, run.method), "seed": run.seed, "scene": scene, "p": p, "C": count,
             "reference": "interpolated" if count > 31 else "measured", "mpsnr": psnr_of_method[run.method] + run.seed + shift - p,
             "psnr_cube": 30.0, "ssim": 0.9, "sam": 5.0 + shift, "ergas": 1.0, "cc": 0.9, "rmse": 0.1, "seconds": 1.0, "peak_mib": 100 + shift}
            for scene, shift in (("a", 0.0), ("b", 2.0)) for p in ((2, 3, 4) if run.scale is None else (run.scale,))
            for count in ((8, 31, 40) if run.count is None else (run.count,))
        ]  # fmt: skip
        run.folder.mkdir(parents=True)
        pd.DataFrame(table).to_csv(run.folder / "metrics.csv", index=False)
        (run.folder / "config.json").write_text(
            json.dumps({"parameters": 1000, "seconds": 60.0 + 20 * run.seed, "training": {}})
        )


ON_GRID = ("rcan+awan", "awan+rcan", "awan+sspsr", "rcan+awan+mog-dcn", "ssjsr", "us3rn")
PSNR = dict.fromkeys(ON_GRID, 29) | {
    "bicubic": 30,
    "liif": 31,
    "ssif-m": 32,
    "ssif-rf-gs": 33,
    "ssif-rf-gf": 34,
    "ssif-rf-us": 35,
    "ssif-rf-uf": 36,
    "ssif-rf-gi": 37,
    "ssif-rf-ui": 38,
    "ssif+": 39,
}

# Tables know an extension by its label.
LABELS = {"ssif+": "SSIF+"}


@pytest.fixture
def scores(tmp_path, monkeypatch):
    """Those of Table 1, by scene."""
    monkeypatch.chdir(tmp_path)
    write_metrics(**PSNR)
    return cells.scores(CONFIG, TABLE1)


def on_cave(scores):
    """Scores as if the data set were CAVE."""
    return scores.replace({"dataset": {"synthetic": "cave"}})


def test_a_table_reads_the_cells_that_it_shows(scores):
    assert set(scores["C"]) == {31} and set(scores["changes"]) == {""}
    assert scores.groupby("model")["p"].agg(set).to_dict() == {
        LABELS.get(method, method): {2, 3} if method in ON_GRID else {2, 3, 4} for method in CONFIG.methods
    }
    over_counts = cells.scores(CONFIG, FIG3)
    assert set(over_counts["p"]) == {2, 4}
    counts = over_counts.groupby("model")["C"].agg(set)
    assert counts["ssif-m"] == {8, 31, 40} and counts["liif"] == {8, 31} and counts["us3rn"] == {31}
    assert set(zip(over_counts["run"], over_counts["C"])) >= {
        ("synthetic.liif.C8.s0", 8),
        ("synthetic.liif.C31.s1", 31),
    }


def test_cells_are_means_over_scenes(scores):
    table = cells.means(scores)
    cell = table[(table["model"] == "ssif-m") & (table["seed"] == 1) & (table["p"] == 2)]
    assert len(cell) == 1
    assert cell[["scenes", "mpsnr", "sam", "peak_mib", "distribution", "reference"]].values.tolist() == [
        [2, 32 + 1 + 1 - 2, 6.0, 102, "in", "measured"]
    ]


def test_out_of_distribution_is_a_p_or_c_beyond_training(scores):
    table = cells.scores(CONFIG, FIG3)
    out = table[table["distribution"] == "out"]
    assert set(zip(out["p"], out["C"])) == {(4, 8), (4, 31), (4, 40), (2, 40)}
    assert not set(out["model"]) & set(ON_GRID)


def test_table1_is_tidy_with_mean_and_spread_over_seeds(scores):
    tidy = over_scales.table(scores, TABLE1)
    assert list(tidy.columns[:7]) == ["dataset", "preset", "model", "input", "p", "distribution", "seeds"]
    assert {"ssim", "ssim_std", "sam", "sam_std", "source"} <= set(tidy.columns)
    assert len(tidy) == 8 * 3 + 6 * 2 and set(tidy["source"]) == {"ours", "extension"}
    row = tidy[(tidy["model"] == "ssif-rf-uf") & (tidy["p"] == 4)].iloc[0]
    assert (row["seeds"], row["psnr"], row["distribution"]) == (2, 36 + 0.5 + 1 - 4, "out")
    assert row["psnr_std"] == pytest.approx(0.5**0.5)


def write_records(config, target, seconds=60.0):
    """config.json of every network: parameters and steps by stage, `seconds` more a seed, a commit a stage."""
    numbers = {"bicubic": (93, 0), "rcan-msi": (1_000_003, 3), "awan-hr": (2_000_001, 4)}
    for run in runs.networks(config, target.rows):
        parameters, steps = numbers.get(run.method, (500, 60))
        run.folder.mkdir(parents=True, exist_ok=True)
        record = {
            "parameters": parameters,
            "seconds": seconds * (1 + run.seed) if steps else 0.0,
            "commit": f"{run.method}-{run.seed}" if run.method in numbers else "abc",
            "training": {"steps": steps} if steps else {},
        }
        (run.folder / "config.json").write_text(json.dumps(record))


def test_what_a_row_costs(tmp_path, monkeypatch):
    """Two seeds, of 60 and 120 s a network. RCAN+AWAN: p = 3 starts from p = 2."""
    monkeypatch.chdir(tmp_path)
    write_records(CONFIG, TABLE1)
    costs = over_scales.costs(CONFIG, TABLE1).set_index(["model", "p"])
    columns = ["parameters", "steps", "minutes", "trained_at"]
    assert list(costs.columns) == columns and len(costs) == 8 * 3 + 6 * 2
    assert costs.loc[("bicubic+linear", 4)].tolist() == [93, "0", 0.0, "bicubic-0+bicubic-1"]
    assert costs.loc[("SSIF-RF-UF", 2)].tolist() == costs.loc[("SSIF-RF-UF", 4)].tolist() == [500, "60", 1.5, "abc"]
    commits = "rcan-msi-0+awan-hr-0+rcan-msi-1+awan-hr-1"
    assert costs.loc[("RCAN+AWAN", 2)].tolist() == [3_000_004, "3+4", 3.0, commits]
    assert costs.loc[("RCAN+AWAN", 3)].tolist() == [3_000_004, "3+4", 4.5, commits]


def test_the_table_says_what_a_row_cost_and_nothing_of_reported_rows(scores):
    write_records(CHAIN, CHAIN1)
    named = on_cave(scores).replace({"model": {name: METHODS[name].label for name in CONFIG.methods}})
    named = named[named["model"].isin(["RCAN+AWAN", "SSIF-RF-UF"]) & (named["p"] == 2)]
    tidy = over_scales.with_costs(over_scales.table(named, CAVE1), over_scales.costs(CHAIN, CHAIN1))
    layout.write("table1", tidy, "", "")
    written = pd.read_csv("results/table1.csv", dtype=str, keep_default_na=False)
    costs = ["parameters", "steps", "minutes", "trained_at"]
    assert list(written.columns[-4:]) == costs
    ours = written[written["source"] == "ours"].set_index("model")[costs]
    assert ours.loc["RCAN+AWAN"].tolist() == ["3000004", "3+4", "2", "rcan-msi-0+awan-hr-0"]
    assert ours.loc["SSIF-RF-UF"].tolist() == ["500", "60", "1", "abc"]
    reported = written.loc[written["source"] == "reported", costs]
    assert len(reported) == 54 and (reported == "").all(axis=None)


@pytest.mark.parametrize(
    ("name", "dataset", "rows", "psnr"), [("table1", "cave", 54, 33.38), ("table2", "pavia_centre", 72, 28.83)]
)
def test_the_paper_s_numbers_stand_beside_ours_only_on_the_paper_s_data(scores, name, dataset, rows, psnr):
    target = dataclasses.replace(TABLE1, name=name, dataset=dataset)
    tidy = over_scales.table(scores.replace({"dataset": {"synthetic": dataset}}), target)
    reported = tidy[tidy["source"] == "reported"]
    assert len(reported) == rows
    paper = reported[(reported["model"] == "SSIF-RF-UF") & (reported["p"] == 4)].iloc[0]
    assert paper["psnr"] == psnr
    text = layout.markdown(tidy, ["a footer"])
    assert "| RCAN+AWAN (reported) | - |" in text and "| SSIF-RF-UF (reported) |" in text


def test_what_the_methods_were_given_stands_under_the_table():
    lines = "\n".join(over_scales.protocol(CONFIG, TABLE1, 2, {"values": "/ 65535"}, "abc"))
    assert "rcan (groups 1, blocks 1, channels 8) 20 steps of 2" in lines and "us3rn 20 steps of 2" in lines
    assert "Each network of a chain is trained on true images" in lines and "not published, so they are ours" in lines
    assert "2 test image(s), 2 seed(s), commit abc" in lines and "Values: / 65535." in lines
    on_cave = "\n".join(over_scales.protocol(ON_CAVE, CAVE1, 10, {"values": "/ 65535"}, "abc"))
    assert "us3rn 6000 steps of 4" in on_cave and "of a chain" not in on_cave and "ours" not in on_cave
    fields = dataclasses.replace(CONFIG, methods=("bicubic", "ssif-rf-uf"))
    assert "Networks on a pixel grid" not in "\n".join(
        over_scales.protocol(fields, targets(fields)["table1"], 2, {"values": "/ 65535"}, "abc")
    )


def paired(gaps: list[float], seeds: int = 1) -> pd.DataFrame:
    """SSIF-A is ahead of LIIF by `gaps` of dB, one a scene and seed, and both are ahead of SSIF-B and US3RN."""
    rng, found = np.random.default_rng(0), []
    for index, gap in enumerate(gaps):
        level = rng.uniform(20, 40)
        for model, psnr in (("SSIF-A", level + gap), ("LIIF", level), ("SSIF-B", level - 3), ("US3RN", level - 2)):
            found.append((model, index % seeds, index // seeds, 2, psnr, 0.9, 5 - (psnr - level)))
    return pd.DataFrame(found, columns=["model", "seed", "scene", "p", "psnr", "ssim", "sam"])


def test_the_best_ssif_and_the_best_other_method_meet_on_every_scene_and_seed():
    gaps = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, -0.1]
    result = remarks.compare(paired(gaps, seeds=2)).set_index("metric")
    assert set(zip(result["ssif"], result["baseline"])) == {("SSIF-A", "LIIF")} and set(result["pairs"]) == {8}
    assert result.loc["psnr", "difference"] == pytest.approx(np.mean(gaps))
    # By hand: |-0.1| ties with 0.1 for rank 1.5, so W = 1.5; exact or normal, the p-value lies near 0.02.
    assert 0.01 < result.loc["psnr", "p_value"] < 0.03
    assert result.loc["sam", "difference"] == pytest.approx(-np.mean(gaps))
    assert np.isnan(result.loc["ssim", "p_value"]), "all differences are zero"
    assert "p = 2: SSIF-A - LIIF, PSNR +0.34 (p-value" in remarks.compared(result.reset_index())[0]


def test_ten_scenes_all_ahead_is_two_in_a_thousand_and_chance_is_not():
    ahead = remarks.compare(paired(list(np.linspace(0.1, 1, 10)))).set_index("metric")
    assert ahead.loc["psnr", "p_value"] == pytest.approx(2 / 2**10)
    level = remarks.compare(paired([0.5, -0.5, 0.4, -0.41, 0.3, -0.31, 0.2, -0.21])).set_index("metric")
    assert level.loc["psnr", "p_value"] > 0.5


def test_too_few_pairs_are_said_and_not_tested():
    lines = remarks.compared(remarks.compare(paired([0.5])))
    assert "1 pair(s) of scene and seed, too few for a test, which needs 6" in lines[0] and "p-value" not in lines[0]
    assert remarks.compared(remarks.compare(paired([0.5]).query("model == 'LIIF'"))) == []


def test_an_ablation_has_a_row_a_value_with_what_was_changed(scores):
    table = ablation.table(CONFIG, FIG6)
    assert set(table["ablation"]) == {"fig6"} and set(table["key"]) == {"spectral_decoder"}
    assert len(table) == 2 * 2 * 2 * 3 and set(table["value"]) == {"D", "C"}
    row = table.query("model == 'ssif-rf-gs' and value == 'C' and p == 4 and C == 40").iloc[0]
    assert (row["seeds"], row["mpsnr"], row["parameters"], row["training_seconds"]) == (2, 33 + 0.5 + 1 - 4, 1000, 70)
    assert row["mpsnr_std"] == pytest.approx(0.5**0.5) and row["reference"] == "interpolated"


def test_a_method_that_does_not_read_the_key_has_no_value(scores):
    table = ablation.table(CONFIG, CLOSED_FORM)
    assert table.groupby("model")["value"].agg(set).to_dict() == {
        "ssif-rf-gi": {""}, "ssif-rf-uf": {"4"}, "ssif-rf-ui": {""}
    }  # fmt: skip


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


def test_later_methods_and_then_an_extension_stand_below_the_others_unmarked_and_untested(scores):
    named = scores.replace({"model": {"liif": "LTE", "ssif-rf-uf": "SSIF-RF-UF"}})
    named["mpsnr"] += 10 * (named["model"] == "LTE")
    first = named["model"].isin(["SSIF+", "LTE"])
    tidy = over_scales.table(on_cave(pd.concat([named[first], named[~first]])), CAVE1)
    assert list(tidy["source"].unique()) == ["ours", "later", "extension", "reported"]
    sources = tidy.groupby("source")["model"].agg(set)
    assert (sources["later"], sources["extension"]) == ({"LTE"}, {"SSIF+"})
    places = tidy[(tidy["p"] == 2) & (tidy["source"] != "reported")].set_index("model")["place"]
    assert (places["LTE"], places["SSIF-RF-UF"], places["ssif-rf-us"]) == (1, 2, 3) and pd.isna(places["SSIF+"])
    text = layout.markdown(tidy, ["a footer"])
    # Two seeds and two scenes: 0.5 and 1 above the number by hand, less p.
    assert f"| SSIF+ (not in the paper) | {PSNR['ssif+'] - 0.5:.2f} ± 0.71 |" in text
    assert f"| LTE (later) | {PSNR['liif'] + 10 - 0.5:.2f} ± 0.71 |" in text
    assert f"| SSIF-RF-UF | **{PSNR['ssif-rf-uf'] - 0.5:.2f}** ± 0.71 |" in text
    compared = remarks.compare(named.rename(columns=over_scales.SCORES))
    assert set(compared["ssif"]) == {"SSIF-RF-UF"} and not {"SSIF+", "LTE"} & set(compared["baseline"])


def test_a_run_that_was_not_evaluated_is_named(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(
        UserError, match=r"metrics.csv is missing: python -m workflow.evaluate --run synthetic.bicubic.s0"
    ):
        cells.scores(CONFIG, TABLE1)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda table: table[:-1], "is damaged (it has 0 rows of scene b, p 4.0, C 31 instead of one)"),
        (
            lambda table: pd.concat([table, table[-1:]]),
            "is damaged (it has 2 rows of scene b, p 4.0, C 31 instead of one)",
        ),
        (lambda table: table.assign(ssim=np.nan), "is damaged (ssim has values that are not finite numbers)"),
        (lambda table: table.assign(rmse="low"), "is damaged (could not convert string to float: 'low')"),
        (lambda table: table[table["scene"] == "a"], "lacks b"),
        (lambda table: table.drop(columns="C"), "is damaged (\"['C'] not in index\")"),
        (lambda table: table[:0], "is damaged (it has no rows)"),
    ],
)
def test_scores_that_are_not_all_there_are_told(scores, change, reason):
    run = next(run for run in TABLE1.rows if run.method == "ssif-rf-uf")
    path = run.folder / "metrics.csv"
    table = pd.read_csv(path)
    change(table[table["C"] == 31]).to_csv(path, index=False)
    with pytest.raises(UserError) as refused:
        cells.scores(CONFIG, TABLE1)
    assert str(refused.value) == f"{path} {reason}: python -m workflow.evaluate --run {run.id}"


def test_rows_whose_loss_still_fell_are_named(monkeypatch):
    losses = {"liif": np.linspace(1, 0.5, 100), "us3rn": np.linspace(1, 0.99, 100), "ssif-m": np.linspace(-1, -9, 100)}
    monkeypatch.setattr(
        remarks.stored, "curve", lambda run, steps: pd.DataFrame({"loss": losses.get(run.method, [1.0, 0.1])})
    )
    (line,) = remarks.still_learning(TABLE1)
    # Means over steps 61 to 80 and 81 to 100: 1 - 0.548 / 0.649. A small fall, a logarithm and a short curve do not count.
    assert line.endswith("by LIIF 16%.")
    losses["liif"] = np.ones(100)
    assert remarks.still_learning(TABLE1) == []
