"""Land cover: the maps of each data set, the prepared file, and what a classifier learns from."""

import json
import re
from dataclasses import replace
from types import SimpleNamespace

import h5py
import numpy as np
import pytest
import torch

from ssif.data import indian_pines, land_cover, pavia_centre, synthetic
from ssif.data.prepare import prepare, prepare_land_cover
from ssif.data.store import Store
from ssif.errors import UserError
from ssif.seals import seal
from ssif.training import Recipe
from tests.real_data import real
from workflow.config import presets
from workflow.land_use import recipes
from workflow.land_use.windows import gather
from workflow.plan.runs import Run

CONFIG = presets.load("config/smoke.yaml")
SMOKE = CONFIG.datasets["synthetic"].land_use.training


@pytest.fixture
def labelled(tmp_path) -> Store:
    """The synthetic data set with its land cover."""
    prepare("synthetic", tmp_path / "synthetic.h5", "nikon-d700")
    prepare_land_cover("synthetic", tmp_path / "synthetic.land_cover.h5")
    return Store(tmp_path / "synthetic.h5")


def counts(labels: np.ndarray) -> dict[int, int]:
    return {int(number): int(count) for number, count in zip(*np.unique(labels[labels > 0], return_counts=True))}


def test_indian_pines_has_eight_classes_on_both_sides():
    import tensorly.datasets

    cover, shipped = indian_pines.read_land_cover(), tensorly.datasets.load_indian_pines().ticks[0]
    train, test = cover.maps["indian_pines_train"], cover.maps["indian_pines_test"]
    assert (train.shape, test.shape) == ((145, 97), (144, 48))
    assert counts(train) == {2: 857, 5: 136, 6: 460, 10: 807, 11: 1451, 12: 259, 15: 297, 16: 33}
    assert counts(test) == {2: 556, 5: 336, 6: 270, 10: 165, 11: 949, 12: 331, 15: 89, 16: 45}
    assert np.array_equal(test[test > 0], shipped[:144, :48][test > 0])
    assert np.array_equal(train[train > 0], shipped[:, 48:][train > 0]) and not train[:, 0].any()
    assert set(cover.names) == {2, 5, 6, 10, 11, 12, 15, 16}


def test_real_pavia_centre():
    cover = pavia_centre.read_land_cover(real("Pavia_gt.mat").parent)
    train, test = cover.maps["pavia_centre_train"], cover.maps["pavia_centre_test"]
    assert (train.shape, test.shape) == ((1096, 587), (1024, 128))
    assert counts(test) == {2: 628, 6: 762, 8: 26_155, 9: 567} and np.count_nonzero(test) == 28_112
    assert list(counts(train).values()) == [65864, 6889, 2968, 2685, 6584, 7911, 7287, 14844, 2285]
    # Columns 128-132 of the scene, beside the test region, and 218-227, across the seam.
    assert not train[:, :5].any() and not train[:, 90:100].any() and train[:, 5:90].any()
    assert set(cover.names) == set(cover.other_names) == set(range(1, 10))


def test_synthetic_labels_are_the_brightest_quarter_of_the_spectrum():
    cover = synthetic.read_land_cover()
    assert 0.8 < np.mean([labels > 0 for labels in cover.maps.values()]) < 1
    for scene in synthetic.read().scenes:
        labels = cover.maps[scene.name]
        quarters = [part.mean(axis=-1) for part in np.array_split(scene.hsi, 4, axis=-1)]
        assert np.array_equal((1 + np.argmax(quarters, axis=0))[labels > 0], labels[labels > 0])


def test_a_prepared_file_gives_what_was_read(labelled):
    cover, read = land_cover.load(labelled), synthetic.read_land_cover()
    assert all(np.array_equal(cover.maps[name], read.maps[name]) for name in read.maps)
    assert (cover.names, cover.choices, cover.name) == (read.names, read.choices, "synthetic")


def spoil(store: Store, change) -> None:
    with h5py.File(store.path.with_suffix(".land_cover.h5"), "a") as file:
        change(file)
    seal(store.path.with_suffix(".land_cover.h5"))


def shorter(file) -> None:
    labels = file["scenes/synthetic-0"][:-1]
    del file["scenes/synthetic-0"]
    file["scenes/synthetic-0"] = labels


