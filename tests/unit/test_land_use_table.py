"""Table 3 and Figure 9 from classifications made by hand: means, bounds, the paper's numbers, maps."""

import dataclasses

import numpy as np
import pandas as pd
import pytest

from ssif.data import pavia_centre
from ssif.data.raw import LandCover
from ssif.errors import UserError
from tests.drawn import texts
from workflow.config import presets
from workflow.config.schema import Shown
from workflow.figures import land_use_maps, style
from workflow.land_use.images import BICUBIC, TRUE
from workflow.methods import METHODS, family
from workflow.plan.targets import targets
from workflow.tables import land_use

IDS = [2, 6, 8, 9]
CLASSIFIED = ("bicubic", "liif", "ssif-rf-gs")
SMOKE = presets.load("config/smoke.yaml")
# The smoke preset's networks as if they were Pavia Centre's.
CONFIG = dataclasses.replace(
    SMOKE,
    seeds=(0, 1),
    methods=CLASSIFIED,
    tables={"table3": Shown("pavia_centre", (2, 4), CLASSIFIED)},
    figures={},
    ablations={},
    datasets={"pavia_centre": SMOKE.datasets["synthetic"]},
)
TARGET = targets(CONFIG)["table3"]
# Right pixels of the 60 of class 8, beside 20 right ones of class 2 and none of 20 of class 9; of 6 the image has none.
RIGHT = {"bicubic": 30, "liif": 24, "ssif-rf-gs": 36, TRUE: 60, BICUBIC: 48}


def counts(label: str, right: int, seed: int, p: float) -> list[dict]:
    """Of one image: a seed more is six pixels more."""
    right -= 0 if label == TRUE else 6 * seed
    pairs = [(2, 2, 20), (8, 8, right), (8, 6, 60 - right), (9, 2, 20)]
    return [{"dataset": "pavia_centre", "preset": "smoke", "seed": seed, "model": label, "p": p, "true": true,
             "predicted": predicted, "pixels": pixels} for true, predicted, pixels in pairs if pixels]  # fmt: skip


@pytest.fixture
def tidy(tmp_path, monkeypatch) -> pd.DataFrame:
    monkeypatch.chdir(tmp_path)
    for run in (*TARGET.rows, *TARGET.classifiers):
        labels = (
            {TRUE: TRUE, BICUBIC: BICUBIC}
            if family(run.method) == "classifier"
            else {METHODS[run.method].label: run.method}
        )
        # p = 3 was classified for a figure and is none of the table's.
        found = [
            row for label, key in labels.items() for p in (2, 3, 4) for row in counts(label, RIGHT[key], run.seed, p)
        ]
        run.folder.mkdir(parents=True)
        pd.DataFrame(found).to_csv(run.folder / "land_use.csv", index=False)
    return land_use.table(CONFIG, TARGET, IDS)


def at(tidy: pd.DataFrame, model: str, p: float = 2) -> pd.Series:
    return tidy[tidy["source"] != "reported"].set_index(["model", "p"]).loc[(model, p)]


def test_the_table_has_its_columns_and_rows(tidy):
    wanted = ["dataset", "preset", "model", "p", "oa", "aa", "kappa", "macro_f1", "miou"]
    wanted += [f"recall_{number}" for number in IDS] + ["source"]
    assert [name for name in tidy if name in wanted] == wanted
    ours = tidy[tidy["source"] == "ours"]
    assert list(zip(ours["model"], ours["p"])) == [(METHODS[name].label, p) for name in CLASSIFIED for p in (2, 4)]
    assert set(tidy.loc[tidy["source"] == "bound", "model"]) == {TRUE, BICUBIC, land_use.CONSTANT}
    assert set(ours["distribution"].where(ours["p"] == 2, "out")) == {"in", "out"}


def test_numbers_are_means_over_seeds_of_the_confusion_s_scores(tidy):
    liif = at(tidy, "LIIF")
    assert liif["seeds"] == 2
    assert liif["oa"] == pytest.approx((0.44 + 0.38) / 2) and liif["oa_std"] == pytest.approx(0.06 / 2**0.5)
    # Recall 1, 24/60 or 18/60, 0; class 6 is predicted but is nowhere true, and so counts in no mean.
    assert liif["aa"] == pytest.approx((1 + 0.35 + 0) / 3)
    assert liif["recall_8"] == pytest.approx(0.35) and np.isnan(liif["recall_6"])


def test_the_constant_answer_is_the_largest_class_and_the_true_image_the_upper_bound(tidy):
    constant = at(tidy, land_use.CONSTANT)
    assert (constant["oa"], constant["recall_8"], constant["recall_2"]) == (0.6, 1, 0)
    assert constant["aa"] == pytest.approx(1 / 3) and constant["kappa"] == pytest.approx(0)
    assert at(tidy, TRUE)["oa"] == pytest.approx(0.8)


def test_the_paper_s_accuracies_stand_apart(tidy):
    paper = tidy[tidy["source"] == "reported"]
    assert len(paper) == 25 and paper[["oa", "aa", "kappa"]].isna().all(axis=None)
    assert tidy.loc[tidy["source"] != "reported", "accuracy"].isna().all()
    shown = land_use.reported(tidy)
    assert shown.loc["SSIF-RF-GS"].tolist() == ["43.44", "46.86", "44.97", "44.82"]
    assert set(shown.loc["HSI (ground truth image)"]) == {"72.66"}
    elsewhere = dataclasses.replace(TARGET, dataset="synthetic")
    data = dataclasses.replace(CONFIG, datasets=SMOKE.datasets)
    assert len(land_use.reported(land_use.table(data, elsewhere, IDS))) == 0


