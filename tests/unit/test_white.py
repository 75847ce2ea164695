"""The value that is 1 to a network: the white of the weights, in `ssif predict` and in Python."""

import warnings
from dataclasses import replace

import numpy as np
import pytest

import ssif
from ssif.checkpoint import described, save_weights
from ssif.errors import UserError
from ssif.formats.header import Header
from ssif.white import bright
from tests.predicting import BANDS, CARD, HEADER, RGB, WANTED, read, run, small_model, write

WHITE = 8000.0  # white of weights that were trained on digital numbers
IMAGE = np.random.default_rng(0).random((9, 12, 3)).astype(np.float32)


def test_the_brightest_pixel_in_a_thousand_does_not_count():
    pixels = np.random.default_rng(0).random((5000, 3)) * (1, 2, 0.5)
    pixels[[7, 99, 2000, 4000, 4999], 2] = 1e6
    strips = np.split(pixels, [1, 700, 4100])
    assert bright(strips, 5000) == np.sort(pixels[:, 1])[-6]
    assert bright([np.array([[np.nan, 0.3], [np.inf, 0.1], [0.5, 0.2]])], 3) == 0.2
    assert bright([np.array([[0.3]])], 1) == 0.3


@pytest.fixture
def trained(tmp_path):
    return small_model(tmp_path, white=WHITE, values="divided by 8000")


@pytest.mark.parametrize("header", [{"dtype": "uint16"}, {"dtype": "float32"}, {"dtype": "uint16", "scale": 0.5}])
def test_an_image_in_the_units_of_the_training_is_divided_by_its_white(tmp_path, trained, header):
    header = replace(HEADER, **({"nodata": None, "scale": None} | header))
    source = write(tmp_path / "a.npy", header, WHITE * IMAGE)
    lines = run(source, tmp_path / "b.npy", trained)
    assert f"{source}: values are divided by 8000, as in the training of the weights" in lines
    assert not any("another scale" in line for line in lines)
    assert np.abs(read(tmp_path / "b.npy")[1] / WHITE - trained.predict(IMAGE, BANDS, scale=2.5)).max() < 1e-3


def test_reflectance_for_weights_of_digital_numbers_is_said_to_be_on_another_scale(tmp_path, trained):
    """A hot pixel and a gap do not change this."""
    image = IMAGE.copy()
    image[4, 5, 1], image[0, 0, 0] = WHITE, np.nan
    source = write(tmp_path / "a.npy", Header(9, 12, 3, "float32", RGB), image)
    lines = run(source, tmp_path / "b.npy", trained)
    (line,) = [line for line in lines if "another scale" in line]
    assert "which were divided by 8000; the image is divided by 1, unless --white gives another value" in line
    wanted = trained.predict(np.minimum(image, 1), BANDS, scale=2.5)
    assert np.nanmax(np.abs(read(tmp_path / "b.npy")[1] - wanted)) < 1e-5
    # With --white there is no such line.
    lines = run(source, tmp_path / "c.npy", trained, replace(WANTED, white=1.0))
    assert not any("scale" in line or "divided" in line for line in lines)


def test_integers_far_from_the_training_want_a_white(tmp_path, trained):
    source = write(tmp_path / "a.npy", Header(9, 12, 3, "uint16", RGB), 100 * IMAGE)
    with pytest.raises(UserError, match=r"with --white, such as 10000; the weights were trained with 8000$"):
        run(source, tmp_path / "b.npy", trained)
    lines = run(source, tmp_path / "b.npy", trained, replace(WANTED, white=WHITE))
    assert any(
        "bright values are near" in line and "another scale than 8000, the value of white" in line for line in lines
    )


@pytest.mark.parametrize("white", [1.0, 255.0, 65535.0, None])
def test_a_white_without_units_changes_nothing(tmp_path, white):
    model = small_model(tmp_path, **({} if white is None else {"white": white}))
    plain = Header(9, 12, 3, "uint16", RGB)
    with pytest.raises(UserError, match="without a scale factor"):
        run(write(tmp_path / "a.npy", plain, 60000 * IMAGE), tmp_path / "b.npy", model)
    wanted = model.predict(IMAGE, BANDS, scale=2.5)
    for name, header, one in (("c", replace(plain, dtype="float32"), 1), ("d", replace(plain, dtype="uint8"), 255)):
        lines = run(write(tmp_path / f"{name}.npy", header, one * IMAGE), tmp_path / f"{name}.h5", model)
        assert np.abs(read(tmp_path / f"{name}.h5")[1] / one - wanted).max() < 0.02
        assert not any("divided" in line or "scale" in line for line in lines)


def test_a_picture_is_always_on_its_own_scale(tmp_path, trained):
    source = write(tmp_path / "a.png", Header(9, 12, 3, "uint8"), 255 * IMAGE)
    assert not any("divided" in line for line in run(source, tmp_path / "b.png", trained))
    assert np.abs(read(tmp_path / "b.png")[1] / 255 - trained.predict(IMAGE, BANDS, scale=2.5)).max() < 0.02


