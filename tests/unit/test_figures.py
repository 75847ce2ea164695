"""The drawing half of the figures: what stands in a Figure is what was given, and what does not is said in words."""

import os
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from baselines.bicubic import BicubicLinear
from ssif.bands import Bands
from ssif.data.prepare import prepare
from ssif.data.store import Store
from tests.drawn import FOOTER, legend, over, rows, texts, written
from workflow.figure import multiply_adds, typical_pixel
from workflow.figures import embeddings, errors, loss_curves, over_cost, signature, style
from workflow.methods import METHODS

RNG = np.random.default_rng(0)
# Indian Pines in small: a gap of 90 nm between bands of 10 nm.
GAPPED = Bands.from_centres([450, 460, 550, 560, 650, 660], 10)
CAVE = Bands.from_centres(np.arange(400, 701, 10), 10)


def made_images(count=3, shape=(6, 12, 10)):
    truth = RNG.random(shape, dtype=np.float32)
    return {f"model {index}": (truth * (0.9 - index / 10)).astype(np.float32) for index in range(count)}, truth


def costs() -> pd.DataFrame:
    """bicubic + linear, a network for each p and one for all."""
    rows = [("bicubic+linear", p, 31.0, 2.5e7, 0.1, 93) for p in (2, 4)]
    rows += [("US3RN", p, 34.0 - p, 1e12 / p, 20.0, 200_000 * p) for p in (2, 4)]
    rows += [("SSIF+", p, 36.0 - p, 3e11, 8.0, 656_000) for p in (2, 4)]
    return pd.DataFrame(rows, columns=["model", "p", "psnr", "multiply_adds", "seconds", "parameters"])


def every_figure():
    images, truth = made_images()
    spectrum = RNG.random(31)
    log = pd.DataFrame({"step": np.arange(1, 61), "loss": RNG.random(60) + 0.1})
    return {
        "over_counts": over(rows("LIIF", 40), rows("SSIF-M", 41, seeds=(0, 1)), rows("US3RN", 20, counts=(31,))),
        "errors": errors.draw(images, truth, GAPPED, scale=4, footer=FOOTER),
        "embeddings": embeddings.draw({d: (np.arange(400, 700), RNG.random((300, d))) for d in (5, 10)}, footer=FOOTER),
        "signature": signature.draw(
            {count: (CAVE.parts(count), RNG.random(count)) for count in (8, 31, 48)}, (CAVE, spectrum), (3, 5), scale=4, footer=FOOTER
        ),
        "cost": over_cost.draw(costs(), size=512, footer=FOOTER),
        "curves": loss_curves.draw({"a": log, "b": log}, footer=FOOTER),
        "many curves": loss_curves.draw({f"run {index}": log for index in range(9)}, footer=FOOTER),
    }  # fmt: skip


@pytest.fixture(scope="module")
def figures():
    return every_figure()


# All figures


def test_every_text_has_one_size_and_no_power_of_ten_is_smaller(figures):
    for name, figure in figures.items():
        assert {text.get_fontsize() for text in texts(figure)} == {8}, name
        assert "$" not in written(figure), name


def test_every_figure_has_its_footer_and_the_printed_width(figures):
    for name, figure in figures.items():
        assert FOOTER in written(figure), name
        assert figure.get_figwidth() == 7 and figure.get_figheight() < 12, name


def test_nothing_is_cut_off_and_panels_legend_and_footer_do_not_overlap(figures):
    for name, figure in figures.items():
        box = figure.get_tightbbox()  # inches
        assert box.x0 >= 0 and box.y0 >= 0 and box.x1 <= 7.01 and box.y1 <= figure.get_figheight() + 0.01, name
        parts = [
            part.get_tightbbox()
            for part in (*figure.axes, *figure.legends, figure.texts[-1])
            if getattr(part, "axison", True)
        ]
        for index, part in enumerate(parts):
            assert not any(part.padded(-1).overlaps(other.padded(-1)) for other in parts[:index]), (name, index)