def strange(file) -> None:
    file["scenes/synthetic-2"][:2, 0] = 7, 9


def without(file) -> None:
    del file["scenes/synthetic-3"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (shorter, "the labels of synthetic-0 have 63 x 64 pixels, but its image has 64 x 64"),
        (strange, "unknown class id 7, 9 in synthetic-2; known: 1, 2, 3, 4, and 0 for none"),
        (without, "has no labels of the scene synthetic-3"),
        (lambda file: file.attrs.pop("names"), "is not a prepared land cover"),
    ],
)
def test_labels_that_do_not_fit_are_refused(labelled, change, message):
    spoil(labelled, change)
    with pytest.raises(UserError, match=re.escape(message)):
        land_cover.load(labelled)


def test_a_missing_or_torn_file_is_refused(labelled):
    path = labelled.path.with_suffix(".land_cover.h5")
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(UserError, match="is not a prepared land cover"):
        land_cover.load(labelled)
    path.unlink()
    with pytest.raises(UserError, match="is not a prepared land cover"):
        land_cover.load(labelled)


def test_an_unknown_id_is_not_prepared(tmp_path, monkeypatch):
    read = synthetic.read_land_cover()
    short = replace(read, names={1: "violet", 2: "blue", 3: "green"})
    monkeypatch.setattr(synthetic, "read_land_cover", lambda data_dir: short)
    with pytest.raises(UserError, match="unknown class id 4 in synthetic-"):
        prepare_land_cover("synthetic", tmp_path / "x.land_cover.h5")
    with pytest.raises(UserError, match="unknown data set with land cover 'cave'; known: indian_pines, pavia_centre"):
        prepare_land_cover("cave", tmp_path / "x.land_cover.h5")
    assert not list(tmp_path.iterdir())


def recipe(training, store: Store, scenes) -> Recipe:
    """Those of the preset's classifier, of another training."""
    data = CONFIG.datasets["synthetic"]
    changed = replace(data, land_use=replace(data.land_use, training=training))
    run, model = Run("smoke", "synthetic", "a2s2k", 0), SimpleNamespace(patch=7)
    return recipes.recipe(model, replace(CONFIG, datasets={"synthetic": changed}), run, store, scenes)


class Recorder:
    """In place of a classifier: keeps which windows it was asked about, by their first value, and answers 0."""

    def __init__(self):
        self.images, self.places = None, None

    def classify(self, images, places):
        self.images, self.places = images, places
        return torch.zeros(len(places), dtype=torch.long)


def test_no_validation_pixel_is_in_a_batch(labelled):
    scenes, recorder = labelled.training_set(torch.device("cpu")), Recorder()
    taught = recipe(replace(SMOKE, batch=500), labelled, scenes)
    taught.validation.score(recorder)
    held = {tuple(window) for window in gather(recorder.images, recorder.places, 7).flatten(1).tolist()}
    drawn = {tuple(window) for step in range(4) for window in taught.draw(step).windows.flatten(1).tolist()}
    assert len(held) == len(recorder.places) > 20 and len(drawn) > 100
    assert not held & drawn


def test_validation_on_the_test_region_is_an_option(labelled):
    scenes, recorder = labelled.training_set(torch.device("cpu")), Recorder()
    elsewhere = replace(SMOKE, validation_from="test_region", validation=25)
    validation = recipe(elsewhere, labelled, scenes).validation
    # Three of the four classes are in the test scene; the first is answered everywhere.
    assert validation.score(recorder) == pytest.approx(1 / 3)
    assert recorder.images.shape[0] == 1 and len(recorder.places) == 75
    labels = land_cover.load(labelled).maps["synthetic-3"]
    assert np.array_equal(np.bincount(labels[tuple(recorder.places[:, 1:].T)]), [0, 25, 25, 25])
    with pytest.raises(
        UserError, match=r"too few labelled pixels in synthetic-3 of 2 blue \(725\), 3 green \(870\): the"
    ):
        recipe(replace(elsewhere, validation=1000), labelled, scenes)


def test_names_survive_as_integers(labelled):
    with h5py.File(labelled.path.with_suffix(".land_cover.h5")) as file:
        assert set(json.loads(file.attrs["names"])) == {"1", "2", "3", "4"}
    assert set(land_cover.load(labelled).names) == {1, 2, 3, 4}
