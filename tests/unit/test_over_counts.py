"""Figures 3, 4, 6, 7 and the ablations: the lines over C are the scores given, and what is not drawn is said in words."""

import numpy as np
import pytest
from matplotlib.colors import to_hex

from ssif.errors import UserError
from tests.drawn import COUNTS, legend, lines, over, rows, written
from workflow.figures import style


def test_lines_are_means_over_seeds_with_their_spread_as_a_band():
    figure = over(rows("LIIF", 40, seeds=(0, 1, 5)), rows("SSIF-M", 40.2), scales=(8, 4))
    axes = figure.axes[0]
    assert axes.get_title(loc="left") == "(a) p = 8" and figure.axes[3].get_title(loc="left") == "(b) p = 4"
    assert set(lines(axes)) == {"LIIF", "SSIF-M"}
    assert lines(axes)["LIIF"].get_xdata().tolist() == list(COUNTS)
    mean = np.array([40 - 8 - count / 10 + 2 for count in COUNTS])
    np.testing.assert_allclose(lines(axes)["LIIF"].get_ydata(), mean)
    np.testing.assert_allclose(lines(figure.axes[5])["LIIF"].get_ydata(), 7)
    (band,) = axes.collections
    corners = band.get_paths()[0].vertices
    assert to_hex(band.get_facecolor()[0]) == style.BLACK
    for count, middle in zip(COUNTS, mean):
        edges = corners[corners[:, 0] == count, 1]
        assert [edges.min(), edges.max()] == pytest.approx([middle - 7**0.5, middle + 7**0.5])
    assert legend(figure) == ["LIIF", "SSIF-M", "C > 31: interpolated reference"]


def test_axes_say_what_they_show():
    figure = over(rows("LIIF", 40))
    assert [axes.get_ylabel() for axes in figure.axes] == 2 * ["PSNR (dB) ↑", "SSIM ↑", "SAM (degrees) ↓"]
    assert [axes.get_xlabel() for axes in figure.axes] == 3 * [""] + 3 * ["number of bands C"]


def test_grey_runs_from_the_true_number_of_bands_to_the_right_edge():
    for axes in over(rows("LIIF", 40)).axes:
        (grey,) = axes.patches
        assert grey.get_x() == 31 and grey.get_x() + grey.get_width() == pytest.approx(axes.get_xlim()[1])
        assert axes.get_ylim()[0] < axes.lines[0].get_ydata().min()
    within = over(rows("LIIF", 40, counts=(8, 31)))
    assert not within.axes[0].patches and legend(within) == ["LIIF"]


def test_one_number_of_bands_is_a_marker():
    (axes, *_) = over(rows("LIIF", 40), rows("US3RN", 40, counts=(31,), seeds=(0, 1))).axes
    point = lines(axes)["US3RN"]
    assert point.get_linestyle() == "None" and point.get_marker() == "P" and point.get_fillstyle() == "none"
    assert (point.get_xdata().tolist(), point.get_ydata().tolist()) == ([31], [40 - 4 - 3.1 + 0.5])
    assert point.get_zorder() > lines(axes)["LIIF"].get_zorder()
    (spread,) = axes.collections
    assert np.ptp(spread.get_segments()[0][:, 1]) == pytest.approx(2 * 0.5**0.5)


def test_what_is_outside_the_range_is_listed_and_not_on_the_axes():
    far = [
        rows("US3RN", 20, counts=(31,), ssim=0.912),
        rows("RCAN+AWAN", 90, counts=(31,)),
        rows("SSJSR", 10, sam=60.0),
    ]
    figure = over(rows("LIIF", 40), rows("SSIF-M", 41), *far)
    words = written(figure)
    assert (
        "outside the range at p = 4: US3RN 12.9 dB, SSIM 0.912; RCAN+AWAN 82.9 dB; SSJSR 1.2 to 5.2 dB, SAM 60.0°"
        in words
    )
    assert "outside the range at p = 8: US3RN 8.9 dB" in words
    psnr, ssim, sam = figure.axes[:3]
    assert set(lines(psnr)) == {"LIIF", "SSIF-M"}
    assert set(lines(ssim)) == {"LIIF", "SSIF-M", "RCAN+AWAN", "SSJSR"}
    assert set(lines(sam)) == {"LIIF", "SSIF-M", "RCAN+AWAN", "US3RN"}
    low, high = psnr.get_ylim()
    assert 30 < low < 40 - 4 - 4.8 and 41 - 4 - 0.8 < high < 38
    assert "outside" not in written(over(rows("LIIF", 40)))


