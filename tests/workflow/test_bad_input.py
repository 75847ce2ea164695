"""Bad input to the real programs: one line, a non-zero exit, and nothing half-written."""

from pathlib import Path

import h5py
import numpy as np
import pytest
import scipy.io
import yaml
from PIL import Image

from ssif.data import cave, pavia_centre
from ssif.seals import seal
from tests import programs
from tests.programs import configure, file_size
from tests.snake import ROOT
from workflow import classify, evaluate, prepare, train

RUN = "synthetic.ssif-rf-uf.s0"
CLASSIFIER = "synthetic.a2s2k.s0"


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    """An empty working directory with the smoke preset."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SSIF_DATA", raising=False)
    configure()
    return tmp_path


def refused(program, *arguments: str) -> str:
    """Run the program's main, which refuses; return its one line."""
    line = programs.run(program, *arguments)
    assert line
    return line


def cave_scene_folders(root: Path, spoil=None) -> None:
    """A small CAVE in the official layout; `spoil(folder)` is called on one scene."""
    for name in cave.TRAIN + cave.TEST:
        scene = root / "complete_ms_data" / f"{name}_ms" / f"{name}_ms"
        scene.mkdir(parents=True)
        for band in range(1, 32):
            values = np.full((4, 4), 300 + 20 * band, np.uint16)
            if name == cave.EIGHT_BIT:
                values = np.full((4, 4, 4), 5 * band, np.uint8)
            Image.fromarray(values).save(scene / f"{name}_ms_{band:02d}.png")
        if spoil and name == "clay":
            spoil(scene)


def prepare_cave(folder, spoil) -> str:
    data = yaml.safe_load((ROOT / "config/cave-cpu.yaml").read_text())["datasets"]["cave"]
    configure(datasets={"cave": data}, tables={"table1": "cave"}, methods=["liif"], figures={}, ablations={})
    cave_scene_folders(folder / "data", spoil)
    message = refused(prepare, "--dataset", "cave", "--data-dir", "data")
    assert not Path("results/data/cave.h5").exists()
    return message


def test_a_truncated_png(folder):
    def cut(scene):
        file = scene / "clay_ms_07.png"
        file.write_bytes(file.read_bytes()[:40])

    assert "clay_ms_07.png" in prepare_cave(folder, cut)


def test_a_missing_band(folder):
    assert "clay_ms_31.png" in prepare_cave(folder, lambda scene: (scene / "clay_ms_31.png").unlink())


def pavia(folder, cube) -> str:
    data = yaml.safe_load((ROOT / "config/paper.yaml").read_text())["datasets"]["pavia_centre"]
    configure(
        datasets={"pavia_centre": data}, tables={"table1": "pavia_centre"}, methods=["liif"], figures={}, ablations={}
    )
    (folder / "data").mkdir()
    if cube is not None:
        scipy.io.savemat(folder / "data/Pavia.mat", {"pavia": cube})
    message = refused(prepare, "--dataset", "pavia_centre", "--data-dir", "data")
    assert not Path("results/data/pavia_centre.h5").exists()
    return message


def test_a_wrong_band_count(folder):
    assert "102" in pavia(folder, np.ones((20, 20, 103), np.uint16))


def test_a_cube_with_nan(monkeypatch, folder):
    monkeypatch.setattr(pavia_centre, "SHAPE", (8, 140, 102))
    cube = np.ones((8, 140, 102), np.float32)
    cube[3, 5, 7:9] = np.nan
    assert "2 values are NaN" in pavia(folder, cube)


def test_missing_data_says_what_to_put_where(monkeypatch, folder):
    monkeypatch.setattr(pavia_centre, "HOSTS", ["http://127.0.0.1:9"])
    message = pavia(folder, None)
    assert "put Pavia.mat" in message and "MiB" in message and "--data-dir" in message


def test_a_data_folder_that_is_not_there(folder):
    data = yaml.safe_load((ROOT / "config/cave-cpu.yaml").read_text())["datasets"]["cave"]
    configure(datasets={"cave": data}, tables={"table1": "cave"}, methods=["liif"], figures={}, ablations={})
    assert "does not exist" in refused(prepare, "--dataset", "cave", "--data-dir", "nowhere")


def test_not_prepared_or_torn_data(folder):
    assert "is not a prepared data set" in refused(train, "--run", RUN)
    Path("results/data").mkdir(parents=True)
    Path("results/data/synthetic.h5").write_bytes(b"\x89HDF torn")
    assert "is not a prepared data set" in refused(train, "--run", RUN)


