"""Draw one figure as results/figures/<figure>.pdf and .png, from existing scores, predictions and weights.

    python -m workflow.figure --figure fig3 [--config config/config.yaml]

The first seed represents all seeds if a figure shows one image or one set of weights.
"""

import numpy as np
import pandas as pd
import torch
from matplotlib.figure import Figure
from scipy.ndimage import uniform_filter
from torch.utils.flop_counter import FlopCounterMode

from ssif.bands import resampling_matrix
from ssif.data.degrade import lr_size
from ssif.data.store import Store
from workflow import methods
from workflow.config import schema
from workflow.config.names import spelled
from workflow.figures import embeddings, errors, land_use_maps, over_cost, over_counts, signature, style, uncertainty
from workflow.land_use import images
from workflow.land_use.accuracy import accuracies
from workflow.methods import METHODS
from workflow.plan import runs
from workflow.plan.runs import Run
from workflow.plan.targets import Target
from workflow.steps import ensembles, predictions, prepared
from workflow.steps.arguments import chosen_target
from workflow.steps.building import device, open_data, predictor, trained
from workflow.steps.processes import program
from workflow.steps.provenance import commit
from workflow.tables import ablation, cells, land_use

WAVELENGTHS = 500  # points at which Figure 10 shows the embeddings
COSTED, COUNTED = 512, 128  # sides in pixels of the image whose cost is shown, and of the image that is counted


def sweep(config: schema.Config, target: Target) -> Figure:
    """Figures 3 and 4, every method over C; Figures 6, 7 and any other ablation, one hyper-parameter over C."""
    key, largest = None, config.datasets[target.dataset].full_count
    if target.name in config.ablations:
        key, points = config.ablations[target.name].change, ablation.points(config, target)
    else:
        points = cells.means(cells.scores(config, target)).assign(value="")
    return over_counts.draw(points, scales=target.scales, largest=largest, key=key, footer=footer(config, target))


def spectrum(config: schema.Config, target: Target) -> Figure:
    """Figure 1: the spectral signature of one pixel at several C."""
    store, scale, run = prepared.data(target.dataset), target.scales[0], target.rows[0]
    truth = _truth(store, scale)
    pixel = typical_pixel(truth.mean(axis=0), 2 * int(scale) + 1)
    images = {count: predictions.read(run, scale, count) for count in target.counts}
    spectra = {count: (store.bands.parts(count), image[:, *pixel]) for count, image in images.items()}
    title = f"{METHODS[run.method].label}, {store.names('test')[0]}; {footer(config, target)}"
    return signature.draw(spectra, (store.bands, truth[:, *pixel]), pixel, scale=scale, footer=title)


def error_maps(config: schema.Config, target: Target) -> Figure:
    """Figure 8: predicted images beside the truth, and where and at which bands they are wrong."""
    store, scale, count = prepared.data(target.dataset), target.scales[0], target.counts[0]
    rows = _of_first_seed(config, target, scale)
    images = {METHODS[run.method].label: predictions.read(run, scale, count) for run in rows}
    bands = store.bands.parts(count)
    weights = resampling_matrix(store.bands, bands)
    truth = np.einsum("kc,chw->khw", weights, _truth(store, scale))
    title = f"{store.names('test')[0]}; {footer(config, target)}"
    return errors.draw(images, truth, bands, scale=scale, footer=title)


def embedding_curves(config: schema.Config, target: Target) -> Figure:
    """Figure 10: the embedding of each wavelength by the spectral encoder, for several d."""
    curves = {}
    for run in _of_first_seed(config, target):
        store = open_data(config, run)
        wavelengths = np.linspace(store.bands.edges.min(), store.bands.edges.max(), WAVELENGTHS)
        encoder = trained(config, run, store).spectral_encoder.cpu()
        values = encoder(torch.tensor(wavelengths)).numpy()
        curves[values.shape[1]] = wavelengths, values
    return embeddings.draw(curves, footer=footer(config, target))


def land_cover_maps(config: schema.Config, target: Target) -> Figure:
    """Figure 9: the land cover found in predicted images and in the true one, beside the labels."""
    store, scale, seed = prepared.data(target.dataset), target.scales[0], config.seeds[0]
    cover = prepared.cover(store)
    found = {row["model"]: accuracies(row["matrix"]) for row in land_use.matrices(target, sorted(cover.names))
             if row["seed"] == seed and row["p"] == scale}  # fmt: skip
    shown, agreements = {}, []
    for run in (*_of_first_seed(config, target, scale), *(run for run in target.classifiers if run.seed == seed)):
        label = images.TRUE if methods.family(run.method) == "classifier" else METHODS[run.method].label
        whole, agreement = images.stored_map(run, scale, label)
        shown[label] = whole, f"OA {found[label]['oa']:.1%}, AA {found[label]['aa']:.1%}"
        agreements.append(agreement)
    scene = store.names("test")[0]
    labels = cover.maps[scene][: whole.shape[0], : whole.shape[1]]
    note = (
        f"p = {scale:g}, {scene}; OA and AA come from each labelled pixel's own window, and maps from one convolutional pass,"
        f" which gives the same class to {min(agreements):.1%} to {max(agreements):.1%} of the labelled pixels of an image"
    )
    return land_use_maps.draw(shown, labels, cover.names, note=note, footer=footer(config, target))


