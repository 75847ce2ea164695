"""Windows around labelled pixels: which pixels they hold, which centres are drawn, what is left for validation."""

import numpy as np
import pytest
import torch

from ssif.errors import UserError
from workflow.land_use.windows import Pool, Standardise, draw_windows, gather, labelled_pixels, padded, split_pixels


def same(image):
    """In place of a transform: the values as they are."""
    return image


@pytest.mark.parametrize("patch", [7, 9, 11])
def test_a_window_is_cut_from_the_image_with_zeros_around_it(patch):
    image = torch.rand(2, 13, 12, 3) + 1
    places = torch.tensor([[0, 0, 0], [1, 12, 11], [1, 6, 5], [0, 0, 11]])
    found = gather(padded(image, same, patch), places, patch)
    half = patch // 2
    for window, (number, row, column) in zip(found, places.tolist()):
        for i, j in np.ndindex(patch, patch):
            y, x = row + i - half, column + j - half
            inside = 0 <= y < 13 and 0 <= x < 12
            assert torch.equal(window[i, j], image[number, y, x] if inside else torch.zeros(3))


@pytest.mark.parametrize("patch", [7, 9, 11])
def test_no_training_window_touches_a_test_pixel(patch):
    """A scene whose test region, the left columns, is NaN: no window around any pixel of the rest sees it."""
    scene = torch.rand(30, 40, 5)
    scene[:, :16] = torch.nan
    training = scene[None, :, 16:]
    images = padded(training, Standardise(training), patch)
    places = labelled_pixels(np.ones(training.shape[:3], np.uint8), [1], seed=0)[0]
    assert len(places) == 30 * 24
    assert gather(images, torch.from_numpy(places), patch).isfinite().all()


LABELS = np.random.default_rng(0).choice([0, 1, 2, 5], size=(2, 30, 20), p=[0.5, 0.3, 0.15, 0.05])


def test_pixels_are_those_of_each_class_in_an_order_of_the_seed_s():
    places = labelled_pixels(LABELS, [1, 2, 5], seed=3)
    for number, its in zip([1, 2, 5], places):
        assert (LABELS[tuple(its.T)] == number).all() and len(np.unique(its, axis=0)) == (number == LABELS).sum()
    again, other = labelled_pixels(LABELS, [1, 2, 5], seed=3), labelled_pixels(LABELS, [1, 2, 5], seed=4)
    assert all(np.array_equal(a, b) for a, b in zip(places, again))
    assert not np.array_equal(places[0], other[0])


def test_training_and_validation_share_no_pixel():
    places = labelled_pixels(LABELS, [1, 2, 5], seed=0)
    train, validation = split_pixels(places, ["a", "b", "c"], (20, 100), validation=30)
    sizes = [len(its) for its in places]
    # At most 30 and at most a quarter for validation, at most 100 of the others for training.
    assert [len(its) for its in validation] == [min(30, size // 4) for size in sizes]
    assert [len(its) for its in train] == [min(100, size - len(v)) for size, v in zip(sizes, validation)]
    assert len(validation[2]) < 30 < len(train[2]) + 20 and len(train[0]) == 100
    for its, (taken, held) in zip(places, zip(train, validation)):
        rows = {tuple(row) for row in its}
        assert not {tuple(row) for row in taken} & {tuple(row) for row in held}
        assert {tuple(row) for row in (*taken, *held)} <= rows


def test_classes_with_too_few_pixels_are_all_named():
    places = labelled_pixels(LABELS, [1, 2, 5], seed=0)
    few = [len(places[1]), len(places[2])]
    with pytest.raises(UserError, match=rf"pixels of b \({few[0]}\), c \({few[1]}\): every class needs at least"):
        split_pixels(places, ["a", "b", "c"], (210, 300), validation=1)


def batch_of(step: int, batch: int = 16, seed: int = 0, patch: int = 7):
    # Every value is the label of its pixel, so that the middle of a window tells its class.
    images = padded(torch.tensor(LABELS, dtype=torch.float64)[..., None], same, patch)
    pool = Pool(labelled_pixels(LABELS, [1, 2, 5], seed=0), torch.device("cpu"))
    return draw_windows(images, pool, step, seed=seed, batch=batch, patch=patch)


def test_a_batch_is_a_pure_function_of_seed_and_step():
    one, again, later, other = batch_of(5), batch_of(5), batch_of(6), batch_of(5, seed=1)
    assert torch.equal(one.windows, again.windows) and torch.equal(one.classes, again.classes)
    assert not torch.equal(one.windows, later.windows) and not torch.equal(one.windows, other.windows)


def test_classes_are_drawn_with_equal_chances_and_belong_to_the_middle_pixel():
    found = batch_of(0, batch=6000)
    ids = torch.tensor([1, 2, 5], dtype=torch.float64)
    assert torch.equal(found.windows[:, 3, 3, 0], ids[found.classes])
    # Of a binomial count of 2000 the deviation is 37; the pools are as 6 : 3 : 1.
    assert (torch.bincount(found.classes) - 2000).abs().max() < 150
    assert set(found.scenes.tolist()) == {0, 1}
    # Every pixel of the rarest class comes up among some 2000 draws of it.
    rare = found.windows[found.classes == 2].flatten(1)
    assert len(rare.unique(dim=0)) > 0.8 * (LABELS == 5).sum()
