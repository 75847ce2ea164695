"""Readers in code whose scenes have images of their own, and readers that return invalid scenes."""

import re

import numpy as np
import pytest
import torch

from ssif.bands import Bands
from ssif.data import prepare as preparing
from ssif.data.prepare import prepare
from ssif.data.raw import Dataset, Scene
from ssif.data.store import Store
from ssif.errors import UserError

BANDS = Bands.from_centres(np.arange(440, 870, 20), 20)
HSI = np.random.default_rng(0).integers(0, 100, (8, 9, len(BANDS))).astype(np.uint16)
MSI = np.random.default_rng(1).random((8, 9, 2))


@pytest.fixture
def reader(monkeypatch):
    """Make a data set "made" of two scenes, whose image is MSI unless a test gives another."""

    def of(train=MSI, test=MSI, hsi=HSI):
        scenes = [Scene("a", "train", hsi, {}, train), Scene("b", "test", HSI, {}, test)]
        made = Dataset("made", BANDS, 100.0, scenes, {"split": "a trains"})
        monkeypatch.setattr(preparing, "reader", lambda name: lambda data_dir=None: made)

    return of


def test_images_of_their_own_are_taken_as_they_are(reader, tmp_path):
    reader()
    prepare("made", tmp_path / "made.h5", "own")
    found = Store(tmp_path / "made.h5")
    assert np.array_equal(found.scene("b")[1], MSI.astype(np.float32))
    assert (found.channels, found.response, found.msi_bands) == (2, None, None)
    assert found.choices == {"values": "divided by 100", "split": "a trains", "msi": "own"}


def test_training_scenes_are_one_array_of_their_values(tmp_path, monkeypatch):
    def prepared(second: np.ndarray) -> Store:
        scenes = [Scene("a", "train", HSI, {}), Scene("b", "train", second, {}), Scene("c", "test", HSI, {})]
        made = Dataset("made", BANDS, 100.0, scenes, {})
        monkeypatch.setattr(preparing, "reader", lambda name: lambda data_dir=None: made)
        prepare("made", tmp_path / "made.h5", "ikonos")
        return Store(tmp_path / "made.h5")

    store = prepared(HSI[::-1])
    found = store.training_set(torch.device("cpu"))
    assert np.allclose(found.hsi, np.stack([HSI, HSI[::-1]]) / 100) and found.hsi.dtype == torch.float32
    assert torch.equal(found.msi[1], store.scene("b")[1]) and found.known is None
    with pytest.raises(UserError, match=re.escape("training scenes differ in size: [(8, 8, 22), (8, 9, 22)]")):
        prepared(HSI[:, :8]).training_set(torch.device("cpu"))


@pytest.mark.parametrize(
    ("msi", "images", "message"),
    [
        ("ikonos", {}, "a has an image of its own, which msi: ikonos would replace; use msi: own"),
        ("ikonos", {"train": None}, "b has an image of its own, which msi: ikonos would replace"),
        (
            "own",
            {"train": None, "test": None},
            "a has no image of its own, which msi: own needs; name a sensor instead",
        ),
        ("own", {"test": None}, "b has no image of its own"),
        ("own", {"test": MSI[:4]}, "b: its own image has the shape (4, 9, 2), but must have (8, 9, 2)"),
        ("own", {"test": MSI[..., :1]}, "b: its own image has the shape (8, 9, 1), but must have (8, 9, 2)"),
        ("own", {"train": MSI[..., 0]}, "a: its own image has the shape (8, 9), but must have (8, 9, channels)"),
        ("own", {"train": 255 * MSI}, "a: its own image has values from"),
        ("own", {"train": MSI - 0.5}, "but they must be in [0, 1]"),
        ("own", {"train": np.full_like(MSI, np.nan)}, "a has no pixel with data"),
        (
            "own",
            {"train": MSI[::2, ::3]},
            "a: its own image has the shape (4, 3, 2), but must have (8, 9, channels) or a whole part",
        ),
        (
            "own",
            {"hsi": HSI[:, :8], "train": MSI[::4, :8:4]},
            "made: the images of the scenes have pixels of different sizes: [1, 4]",
        ),
    ],
)
def test_what_cannot_be_taken_is_refused(reader, tmp_path, msi, images, message):
    reader(**images)
    with pytest.raises(UserError, match=re.escape(message)):
        prepare("made", tmp_path / "made.h5", msi)
    assert not (tmp_path / "made.h5").exists()


def test_a_sensor_is_simulated_where_no_scene_has_an_image(reader, tmp_path):
    reader(None, None)
    prepare("made", tmp_path / "made.h5", "ikonos")
    assert Store(tmp_path / "made.h5").channels == 4


@pytest.mark.parametrize(
    "images",
    [
        {"train": np.where(MSI > 0.9, np.nan, MSI)},
        {"train": np.ma.masked_greater(MSI, 0.9)},
        {"hsi": np.ma.masked_greater(HSI, 90)},
    ],
)
def test_pixels_without_data_in_either_image_are_not_known(reader, tmp_path, images):
    reader(**images)
    prepare("made", tmp_path / "made.h5", "own")
    found = Store(tmp_path / "made.h5")
    (image,) = images.values()
    missing = (np.ma.getmaskarray(image) | ~np.isfinite(np.ma.getdata(image))).any(axis=-1)
    assert np.array_equal(found.known("a").numpy(), ~missing) and found.known("b") is None