def test_wavelengths_in_micrometres(folder):
    prepared()
    with h5py.File("results/data/synthetic.h5", "a") as file:
        file["wavelengths"][...] = file["wavelengths"][()] / 1000
    seal(Path("results/data/synthetic.h5"))
    assert "micrometres" in refused(train, "--run", RUN)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"datasets__synthetic__training__epochs": 3}, ["unknown key", "'epochs'", "steps"]),
        ({"methods": ["ssif-xl"]}, ["unknown model 'ssif-xl'", "ssif-rf-uf"]),
        ({"datasets__synthetic__counts__test": [0, 31]}, ["at least 1"]),
        ({"datasets__synthetic__scales__test": [0.5]}, ["at least 1"]),
        ({"datasets__synthetic__network__encoder": {"name": "unet"}}, ["unknown encoder 'unet'", "edsr, rdn"]),
        ({"datasets__synthetic__training__lr_sizes": [60]}, ["HR crop of 180 pixels", "64 x 64"]),
        ({"datasets__synthetic__training__rate": 1e30}, ["loss of step", "is not finite"]),
    ],
)
def test_a_configuration_that_cannot_be_trained(folder, changes, words):
    assert_untrainable(RUN, changes, words)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"network__width": 3}, ["unknown size of US3RN: 'width'; known: none"]),
        ({"training__crop": {"lr": 40}}, ["HR crop of 80 pixels", "64 x 64"]),
        ({"training__rate": 1e30}, ["loss of step", "is not finite"]),
    ],
)
def test_a_baseline_that_cannot_be_trained(folder, changes, words):
    changes = {f"datasets__synthetic__baselines__us3rn__{key}": value for key, value in changes.items()}
    assert_untrainable("synthetic.us3rn.p2.C31.s0", changes, words)


def assert_untrainable(run: str, changes: dict, words: list[str]) -> None:
    prepared()
    configure(**changes)
    message = refused(train, "--run", run)
    assert all(word in message for word in words), message
    assert not Path(f"results/runs/smoke/synthetic/{run}").exists()


def labelled() -> None:
    prepared()
    accepted(prepare, "--dataset", "synthetic", "--land-cover")


def relabel(change) -> None:
    """Replace the labels of the second training scene by `change` of them."""
    with h5py.File("results/data/synthetic.land_cover.h5", "a") as file:
        labels = change(file["scenes/synthetic-1"][()])
        del file["scenes/synthetic-1"]
        file["scenes/synthetic-1"] = labels
    seal(Path("results/data/synthetic.land_cover.h5"))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda labels: labels[:-1], ["the labels of synthetic-1 have 63 x 64 pixels", "its image has 64 x 64"]),
        (lambda labels: np.where(labels == 2, 9, labels), ["unknown class id 9 in synthetic-1", "known: 1, 2, 3, 4"]),
    ],
)
def test_labels_that_do_not_fit(folder, change, words):
    labelled()
    relabel(change)
    message = refused(train, "--run", CLASSIFIER)
    assert all(word in message for word in words), message


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"training__train": [9000, 9000]}, ["too few labelled pixels of 1 violet (", "at least 9000 for training"]),
        (
            {"training__validation_from": "test_region", "training__validation": 3000},
            ["synthetic-3 of 1 violet (1987)"],
        ),
        ({"training__validation_from": "elsewhere"}, ["unknown", "'elsewhere'; known: test_region, train_region"]),
        ({"training__preprocess": "log"}, ["unknown preprocess 'log'; known: pca_whiten, per_image, zscore"]),
        ({"training__check_every": 0}, ["check_every and validation must be positive"]),
        ({"network__patch": 5}, ["unknown patch 5", "known: 11, 7, 9"]),
    ],
)
def test_a_classifier_that_cannot_be_trained(folder, changes, words):
    labelled()
    configure(**{f"datasets__synthetic__land_use__{key}": value for key, value in changes.items()})
    message = refused(train, "--run", CLASSIFIER)
    assert all(word in message for word in words), message
    assert not Path(f"results/runs/smoke/synthetic/{CLASSIFIER}").exists()


