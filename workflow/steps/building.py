"""How a run becomes a network that predicts: its arguments, its finished weights, and the card in the weights.

Rules hash this module (`workflow.plan.fingerprints`). It imports the file of a method by name, so that a run depends only on
the code of its own networks.
"""

import inspect
import json
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

import torch

from baselines.chains import Chain
from ssif.checkpoint import described, differing_keys, load_weights, save_weights
from ssif.data.store import Store
from ssif.errors import UserError, choose
from ssif.response import nyquist_factor
from ssif.seals import noted_file
from workflow.config.schema import Config
from workflow.methods import family, network
from workflow.plan import runs
from workflow.plan.runs import Run
from workflow.steps import gpus, prepared, stored


def open_data(config: Config, run: Run) -> Store:
    """The run's prepared data set. Raises UserError if it is absent, damaged, or simulates another sensor, and if p is below
    the ratio of a measured MSI."""
    store = prepared.data(run.dataset)
    wanted = config.datasets[run.dataset].msi
    if store.choices["msi"] != wanted:
        raise UserError(
            f"{store.path} was prepared with the sensor {store.choices['msi']}, not {wanted}; prepare it again"
        )
    scales = config.datasets[run.dataset].scales
    if (least := min(*scales.train, *scales.test)) < store.ratio:
        raise UserError(
            f"a pixel of the measured MSI of {run.dataset} is {store.ratio} pixels of the cubes wide, so every scale must be at least p ="
            f" {store.ratio}, not {least:g}"
        )
    return store


def device(config: Config) -> torch.device:
    """The configured device; "auto" is a GPU if there is one. A process takes one GPU (`workflow.steps.gpus`).

    Raises UserError if the preset asks for a GPU and PyTorch finds none.
    """
    gpu = None if config.device == "cpu" else gpus.taken()
    if gpu is None and config.device == "cuda":
        raise UserError("device: cuda, but PyTorch finds no GPU here; use device: auto to run without one")
    return gpu or torch.device("cpu")


def build(config: Config, run: Run, store: Store) -> torch.nn.Module:
    """The run's network on the configured device, with initial parameters that depend on its seed.

    Raises UserError for a size that a network on a pixel grid does not have.
    """
    torch.manual_seed(run.seed)
    entry, (sizes, _) = network(run.method), runs.settings(config, run)
    constructor = getattr(import_module(entry.module), entry.name)
    arguments = ARGUMENTS[entry.takes](store, run) | entry.fixed
    if entry.block is None:
        # All neural fields share one block of sizes; each field takes the sizes that it reads.
        sizes = {key: value for key, value in sizes.items() if entry.uses(key)}
        if sizes.get("lambda_min") == "nyquist":
            sizes["lambda_min"] = nyquist_factor(float(store.bands.widths.min()))
    else:
        known = [key for key in inspect.signature(constructor).parameters if key not in arguments]
        for key in sizes:
            choose(f"size of {entry.name}:", key, known)
    return constructor(**arguments, **sizes).to(device(config))


# The arguments that depend on the data and the run (`workflow.methods.Network.takes`).
ARGUMENTS = {
    "any bands": lambda store, run: {"channels": store.channels},
    "data bands": lambda store, run: {"channels": store.channels, "bands": store.bands},
    "fixed bands": lambda store, run: {"channels": store.channels, "bands": store.bands.parts(run.count)},
    "joint": lambda store, run: {"msi_bands": store.channels, "bands": run.count, "scale": run.scale},
    "spatial msi": lambda store, run: {"bands": store.channels, "scale": run.scale},
    "spatial hsi": lambda store, run: {"bands": run.count, "scale": run.scale},
    "both counts": lambda store, run: {"msi_bands": store.channels, "bands": run.count},
    # The sensor's response is known only for all bands of the data set.
    "spectral": lambda store, run: {
        "msi_bands": store.channels,
        "bands": run.count,
        "response": store.response if run.count == len(store.bands) else None,
    },
    "classifier": lambda store, run: {"bands": len(store.bands), "classes": len(prepared.cover(store).names)},
}