def test_long_notes_break_into_lines_that_fit():
    with style.styled():
        figure = style.new()
        style.frame(figure, 1, "WORD " * 60 + "END", FOOTER)
    (note,) = texts(figure)
    assert note.get_text().count("\n") >= 3 and note.get_text().endswith(f"END\n{FOOTER}")
    assert note.get_window_extent().x1 <= figure.bbox.x1


def test_dollar_signs_in_a_note_are_no_formula():
    with style.styled():
        figure = style.new()
        style.frame(figure, 1, r"a cube called $\frac$", FOOTER)
    assert texts(figure)[0].get_text() == f"a cube called $\\frac$\n{FOOTER}"


def test_pdf_and_png_are_written_whole_and_the_same_twice(tmp_path, figures):
    again = every_figure_in_another_process(tmp_path)
    style.save(over(rows("LIIF", 40)), tmp_path / "first")
    style.save(over(rows("LIIF", 40)), tmp_path / "second")
    pdf, png = ((tmp_path / f"first.{kind}").read_bytes() for kind in ("pdf", "png"))
    assert pdf.startswith(b"%PDF") and png.startswith(b"\x89PNG")
    assert pdf == (tmp_path / "second.pdf").read_bytes() == again and b"CreationDate" not in pdf
    assert b"/FontFile2" in pdf and b"/Type3" not in pdf
    assert int.from_bytes(png[16:20]) == 7 * 300
    style.save(figures["errors"], tmp_path / "errors")
    before = (tmp_path / "errors.pdf").read_bytes()
    style.save(figures["errors"], tmp_path / "errors")
    assert (tmp_path / "errors.pdf").read_bytes() == before
    written = {f"{name}.{kind}" for name in ("first", "second", "other", "errors") for kind in ("pdf", "png")}
    # Beside each its checksum (`ssif.seals`).
    assert {path.name for path in tmp_path.iterdir()} == written | {f".{name}.sha256" for name in written}


def every_figure_in_another_process(folder):
    """The PDF of the same figure, drawn with other hashes of strings."""
    script = f"""
from tests.unit.test_figures import over, rows
from workflow.figures import style
style.save(over(rows("LIIF", 40)), {str(folder / "other")!r})
"""
    subprocess.run([sys.executable, "-c", script], check=True, env=os.environ | {"PYTHONHASHSEED": "7"})
    return (folder / "other.pdf").read_bytes()


def test_the_user_s_own_settings_change_nothing():
    import matplotlib

    with matplotlib.rc_context({"font.size": 20, "axes.labelsize": 20, "lines.linewidth": 9}):
        figure = loss_curves.draw({"a": pd.DataFrame({"step": [1, 2], "loss": [0.2, 0.1]})}, footer=FOOTER)
        assert matplotlib.rcParams["font.size"] == 20
    assert {text.get_fontsize() for text in texts(figure)} == {8}
    assert figure.axes[0].lines[1].get_linewidth() == 1


# Looks


def test_every_method_has_a_look_of_its_own():
    labels = [method.label for method in METHODS.values()] + ["SSIF-RF-UI", "SSIF-RF-GI"]
    looks = {label: tuple(style.look(label).values()) for label in labels}
    assert len(set(looks.values())) == len(set(labels))
    fields = {label: style.look(label) for label in looks if label.startswith("SSIF")}
    assert len({look["color"] for look in fields.values()}) == len({look["marker"] for look in fields.values()}) == 8
    assert all(look["fillstyle"] == "full" and look["linestyle"] == "-" for look in fields.values())
    assert style.look("LIIF")["color"] == "#000000" and style.look("bicubic+linear")["linestyle"] == "--"
    on_grid = [method.label for method in METHODS.values() if method.stages or method.network.block]
    assert len(on_grid) == 9 and all(style.look(label)["fillstyle"] != "full" for label in on_grid)