def test_acc_imp_is_gs_less_liif_and_bounds_do_not_compete(tidy):
    page = land_use.markdown(land_use.printed(tidy), [], land_use.COLUMNS)
    rows = {line.split(" | ")[0].strip("| "): line for line in page.splitlines() if line.startswith("|")}
    # 36 - 24 pixels of 100.
    assert "| 12.0 |" in rows["Acc Imp. (SSIF-RF-GS - LIIF)"]
    assert "**53.0 ± 4.2**" in rows["SSIF-RF-GS"] or "**53.0** ± 4.2" in rows["SSIF-RF-GS"]
    assert not any(mark in rows[name] for name in (TRUE, BICUBIC, land_use.CONSTANT) for mark in ("**", "<u>"))
    assert [*rows][-3:] == [TRUE, BICUBIC, land_use.CONSTANT]


def cover(labels: np.ndarray) -> LandCover:
    return LandCover("pavia_centre", {"test": labels}, pavia_centre.CLASSES, {}, {}, pavia_centre.WEB_PAGE)


def test_classes_have_both_names_and_the_absent_ones_are_named():
    labels = np.zeros((4, 4), np.uint8)
    labels[0], labels[1] = 2, 8
    lines = "\n".join(land_use.protocol(CONFIG, TARGET, cover(labels), "test", "/ 8000", "abc1234"))
    assert "so nothing is measured on them: 1 water; 3 meadows (elsewhere Asphalt)" in lines
    assert "8 labelled pixels" in lines and "2 trees" not in lines and "zscore" in lines and "training region" in lines
    assert "Values: / 8000." in lines


def test_recalls_are_of_the_classes_that_are_there(tidy):
    labels = np.repeat(np.array([2, 8, 9, 0], np.uint8), [20, 60, 20, 300]).reshape(20, 20)
    found = land_use.recalls(tidy, 2, cover(labels), labels)
    assert list(found) == [
        "2 trees, 20 px",
        "8 tiles (elsewhere Meadows), 60 px",
        "9 shadows (elsewhere Bare Soil), 20 px",
    ]
    assert found.loc["LIIF"].tolist() == ["100.0", "35.0", "0.0"] and "HSI (ground truth image)" not in found.index


def test_a_run_that_was_not_classified_is_named(tidy):
    missing = TARGET.rows[2].folder / "land_use.csv"
    missing.unlink()
    with pytest.raises(
        UserError, match=f"^{missing} is missing: python -m workflow.classify --run {TARGET.rows[2].id}$"
    ):
        land_use.table(CONFIG, TARGET, IDS)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda found: found[found["p"] != 4], "it has no rows"),
        (lambda found: found[:-1], "at p = 4 it counts other labelled pixels than .*land_use.csv"),
        (lambda found: found.replace({"predicted": {6: 7}}), "it has classes that are not in the land cover"),
        (lambda found: pd.concat([found, found[:1]]), "it has 2 rows of true 2, predicted 2 instead of one"),
    ],
)
def test_counts_that_are_not_all_there_are_told(tidy, change, reason):
    run = TARGET.rows[2]
    path = run.folder / "land_use.csv"
    change(pd.read_csv(path)).to_csv(path, index=False)
    with pytest.raises(
        UserError, match=rf"^{path} is damaged \({reason}\): python -m workflow.classify --run {run.id}$"
    ):
        land_use.table(CONFIG, TARGET, IDS)


@pytest.mark.parametrize(("shape", "shown"), [((30, 10), (10, 30)), ((12, 14), (12, 14))])
def test_figure_9_shows_every_map_and_the_labels_in_one_palette(shape, shown):
    labels = np.zeros(shape, np.uint8)
    labels[:3], labels[5:] = 2, 9
    images = {
        name: (np.full(shape, number, np.uint8), f"OA {number}%") for name, number in (("LIIF", 2), ("true image", 9))
    }
    figure = land_use_maps.draw(
        images, labels, pavia_centre.CLASSES, note="p = 2", footer="preset smoke, commit 0123abc"
    )
    panels = [axes for axes in figure.axes if axes.images]
    assert [axes.get_title(loc="left") for axes in panels] == ["(a) LIIF", "(b) true image", "(c) labels"]
    assert [axes.get_xlabel() for axes in panels][:2] == ["OA 2%", "OA 9%"]
    colours = [axes.images[0].to_rgba(axes.images[0].get_array(), bytes=True)[..., :3] for axes in panels]
    assert all(colour.shape[:2] == shown for colour in colours)
    found = {tuple(colour.reshape(-1, 3).max(axis=0)) for colour in colours[:2]}
    assert len(found) == 2 and {tuple(pixel) for pixel in colours[2].reshape(-1, 3)} == found | {(0, 0, 0)}
    words = [text.get_text() for text in texts(figure)]
    assert all(f"{number} {name}" in words for number, name in pavia_centre.CLASSES.items())


def test_no_two_classes_of_a_map_share_a_colour():
    assert len({style.BLACK, *style.CLASSES}) == 1 + len(style.CLASSES) >= 1 + len(pavia_centre.CLASSES)