def test_a_classifier_without_land_cover_or_images(folder):
    prepared()
    assert "is not a prepared land cover" in refused(train, "--run", CLASSIFIER)
    labelled()
    configure(datasets__synthetic__land_use__training__steps=1)
    message = refused(classify, "--run", RUN)
    assert message.endswith(f"is missing: python -m workflow.train --run {CLASSIFIER}")
    accepted(train, "--run", CLASSIFIER)
    message = refused(classify, "--run", RUN)
    assert message.endswith(f"lacks p = 2, C = 31: python -m workflow.evaluate --run {RUN}")
    configure(datasets__synthetic__land_use=None)
    assert "datasets.synthetic lacks land_use, the classifier that table3 needs" in refused(classify, "--run", RUN)


def test_an_image_in_another_radiometric_scale(folder):
    labelled()
    configure(datasets__synthetic__land_use__training__steps=1)
    accepted(train, "--run", CLASSIFIER)
    with h5py.File("results/data/synthetic.h5", "a") as file:
        file["scenes/synthetic-3/hsi"][...] = file["scenes/synthetic-3/hsi"][()] // 256
    seal(Path("results/data/synthetic.h5"))
    assert "the image is on another radiometric scale" in refused(classify, "--run", CLASSIFIER)


def test_an_unknown_sensor(folder):
    configure(datasets__synthetic__msi="spot-5")
    message = refused(prepare, "--dataset", "synthetic")
    assert "'spot-5'; known: aviris, desis" in message


def test_data_prepared_for_another_sensor(folder):
    prepared()
    configure(datasets__synthetic__msi="ikonos")
    assert "prepared with the sensor nikon-d700, not ikonos" in refused(train, "--run", RUN)


def test_an_unknown_run_and_data_set(folder):
    assert "known: synthetic.a2s2k.s0, synthetic.awan-hr.C31.s0" in refused(train, "--run", "cave.rcan.s0")
    assert "known: synthetic" in refused(prepare, "--dataset", "cave")


def test_weights_of_another_network(folder):
    prepared()
    configure(datasets__synthetic__training__steps=1)
    accepted(train, "--run", RUN)
    configure(datasets__synthetic__network__hidden=17)
    assert "does not hold the weights of this model" in refused(evaluate, "--run", RUN)
    configure(datasets__synthetic__training__steps=1)
    weights = Path(f"results/runs/smoke/synthetic/{RUN}/weights.safetensors")
    weights.write_bytes(weights.read_bytes()[:-5])
    assert "cannot read weights from" in refused(evaluate, "--run", RUN)


@pytest.mark.parametrize(
    ("program", "run", "missing"),
    [
        (evaluate, "rcan+awan.p2.C31", "rcan-msi.p2"),
        (evaluate, "us3rn.p3.C31", "us3rn.p3.C31"),
        (train, "rcan-msi.p3", "rcan-msi.p2"),
    ],
)
def test_a_network_that_is_not_trained_yet_is_named(folder, program, run, missing):
    prepared()
    configure(methods=["rcan+awan", "us3rn"])
    message = refused(program, "--run", f"synthetic.{run}.s0")
    assert message.endswith(f"is missing: python -m workflow.train --run synthetic.{missing}.s0")


def test_a_stage_has_no_row_to_evaluate_and_a_chain_nothing_to_train(folder):
    prepared()
    assert "known: synthetic.awan+rcan.p2" in refused(evaluate, "--run", "synthetic.rcan-msi.p2.s0")
    assert "known: synthetic.a2s2k.s0, synthetic.awan-hr.C31.s0" in refused(
        train, "--run", "synthetic.rcan+awan.p2.C31.s0"
    )


def test_a_full_disk_while_training_keeps_what_was_there(folder):
    """Files may grow to 10 kB only, which writing meets as it would meet a full disk."""
    prepared()
    configure(datasets__synthetic__training__steps=1)
    before = Path("results/data/synthetic.h5").read_bytes()
    with file_size(10_000):
        assert "the disk is full" in refused(train, "--run", RUN)
    assert Path("results/data/synthetic.h5").read_bytes() == before
    assert not Path(f"results/runs/smoke/synthetic/{RUN}/weights.safetensors").exists()
    accepted(train, "--run", RUN)
    assert Path(f"results/runs/smoke/synthetic/{RUN}/weights.safetensors").exists()


def prepared() -> None:
    accepted(prepare, "--dataset", "synthetic")


def accepted(program, *arguments: str) -> None:
    assert programs.run(program, *arguments) is None
