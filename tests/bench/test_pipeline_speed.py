"""What a run spends beside its network: metrics, the evaluation of a scene, the preparation of data; ratios within one run."""

import dataclasses

import numpy as np
import pytest
import torch
from PIL import Image
from skimage.metrics import structural_similarity

from ssif.data import cave
from ssif.metrics import evaluate
from ssif.nets.ssif import SSIF
from ssif.response import nyquist_factor
from workflow.config import presets

pytestmark = pytest.mark.slow

STANDARD = presets.load("config/standard.yaml").datasets["cave"]


def test_seven_metrics_cost_less_than_one_ssim_of_scikit_image(benchmark, report, seconds, one_thread):
    """A cube of 512 x 512 x 31, all seven metrics, against scikit-image's Gaussian SSIM alone."""
    generator = torch.Generator().manual_seed(0)
    truth = torch.rand(31, 512, 512, generator=generator)
    image = (truth + 0.05 * torch.randn(truth.shape, generator=generator)).clamp(0, 1)
    ours = seconds(lambda: evaluate(image, truth, 4), rounds=3)
    options = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False, "data_range": 1.0}
    theirs = seconds(lambda: structural_similarity(image.numpy(), truth.numpy(), channel_axis=0, **options), rounds=3)
    benchmark.pedantic(lambda: evaluate(image, truth, 4), rounds=1)
    # Five blurred maps of eleven taps along two axes, at a multiply-add of 16 floats a cycle of 3 GHz.
    report(ours=ours, scikit_image_ssim=theirs, ratio=theirs / ours, least_seconds=31 * 512**2 * 5 * 22 / (16 * 3e9))
    assert ours < theirs


def test_ten_sets_of_bands_cost_less_than_two(benchmark, report, seconds, product_rate):
    """A scene of 512 x 512 at p = 8, the ten C of the standard preset from one pass, against a pass for each C."""
    torch.manual_seed(0)
    sizes = dataclasses.asdict(STANDARD.network) | {"lambda_min": nyquist_factor(10)}
    model, lr_msi = SSIF(3, variant="RF-UF", **sizes).eval(), torch.rand(1, 3, 64, 64)
    targets = [cave.BANDS.parts(int(count)) for count in STANDARD.counts.test]
    together = seconds(lambda: model.predict_each(lr_msi, (512, 512), targets))
    apart = seconds(lambda: [model.predict(lr_msi, (512, 512), bands) for bands in targets])
    benchmark.pedantic(lambda: model.predict_each(lr_msi, (512, 512), targets), rounds=1)
    least = 12 * STANDARD.network.hidden**2 * 512**2 / product_rate
    report(together=together, apart=apart, ratio=apart / together, least_seconds=least)
    assert together < 2 * apart / len(targets)


def test_preparation_is_reading(tmp_path, benchmark, report, seconds, one_thread):
    """A scene of CAVE's size: reading, checking and hashing its 31 PNGs, against decoding them alone."""
    folder = tmp_path / "balloons_ms"
    folder.mkdir()
    rows = np.add.outer(np.arange(512), np.arange(512))
    for band in range(31):
        values = (rows * 40 + 500 * band + np.random.default_rng(band).integers(0, 300, rows.shape)).astype(np.uint16)
        Image.fromarray(values).save(folder / f"balloons_ms_{band + 1:02d}.png")
    files = sorted(folder.iterdir())
    decoding = seconds(lambda: [np.asarray(Image.open(file)) for file in files], rounds=3)
    ours = seconds(lambda: cave.read_scene(tmp_path, "balloons"), rounds=3)
    benchmark.pedantic(lambda: cave.read_scene(tmp_path, "balloons"), rounds=1)
    report(ours=ours, decoding=decoding, ratio=ours / decoding)
    assert ours < 3 * decoding
