"""The cost of an image over p, C, K and its size: measured rows, and the figure of them."""

import pandas as pd
import pytest

from tests.drawn import FOOTER, legend, texts
from workflow import growth as measuring
from workflow.config import presets
from workflow.figures import growth

DATA = presets.load("config/smoke.yaml").datasets["synthetic"]


def test_one_thing_grows_at_a_time_and_the_bound_with_its_arithmetic(monkeypatch):
    monkeypatch.setattr(measuring, "VALUES", {"p": (1, 4), "C": (8, 64), "K": (1, 64), "side": (8, 32)})
    table = measuring.measured(DATA)
    assert list(table["axis"]) == ["p", "p", "C", "C", "K", "K", "side", "side"]
    least = table.groupby("axis")["least"].agg(list)
    assert least["p"][1] > 5 * least["p"][0] and least["side"][1] == pytest.approx(16 * least["side"][0], rel=0.2)
    assert (table[["encoder", "whole", "least"]] > 0).all(axis=None)


def test_the_figure_has_a_panel_an_axis(tmp_path):
    rows = [(axis, value, 1.0, 2.0, 1.5) for axis, values in measuring.VALUES.items() for value in values]
    table = pd.DataFrame(rows, columns=["axis", "value", "encoder", "whole", "least"])
    figure = growth.draw(table, measuring.BASE, footer=FOOTER)
    assert [axes.get_xlabel() for axes in figure.axes] == list(growth.AXES.values())
    assert legend(figure) == ["measured", "of which encoder", "least, by arithmetic"]
    assert any("scale p = 4" in text.get_text() for text in texts(figure))
