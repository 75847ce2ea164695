"""The figure uncertainty: networks of several seeds on the test scenes, how far they disagree, and where their mean errs."""

import dataclasses

import numpy as np
import pandas as pd
import pytest
import torch

from ssif.data.prepare import prepare
from ssif.data.store import Store
from ssif.errors import UserError
from ssif.metrics import evaluate
from tests.drawn import FOOTER, legend, written
from tests.quick import changed
from workflow.config import presets
from workflow.figures import uncertainty
from workflow.steps import ensembles


class Noisy:
    """Predicts the truth and noise of its own, twice as strong in the upper half."""

    def __init__(self, truth: torch.Tensor, seed: int):
        noise = torch.randn(truth.shape, generator=torch.Generator().manual_seed(seed)) * 0.02
        noise[:, : truth.shape[1] // 2] *= 2
        self.image = truth + noise

    def predict_each(self, lr_msi, size, targets):
        return [self.image[None, :, : size[0], : size[1]]]


@pytest.fixture(scope="module")
def store(tmp_path_factory) -> Store:
    path = tmp_path_factory.mktemp("data") / "a.h5"
    prepare("synthetic", path, "nikon-d700")
    return Store(path)


def test_the_mean_is_better_than_its_members_and_the_deviation_tells_the_error(store):
    (scene,) = store.names("test")
    truth = store.scene(scene)[0].permute(2, 0, 1)
    models = [Noisy(truth, seed) for seed in range(3)]
    values, psnr = ensembles.disagreement(models, store, 2, False, torch.device("cpu"))
    assert psnr["networks"].tolist() == [1, 2, 3]
    assert psnr["psnr"][0] == pytest.approx(np.mean([evaluate(model.image, truth, 2)["mpsnr"] for model in models]))
    # Independent noise: each doubling takes off 3 dB, up to the cut at [0, 1].
    assert np.allclose(psnr["psnr"] - psnr["psnr"][0], [0, 10 * np.log10(2), 10 * np.log10(3)], atol=0.4)
    assert values.groupby("networks").size().tolist() == [ensembles.SAMPLED] * 2
    deviation, error = uncertainty.reliability(values[values["networks"] == 3])
    assert len(deviation) == uncertainty.BINS and (np.diff(deviation) > 0).all() and error[-1] > 1.5 * error[0]


def test_without_the_largest_errors_less_is_left():
    values = pd.DataFrame({"error": [4.0, 1.0, 2.0, 3.0] * 100, "deviation": [1.0, 4.0, 3.0, 2.0] * 100})
    known = uncertainty.sparsification(values["error"], values["error"])
    assert known[0] == 1 and (np.diff(known) <= 0).all()
    half = np.abs(uncertainty.SHARES - 0.5).argmin()
    assert known[half] == pytest.approx(np.sqrt(2.5 / 7.5))
    # A deviation that is the wrong way round leaves out the small errors first.
    assert uncertainty.sparsification(values["error"], values["deviation"])[half] == pytest.approx(np.sqrt(12.5 / 7.5))


def test_the_figure_has_a_line_a_number_of_networks():
    random = np.random.default_rng(0)
    deviation = random.uniform(0.001, 0.05, 1000)
    made = [
        pd.DataFrame({"deviation": deviation, "error": np.abs(random.normal(0, deviation)), "networks": count, "p": p})
        for count in (2, 3)
        for p in (2, 4)
    ]
    figure = uncertainty.draw(pd.concat(made), notes=["p = 2: a note"], footer=FOOTER)
    assert legend(figure) == ["2 networks", "3 networks", "error known", "error = deviation"]
    assert len(figure.axes) == 4 and len(figure.axes[0].lines[0].get_xdata()) == uncertainty.BINS
    assert "p = 2: a note" in written(figure)


def test_it_wants_one_method_of_two_seeds():
    mapping = changed("figures", {"uncertainty": {"dataset": "indian_pines", "scales": [2], "methods": ["ssif+"]}})
    with pytest.raises(UserError, match=r"figures\.uncertainty needs one method, with at least two seeds"):
        presets.parse(mapping)
    config = presets.parse(mapping | {"seeds_of": {"ssif+": [0, 1]}})
    assert dataclasses.asdict(config)["figures"]["uncertainty"]["methods"] == ("ssif+",)