def test_a_method_of_the_user_s_has_a_look_that_stays():
    # Not Python's hash, which differs between processes.
    assert style.look("My method") == {"color": "#56B4E9", "linestyle": "-.", "marker": "<", "fillstyle": "full"}
    assert style.look("My method") != style.look("Another method")


# Errors in space and over wavelength


def panels_of(figure):
    """Axes of the pseudo-RGB pictures, of the maps, and of the curves."""
    pictures = [axes for axes in figure.axes if axes.images and axes.images[0].get_array().ndim == 3]
    maps = [axes for axes in figure.axes if axes.images and axes.images[0].get_array().ndim == 2]
    return pictures, maps, [axes for axes in figure.axes if axes.lines]


def test_maps_and_curves_are_the_mean_squared_error_times_1000():
    images, truth = made_images(shape=(6, 10, 12))
    figure = errors.draw(images, truth, GAPPED, scale=4, footer=FOOTER)
    _, maps, drawn = panels_of(figure)
    assert len(maps) == len(drawn) == 3
    for image, error, curve in zip(images.values(), maps, drawn):
        square = 1000 * (image.astype(float) - truth) ** 2
        np.testing.assert_allclose(error.images[0].get_array(), square.mean(axis=0), rtol=1e-4)
        y = curve.lines[0].get_ydata()
        np.testing.assert_allclose(y[np.isfinite(y)], square.mean(axis=(1, 2)), rtol=1e-4)
    pooled = [1000 * ((image - truth) ** 2).mean(axis=0) for image in images.values()]
    (limits,) = {error.images[0].get_clim() for error in maps}
    assert limits == pytest.approx((0, np.percentile(pooled, 99)), rel=1e-4)
    assert len({curve.get_ylim() for curve in drawn}) == 1 and drawn[0].get_ylim()[0] == 0
    assert "maps: MSE over bands × 1000, clipped at the 99th percentile" in written(figure)
    assert [curve.get_xlabel() for curve in drawn] == ["", "wavelength (nm)", "wavelength (nm)"]


def test_the_stretch_is_the_truth_s_so_a_darker_image_is_darker():
    images, truth = made_images()
    pictures = panels_of(errors.draw(images, truth, GAPPED, scale=4, footer=FOOTER))[0]
    assert [axes.get_title(loc="left") for axes in pictures] == [
        "(a) model 0",
        "(b) model 1",
        "(c) model 2",
        "(d) truth",
    ]
    means = [axes.images[0].get_array().mean() for axes in (pictures[3], *pictures[:3])]
    assert means == sorted(means, reverse=True) and means[0] - means[3] > 0.1
    red, green, blue = truth[[4, 2, 1]]  # nearest 650, 550, 460 nm
    for channel, band in enumerate((red, green, blue)):
        low, high = np.percentile(band, (2, 98))
        shown = np.rot90(np.clip((band - low) / (high - low), 0, 1))
        np.testing.assert_allclose(pictures[3].images[0].get_array()[..., channel], shown, atol=1e-5)


def test_curves_break_in_a_gap_of_the_spectrum():
    images, truth = made_images(count=2)
    x = panels_of(errors.draw(images, truth, GAPPED, scale=4, footer=FOOTER))[2][0].lines[0].get_xdata()
    np.testing.assert_equal(x, [450, 460, np.nan, 550, 560, np.nan, 650, 660])


@pytest.mark.parametrize("shape", [(6, 128, 128), (6, 144, 48), (6, 256, 32)])
@pytest.mark.parametrize("count", [2, 8])
def test_the_pictures_lie_on_their_side_and_are_large_enough(shape, count):
    images, truth = made_images(count, shape)
    figure = errors.draw(images, truth, GAPPED, scale=4, footer=FOOTER)
    pictures, maps, drawn = panels_of(figure)
    assert (len(pictures), len(maps), len(drawn)) == (count + 1, count, count) and figure.get_figheight() < 14
    for axes in pictures + maps:
        height, width = axes.images[0].get_array().shape[:2]
        assert (height, width) == (shape[2], shape[1]) and not len(axes.get_xticks()) and not len(axes.get_yticks())
        box = axes.get_window_extent()
        assert box.width / box.height == pytest.approx(width / height, rel=0.01) and box.height > 0.4 * figure.dpi
    for axes in drawn:
        assert axes.get_window_extent().height > 0.7 * figure.dpi