def test_points_of_a_line_that_leaves_the_range_are_listed_with_their_c():
    leaving = rows("My method", 40)
    leaving.loc[leaving["C"] == 48, "mpsnr"] = 12.34
    figure = over(rows("LIIF", 40), leaving)
    assert "outside the range at p = 4: My method 12.3 dB at C = 48" in written(figure)
    assert "My method" in lines(figure.axes[0])


def test_the_bicubic_line_is_in_the_range_only_if_near():
    near = over(rows("LIIF", 40), rows("bicubic+linear", 38))
    assert "bicubic+linear" in lines(near.axes[0]) and near.axes[0].get_ylim()[0] < 38 - 4 - 4.8
    far = over(rows("LIIF", 40), rows("bicubic+linear", 30))
    assert "bicubic+linear" not in lines(far.axes[0]) and "bicubic+linear 21.2 to 25.2 dB" in written(far)


def test_ticks_are_the_numbers_of_bands_and_do_not_overlap():
    figure = over(rows("LIIF", 40, counts=(8, 12, 16, 20, 24, 28, 30, 31, 32, 40, 48, 62)))
    axes = figure.axes[-1]
    # Matplotlib leaves a small tick out where there is a large one.
    small, large = set(axes.get_xticks(minor=True)), set(axes.get_xticks())
    assert {8, 31, 62} <= large and small | large == {8, 12, 16, 20, 24, 28, 30, 31, 32, 40, 48, 62}
    boxes = [label.get_window_extent() for label in axes.get_xticklabels()]
    assert all(left.x1 + 2 < right.x0 for left, right in zip(boxes, boxes[1:]))


def test_an_ablation_over_several_models_is_one_colour_a_model_and_one_dash_a_value():
    tables = [rows(model, 40, value=value) for model in ("SSIF-RF-GS", "SSIF-RF-UF") for value in "DC"]
    figure = over(*tables, rows("LIIF", 40), key="decoder")
    drawn = lines(figure.axes[0])
    names = [f"{model}, decoder = {value}" for model in ("SSIF-RF-GS", "SSIF-RF-UF") for value in "DC"]
    assert list(drawn) == [*names, "LIIF"] and legend(figure)[:5] == [*names, "LIIF"]
    assert [drawn[name].get_linestyle() for name in names] == ["-", "--", "-", "--"]
    assert [drawn[name].get_color() for name in names] == 2 * [style.BLUE] + 2 * [style.VERMILION]
    widths = [line.get_linewidth() for line in drawn.values()]
    assert widths == sorted(widths, reverse=True) and len(set(widths)) == 5


def test_an_ablation_of_one_model_is_a_sequence_of_colours_and_markers():
    values = ["2", "4", "8", "64"]
    figure = over(
        *(rows("SSIF-RF-US", 40 + index, value=value) for index, value in enumerate(values)), rows("LIIF", 40), key="K"
    )
    drawn = lines(figure.axes[0])
    names = [f"SSIF-RF-US, K = {value}" for value in values]
    assert list(drawn) == [*names, "LIIF"] and drawn["LIIF"].get_color() == style.BLACK
    brightness = [sum(drawn[name].get_color()[:3] * np.array([0.3, 0.6, 0.1])) for name in names]
    assert brightness == sorted(brightness) and len({drawn[name].get_marker() for name in names}) == 4


def test_a_scale_without_cells_is_an_error():
    with pytest.raises(UserError, match="unknown scale p 3; known: 4, 8"):
        over(rows("LIIF", 40), scales=(3,))
