"""Several networks of one method, trained from different seeds: their disagreement and the error of their mean."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import torch

from ssif.data.degrade import downsample, lr_size
from ssif.data.store import Store
from ssif.metrics import mpsnr
from ssif.progress import Progress

SAMPLED = 50_000  # values (a pixel in a band) of each scene
SEED = 0


def disagreement(
    models: Sequence, store: Store, p: float, antialias: bool, place: torch.device
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The disagreement and the error of the first 2, 3 ... n `models` on the test scenes at scale p, over all bands.

    First table: columns networks, deviation (standard deviation of the predictions) and error (absolute, of their mean), a row
    for each sampled value. Second table: networks, 1 to n, and psnr (dB) of the mean of the predictions, averaged over the
    scenes; for one network, psnr is the mean over the networks. Values are in [0, 1].
    """
    generator, values, scores = np.random.default_rng(SEED), [], []
    scenes = store.names("test")
    progress = Progress(f"disagreement at p = {p:g}", len(scenes), "scenes")
    for done, scene in enumerate(scenes, 1):
        hsi, msi = (image.to(place).permute(2, 0, 1) for image in store.scene(scene))
        low, (height, width) = lr_size(hsi.shape[1:], p)
        lr_msi, truth = downsample(msi[None, :, :height, :width], low, antialias), hsi[:, :height, :width]
        every = torch.stack([model.predict_each(lr_msi, (height, width), [store.bands])[0][0] for model in models])
        scores += [(1, mpsnr(image, truth)) for image in every]
        chosen = torch.from_numpy(generator.integers(truth.numel(), size=SAMPLED)).to(place)
        for count in range(2, len(models) + 1):
            mean = every[:count].mean(dim=0)
            scores.append((count, mpsnr(mean, truth)))
            deviation = every[:count].flatten(1)[:, chosen].std(dim=0)
            error = (mean - truth).abs().flatten()[chosen]
            columns = {"deviation": deviation.cpu().numpy(), "error": error.cpu().numpy()}
            values.append(pd.DataFrame(columns).assign(networks=count))
        progress.update(done)
    psnr = pd.DataFrame(scores, columns=["networks", "psnr"]).groupby("networks")["psnr"].mean().reset_index()
    return pd.concat(values, ignore_index=True), psnr