# Embeddings, one pixel's spectrum, training


def test_a_panel_an_embedding_width_with_all_its_values():
    x, values = np.linspace(430, 860, 50), {d: RNG.random((50, d)) for d in (5, 10)}
    figure = embeddings.draw({d: (x, values[d]) for d in values}, footer=FOOTER)
    for axes, (d, expected), letter in zip(figure.axes, values.items(), "ab"):
        assert axes.get_title(loc="left") == f"({letter}) d = {d}" and axes.get_xlabel() == "wavelength (nm)"
        assert len(axes.lines) == d
        np.testing.assert_array_equal(np.stack([line.get_ydata() for line in axes.lines], axis=1), expected)
        assert axes.lines[0].get_xdata().tolist() == x.tolist()
    assert sorted(legend(figure)) == sorted(f"dimension {number}" for number in range(1, 11))


def test_a_spectrum_is_steps_over_its_bands_and_no_line_crosses_a_gap():
    values = np.arange(6) / 10
    figure = signature.draw({3: (GAPPED.parts(3), np.array([0.1, 0.2, 0.3])), 6: (GAPPED, values), 9: (GAPPED.parts(9), np.ones(9))},
                            (GAPPED, values), (7, 2), scale=8, footer=FOOTER)  # fmt: skip
    truth, predicted = figure.axes[0].lines
    nan = np.nan
    np.testing.assert_allclose(
        truth.get_xdata(), [445, 455, 455, 465, nan, 545, 555, 555, 565, nan, 645, 655, 655, 665]
    )
    np.testing.assert_allclose(truth.get_ydata(), [0, 0, 0.1, 0.1, nan, 0.2, 0.2, 0.3, 0.3, nan, 0.4, 0.4, 0.5, 0.5])
    np.testing.assert_allclose(predicted.get_xdata(), [445, 465, nan, 545, 565, nan, 645, 665])
    np.testing.assert_allclose(predicted.get_ydata(), [0.1, 0.1, nan, 0.2, 0.2, nan, 0.3, 0.3])
    assert truth.get_color() == style.BLACK and legend(figure) == ["truth, C = 6", "predicted"]
    titles = [axes.get_title(loc="left") for axes in figure.axes]
    assert titles == ["(a) C = 3", "(b) C = 6", "(c) C = 9 (interpolated: no truth)"]
    assert "pixel in row 7, column 2; p = 8" in written(figure) and len({axes.get_ylim() for axes in figure.axes}) == 1


def test_bands_a_hair_apart_are_joined():
    hair = Bands(np.array([[400, 410], [410.5, 420]]))
    figure = signature.draw({2: (hair, np.ones(2))}, (hair, np.ones(2)), (0, 0), scale=2, footer=FOOTER)
    assert np.isfinite(figure.axes[0].lines[0].get_xdata()).all()


def test_training_curves_are_as_logged_with_a_running_median():
    loss = np.repeat([0.2, 0.1], 30)
    loss[10] = 5.0
    log = pd.DataFrame({"step": 50 * np.arange(1, 61), "loss": loss})
    figure = loss_curves.draw({"a": log, "b": log * 2}, footer=FOOTER)
    (axes,) = figure.axes
    raw, smooth = axes.lines[:2]
    assert axes.get_yscale() == "log" and legend(figure) == ["a", "b"] and len(axes.lines) == 4
    assert raw.get_ydata().tolist() == loss.tolist() and raw.get_xdata().tolist() == log["step"].tolist()
    np.testing.assert_allclose(smooth.get_ydata(), np.repeat([0.2, 0.1], 30))
    assert raw.get_alpha() == 0.3 and raw.get_color() == smooth.get_color() != axes.lines[2].get_color()