# --- in Python


def test_predict_takes_values_with_their_white(trained):
    wanted = trained.predict(IMAGE, BANDS, scale=2.5)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = trained.predict(WHITE * IMAGE, BANDS, scale=2.5, white=trained.white)
        numbers = trained.predict(np.rint(WHITE * IMAGE).astype(np.uint16), BANDS, scale=2.5, white=trained.white)
    assert trained.white == WHITE and found.dtype == np.float32
    assert np.allclose(found, WHITE * wanted, rtol=1e-5) and np.abs(numbers / WHITE - wanted).max() < 1e-3
    hot = WHITE * IMAGE
    hot[4, 5, 1] = 10 * WHITE
    cut = trained.predict(np.minimum(hot, WHITE), BANDS, scale=2.5, white=WHITE)
    assert np.array_equal(trained.predict(hot, BANDS, scale=2.5, white=WHITE), cut)


def test_predict_says_where_the_scale_is_another(tmp_path, trained):
    with pytest.warns(UserWarning, match=r"its bright values are near 0\.9\d+, on another scale than 8000") as seen:
        trained.predict(IMAGE, BANDS, scale=2, white=WHITE)
    assert seen[0].filename == __file__
    with pytest.warns(UserWarning, match="on another scale than 1, the value of white"):
        trained.predict(IMAGE / 100, BANDS, scale=2)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        small_model(tmp_path).predict(IMAGE / 100, BANDS, scale=2)


@pytest.mark.parametrize(
    ("factor", "white", "message"),
    [
        (
            WHITE,
            None,
            r"the values must be in \[0, 1\], got .*; give white=, the value that becomes 1 .* were trained with 8000",
        ),
        (WHITE, 1.0, "most values are above 1; give the value .* surface with white="),
        (-WHITE, WHITE, "most values are below 0"),
        (1, 0.0, "white must be a positive number, got 0"),
        (1, np.inf, "white must be a positive number, got inf"),
    ],
)
def test_predict_refuses_a_white_that_makes_no_sense(trained, factor, white, message):
    with pytest.raises(UserError, match=message):
        trained.predict(factor * IMAGE, BANDS, scale=2, white=white)


@pytest.mark.parametrize("white", [0, -1, "8000", None])
def test_a_card_with_a_broken_white_is_one_line(tmp_path, trained, white):
    path = tmp_path / "other.safetensors"
    save_weights(trained.network, path, described(trained.network, CARD) | {"white": white})
    with pytest.raises(UserError, match=r"other\.safetensors: its card does not describe a network"):
        ssif.load(path)


# --- masks


@pytest.mark.parametrize("dtype", ["float32", "float64", "uint16"])
def test_masked_values_are_gaps(trained, dtype):
    plain = (WHITE * IMAGE).astype(dtype)
    empty = np.zeros(plain.shape, dtype=bool)
    empty[4, 5, 1] = True
    gaps = np.where(empty, np.nan, plain)
    wanted = trained.predict(gaps, BANDS, scale=2, white=WHITE)
    assert np.isnan(wanted[8:10, 10:12]).all() and np.isnan(wanted).sum() == 4 * len(BANDS)
    as_reflectance = np.ma.array(IMAGE, mask=empty)
    assert trained.predict(as_reflectance, BANDS, scale=2).mask.sum() == 4 * len(BANDS)
    # Masked pixels may have any value.
    hidden = np.ma.array(np.where(empty, np.iinfo("uint16").max, plain).astype(dtype), mask=empty)
    found = trained.predict(hidden, BANDS, scale=2, white=WHITE)
    assert np.array_equal(found.filled(np.nan), wanted, equal_nan=True)
    for whole in (np.ma.array(plain), np.ma.array(plain, mask=np.zeros(plain.shape, dtype=bool))):
        found = trained.predict(whole, BANDS, scale=2, white=WHITE)
        assert not found.mask.any() and np.array_equal(found.data, trained.predict(plain, BANDS, scale=2, white=WHITE))


def test_an_image_masked_as_a_whole_has_no_data(trained):
    with pytest.raises(UserError, match="no pixel of the image has data"):
        trained.predict(np.ma.masked_all((9, 12, 3)), BANDS, scale=2)


@pytest.mark.parametrize("dtype", ["float32", "uint16"])
def test_masked_rows_are_written_as_no_data(tmp_path, dtype):
    masked = np.ma.masked_greater((100 * IMAGE).astype(dtype), 90)
    write(tmp_path / "a.npy", Header(9, 12, 3, dtype, RGB, nodata=65535), masked)
    assert np.array_equal(read(tmp_path / "a.npy")[1], masked.astype("float32").filled(np.nan), equal_nan=True)
    if dtype == "uint16":
        with pytest.raises(UserError, match="some pixels have no data, but the output has no value that means no data"):
            write(tmp_path / "b.npy", Header(9, 12, 3, dtype, RGB), masked)