def full_identity(config: Config, run: Run, store: Store) -> dict:
    """Everything that decides what a network learns: the identity from the plan, and the identity of the data."""
    identity = runs.identity(config, run) | {"data": store.identity}
    if family(run.method) == "classifier":
        identity["land_cover"] = prepared.cover(store).choices
    return identity


def fill(
    model: torch.nn.Module,
    config: Config,
    run: Run,
    store: Store,
    load: Callable[[torch.nn.Module, Path], None] = load_weights,
) -> None:
    """Load a run's finished weights into `model`.

    Raises UserError if they are missing or damaged, and, naming the keys that differ, if the training had other settings or
    data than `config` and `store`.
    """
    remedy = f"python -m workflow.train --run {run.id}"
    if not run.weights.exists():
        raise UserError(f"{run.weights} is missing: {remedy}")
    found = stored.record(run)
    wanted = json.loads(json.dumps(full_identity(config, run, store)))
    differing = differing_keys({key: found[key] for key in wanted if key in found}, wanted)
    if "imported" in found:
        remedy = f"python -m workflow.import_weights --run {run.id} FILE"
    if differing:
        raise UserError(
            f"{run.weights} does not hold the weights of this model, but those of other settings or data"
            f" ({', '.join(differing)}): {remedy}"
        )
    try:
        load(model, run.weights)
    except UserError as error:
        raise UserError(f"{error}: {remedy}") from None


def trained(config: Config, run: Run, store: Store) -> torch.nn.Module:
    """The run's network with its finished weights, for prediction. Raises UserError as `fill`."""
    model = build(config, run, store).eval().requires_grad_(False)
    fill(model, config, run, store)
    return model


def method(networks: list[torch.nn.Module], row: Run, store: Store) -> torch.nn.Module:
    """The method that these networks of a row make, whatever their family: an object with `predict`."""
    if family(row.method) == "grid":
        return Chain(networks, row.scale, store.bands.parts(row.count))
    return networks[0]


def predictor(config: Config, row: Run, store: Store) -> torch.nn.Module:
    """The `method` of a row, with the finished weights of its networks. Raises UserError as `fill`."""
    return method([trained(config, network, store) for network in runs.stages(row)], row, store)


def card(config: Config, run: Run, store: Store, model: torch.nn.Module, origin: dict) -> dict | None:
    """The card in the weights of a neural field, from which `ssif.load` builds the field; None for other networks."""
    if family(run.method) != "field":
        return None
    data, edges = config.datasets[run.dataset], store.bands.edges
    return described(model, {
        "msi": data.msi,
        "input_bands": None if store.msi_bands is None else store.msi_bands.edges.tolist(),
        "wavelengths": [float(edges.min()), float(edges.max())],
        "scales": data.scales.train,
        "counts": data.counts.train,
        "white": store.msi_white or store.scale,
        "values": store.choices["values"],
        "antialias": config.antialias,
        "preset": run.preset,
        "run": run.id,
    } | ({"output_white": store.scale} if store.msi_white else {}) | origin)  # fmt: skip


def finish(
    config: Config, run: Run, store: Store, model: torch.nn.Module, record: dict, origin: dict, curve: str = ""
) -> None:
    """Write the files of a finished run: its `record` and `origin` (`workflow.steps.provenance`), its curve and its weights."""
    record = record | {"parameters": sum(p.numel() for p in model.parameters())} | origin
    # Write the weights last, because other programs look for them: old weights never stand beside a new description.
    run.weights.unlink(missing_ok=True)
    with noted_file(run.folder / "config.json") as temporary:
        temporary.write_text(json.dumps(record, indent=2) + "\n")
    with noted_file(run.folder / "train.jsonl") as temporary:
        temporary.write_text(curve)
    save_weights(model, run.weights, card(config, run, store, model, origin))
