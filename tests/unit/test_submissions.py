"""Scores from elsewhere in results/submissions: rows of Table 1, marked, not ranked; wrong files in one line."""

import numpy as np
import pandas as pd
import pytest

from ssif.errors import UserError
from tests.unit.test_tables import TABLE1, scores  # noqa: F401
from workflow.plan.runs import results
from workflow.tables import cells, layout, over_scales

METRICS = dict.fromkeys(cells.METRICS, 0.5)


def submission(**changes) -> pd.DataFrame:
    """A model that beats all of ours, on both scenes at each p."""
    rows = [
        {"dataset": "synthetic", "model": "Theirs", "scene": scene, "p": p} | METRICS | {"mpsnr": 60.0 + shift - p}
        for scene, shift in (("a", 0), ("b", 2))
        for p in (2, 3, 4)
    ]
    return pd.DataFrame(rows).assign(**changes)


def put(table: pd.DataFrame, name: str = "theirs.csv") -> None:
    path = results() / "submissions" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    table.to_csv(path, index=False)


def test_a_submission_is_a_row_that_is_not_ranked(scores):  # noqa: F811
    alone = over_scales.table(scores, TABLE1)
    put(submission())
    put(submission(dataset="cave"), "of-another-data-set.csv")
    table = over_scales.table(scores, TABLE1)
    theirs = table[table["source"] == "submitted"]
    assert theirs[["model", "p", "psnr", "sam"]].values.tolist() == [["Theirs", p, 61.0 - p, 0.5] for p in (2, 3, 4)]
    assert set(theirs["distribution"]) == {"in", "out"} and theirs["place"].isna().all()
    pd.testing.assert_frame_equal(
        table[table["source"] != "submitted"].reset_index(drop=True), alone, check_dtype=False
    )
    text = layout.markdown(table, [])
    assert "| Theirs (submitted) | 59.00 " in text and "**59.00**" not in text
    costs = pd.DataFrame({"model": ["SSIF-M"], "p": [2.0], "minutes": [1.0]})
    assert len(over_scales.with_costs(table, costs)) == len(table)


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (submission().drop(columns="sam"), "lacks the columns sam; it needs dataset, model, scene, p, mpsnr"),
        (submission(ssim=np.nan), "p or a score is not a number"),
        (submission(ssim="high"), "p or a score is not a number"),
        (submission().replace({"p": {4: 5}}), "p = 5 is not in the table, which has 2, 3, 4"),
        (submission().drop(index=0), r"Theirs at p = 2 has the scenes b, but must have each of a, b once"),
        (pd.concat([submission(), submission()]), "Theirs at p = 2 has the scenes a, a, b, b, but must have each of a, b once"),
        (pd.DataFrame(), "cannot be read"),
    ],
)  # fmt: skip
def test_wrong_files(scores, table, message):  # noqa: F811
    put(table)
    with pytest.raises(UserError, match=rf"results/submissions/theirs\.csv:? {message}"):
        over_scales.table(scores, TABLE1)