def test_a_loss_that_is_a_logarithm_has_an_axis_without_one():
    falling = pd.DataFrame({"step": [50, 100, 150], "loss": [0.5, -3.0, -7.0]})
    (axes,) = loss_curves.draw({"a": falling}, footer=FOOTER).axes
    assert axes.get_yscale() == "linear" and axes.get_ylim()[0] < -7
    (axes,) = loss_curves.draw({"a": falling.assign(loss=[0.5, 0.2, 0.1])}, footer=FOOTER).axes
    assert axes.get_yscale() == "log"


@pytest.mark.parametrize("count, panels", [(8, 1), (9, 9), (30, 30), (31, 16), (84, 28)])
def test_many_training_curves_are_small_panels_on_one_page(count, panels):
    log = pd.DataFrame({"step": [50, 100], "loss": [0.2, 0.1]})
    figure = loss_curves.draw({f"run {index}": log for index in range(count)}, footer=FOOTER)
    assert len(figure.axes) == panels and figure.get_figheight() < 12.1
    assert sum(len(axes.lines) for axes in figure.axes) == 2 * count
    assert {text.get_text() for text in texts(figure)} >= {f"run {index}" for index in range(count)}
    lowest = figure.axes[-3:]
    assert all(axes.get_xlabel() == "step" for axes in lowest) and all(
        axes.get_ylabel() == "loss" for axes in figure.axes[::3]
    )


def test_a_long_name_stands_in_lines_and_leaves_its_panel_wide():
    log = pd.DataFrame({"step": [50, 100], "loss": [0.2, 0.1]})
    names = [f"ssif-rf-gf.k-{k}.lambda_min-0.5.spectral_decoder-C.steps-800" for k in range(9)]
    figure = loss_curves.draw(dict.fromkeys(names, log), footer=FOOTER)
    assert "ssif-rf-gf k-0\nlambda_min-0.5\nspectral_decoder-C steps-800" in {text.get_text() for text in texts(figure)}
    assert all(axes.get_position().width > 0.25 for axes in figure.axes)


def test_the_pixel_of_figure_1_is_neither_at_an_edge_nor_dark_nor_the_brightest():
    image = np.full((40, 60), 0.1)
    image[:, 30:], image[:, 50:] = 0.5, 0.9
    image[20, 55] = 1.0
    row, column = typical_pixel(image, 5)
    assert image[row, column] in (0.5, 0.9) and min(abs(column - edge) for edge in (30, 50)) > 2
    assert (row, column) != (20, 55)


def test_quality_stands_over_cost_and_larger_networks_are_larger():
    figure = over_cost.draw(costs(), size=512, footer=FOOTER)
    first, second = figure.axes
    places = [collection.get_offsets()[0].tolist() for collection in second.collections]
    assert places == [[0.025, 31.0], [250.0, 30.0], [300.0, 32.0]]
    areas = [collection.get_sizes()[0] for collection in first.collections]
    assert areas == sorted(areas) and areas[0] < areas[1] < areas[2]
    assert "US3RN: 0.4-0.8 million, 20/20 s; SSIF+: 0.66 million, 8/8 s" in written(figure).replace("\n", " ")
    assert legend(figure) == ["bicubic+linear", "US3RN", "SSIF+"]


def test_multiply_adds_of_a_linear_map_are_known(tmp_path):
    prepare("synthetic", tmp_path / "a.h5", "nikon-d700")
    store = Store(tmp_path / "a.h5")
    model = BicubicLinear(3, store.bands)
    # The product of the map with the matrix of the bands comes on top.
    assert multiply_adds(model, store, 2) == pytest.approx(512 * 512 * 3 * 31, rel=2e-3)