def quality_against_cost(config: schema.Config, target: Target) -> Figure:
    """The figure cost: PSNR of every method over the multiply-adds of its prediction."""
    store = open_data(config, target.rows[0])
    scored = cells.means(cells.scores(config, target)).groupby(["model", "p"], sort=False)[["mpsnr", "seconds"]].mean()
    points = []
    for run in _of_first_seed(config, target):
        model, label = predictor(config, run, store), METHODS[run.method].label
        parameters = sum(parameter.numel() for parameter in model.parameters())
        for p, _ in target.cells(run):
            points.append((label, p, *scored.loc[(label, p)], parameters, multiply_adds(model, store, p)))
    table = pd.DataFrame(points, columns=["model", "p", "psnr", "seconds", "parameters", "multiply_adds"])
    return over_cost.draw(table, size=COSTED, footer=footer(config, target))


def multiply_adds(model, store: Store, p: float) -> float:
    """The multiply-adds of matrix products and convolutions for COSTED x COSTED pixels, counted on a smaller image."""
    low, (height, width) = lr_size((COUNTED, COUNTED), p)
    device = next(model.parameters(), torch.zeros(0)).device
    with FlopCounterMode(display=False) as counter:
        model.predict_each(torch.rand(1, store.channels, *low, device=device), (height, width), [store.bands])
    return counter.get_total_flops() / 2 * COSTED**2 / (height * width)


def disagreeing(config: schema.Config, target: Target) -> Figure:
    """The figure uncertainty: whether networks of several seeds disagree where they are wrong."""
    store, found, notes = open_data(config, target.rows[0]), [], []
    for p in target.scales:
        rows = [run for run in target.rows if run.scale in (None, p)]
        models = [predictor(config, run, store) for run in rows]
        values, psnr = ensembles.disagreement(models, store, p, config.antialias, device(config))
        found.append(values.assign(p=p))
        each = ", ".join(f"{row.networks:g}: {row.psnr:.2f}" for row in psnr.itertuples())
        notes.append(f"p = {p:g}: PSNR in dB of the mean of 1, 2, ... networks: {each}")
    title = f"{METHODS[target.rows[0].method].label}; {footer(config, target)}"
    return uncertainty.draw(pd.concat(found), notes=notes, footer=title)


DRAWINGS = {
    "cost": quality_against_cost,
    "uncertainty": disagreeing,
    "fig1": spectrum,
    "fig8": error_maps,
    "fig9": land_cover_maps,
    "fig10": embedding_curves,
}


def _of_first_seed(config: schema.Config, target: Target, scale: float | None = None) -> list[Run]:
    """The rows of the first seed, and of these only the rows that show this scale."""
    rows = [run for run in target.rows if run.seed == config.seeds[0]]
    return [run for run in rows if scale is None or run.scale in (None, scale)]


def footer(config: schema.Config, target: Target) -> str:
    """A line that says what the figure shows: preset, data set, seeds, what an ablation changed, commit."""
    parts = [f"preset {config.preset}", target.dataset, f"{target.seed_count} seed(s)"]
    if target.name in config.ablations and (fixed := config.ablations[target.name].fixed):
        parts.append("all with " + ", ".join(f"{key} = {spelled(value)}" for key, value in fixed.items()))
    return ", ".join([*parts, f"commit {commit()}"])


def typical_pixel(image: np.ndarray, size: int) -> tuple[int, int]:
    """Row and column of a pixel of [H, W] away from edges, shadows and highlights. Take the half of all pixels in whose window
    of `size` the image varies least for its brightness; the pixel is brighter than three quarters of this half."""
    mean, square = uniform_filter(image, size), uniform_filter(image**2, size)
    varies = square / np.maximum(mean, 1e-6) ** 2
    smooth = np.flatnonzero(varies <= np.median(varies))
    chosen = smooth[np.argsort(image.flat[smooth], kind="stable")[3 * len(smooth) // 4]]
    row, column = np.unravel_index(chosen, image.shape)
    return int(row), int(column)


def _truth(store: Store, scale: float) -> np.ndarray:
    """The first test scene [C_max, H, W], cropped to the HR size of this scale."""
    hsi, _ = store.scene(store.names("test")[0])
    _, (height, width) = lr_size(hsi.shape[:2], scale)
    return hsi[:height, :width].permute(2, 0, 1).numpy()


@program
def main() -> None:
    config, target = chosen_target(__doc__, "figure", lambda config: [*config.figures, *config.ablations])
    figure = DRAWINGS.get(target.name, sweep)(config, target)
    path = runs.results() / "figures" / target.name
    style.save(figure, path)
    print(f"{path}.pdf and .png")


if __name__ == "__main__":
    main()
