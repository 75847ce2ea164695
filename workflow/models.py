"""Every method of the benchmark in one table. To add one: write its file and one line in MODELS (docs/add-a-method.md).

Builders import torch only when a network is built: the plan and the Snakefile read this table and must start at once.
"""

import inspect
from collections.abc import Callable
from dataclasses import dataclass, replace
from importlib import import_module

from ssif.errors import choose


@dataclass(frozen=True)
class Network:
    """Something to be trained: `build(store, sizes, run) -> nn.Module`, and where its code is.

    store: the prepared data set (`ssif.data.store.Store`); sizes: its block of the preset, as keyword arguments; run: a
    `workflow.plan.Run`. block: the key under `baselines` of that block, None for neural fields, which share `network` and
    `training`; of these it `reads` these keys, None for all: others may change and it stays as it is.
    one_scale, one_count: it needs a network for each p, for each C. warm_start: a p > 2 starts from the network of p = 2.
    """

    module: str
    build: Callable
    block: str | None = None
    reads: tuple[str, ...] | None = None
    one_scale: bool = False
    one_count: bool = False
    warm_start: bool = False

    def uses(self, key: str) -> bool:
        """Whether it reads this key of its block."""
        return self.reads is None or key in self.reads


@dataclass(frozen=True)
class Method:
    """A row of the tables: its label and what it is made of, a network of its own or the names of `stages` in turn.

    chained: the last stage is trained on what the earlier ones make, instead of on true images. extension: of no paper
    that is compared here, so it stands below the others and is not ranked with them.
    """

    label: str
    network: Network | None = None
    stages: tuple[str, ...] = ()
    chained: bool = False
    extension: bool = False

    @property
    def source(self) -> str:
        """Of its rows in the tables."""
        return "extension" if self.extension else "ours"


BUDGET = ("steps", "batch", "lr_sizes", "rate", "halve_at")
FIELD = ("encoder", "pixel_decoder", "hidden", "dim", "spectral_decoder", "spectral_hidden", "frequencies")
FOURIER = ("lambda_min", "lambda_max")
# What a field reads that serves any bands; one of fixed bands (LIIF) has always the same.
ANY_BANDS = (*FIELD, *FOURIER, *BUDGET, "intervals")


def _with_nyquist(store, sizes: dict) -> dict:
    """The sizes of an SSIF with `lambda_min` as a number."""
    from ssif.nets.spectral import nyquist_factor

    finest = nyquist_factor(float(store.bands.widths.min()))
    return sizes | {"lambda_min": finest if sizes["lambda_min"] == "nyquist" else sizes["lambda_min"]}


def _ssif(variant: str, *reads: str) -> Network:
    def build(store, sizes: dict, run):
        from ssif.nets.ssif import SSIF

        return SSIF(store.channels, variant=variant, **_with_nyquist(store, sizes))

    return Network("ssif.nets.ssif", build, reads=(*ANY_BANDS, *reads))


def _ssif_plus(store, sizes: dict, run):
    from ssif.nets.plus import SSIFPlus

    return SSIFPlus(store.channels, variant="RF-UF", bands=store.bands, **_with_nyquist(store, sizes))


def _liif(store, sizes: dict, run):
    from baselines.liif import LIIF

    return LIIF(store.channels, bands=store.bands.parts(run.count), encoder=sizes["encoder"], hidden=sizes["hidden"])


def _bicubic(store, sizes: dict, run):
    from baselines.bicubic import BicubicLinear

    return BicubicLinear(store.channels, bands=store.bands)


def _joint(store, run) -> dict:
    return {"msi_bands": store.channels, "bands": run.count, "scale": run.scale}


def _on_grid(module: str, name: str, block: str, given: Callable = _joint, **needs: bool) -> Network:
    """A network on a pixel grid, class `name` of `module`: for one p and one C, unless `needs` says otherwise.

    Of its arguments `given(store, run)` are what the data and the run decide, the others its sizes in the preset.
    """

    def build(store, sizes: dict, run):
        network, fixed = getattr(import_module(module), name), given(store, run)
        known = [key for key in inspect.signature(network).parameters if key not in fixed]
        for key in sizes:
            choose(f"size of {name}:", key, known)
        return network(**fixed, **sizes)

    return Network(module, build, block, **({"one_scale": True, "one_count": True} | needs))


def _rcan(image: str, **needs: bool) -> Network:
    def given(store, run) -> dict:
        return {"bands": store.channels if image == "msi" else run.count, "scale": run.scale, "image": image}

    return _on_grid("baselines.rcan", "RCAN", "rcan", given, warm_start=True, **needs)


def _awan(size: str, **needs: bool) -> Network:
    def given(store, run) -> dict:
        # Fewer bands than the sensor was given: its response to them is not known.
        response = store.response if run.count == len(store.bands) else None
        return {"msi_bands": store.channels, "bands": run.count, "size": size, "response": response}

    return _on_grid("baselines.awan", "AWAN", "awan", given, **needs)


def _sspsr(store, run) -> dict:
    return {"bands": run.count, "scale": run.scale}


# Networks that are no row of a table but stages of several: each is trained once and shared.
STAGES = {
    "rcan-msi": _rcan("msi", one_count=False),
    "rcan-hsi": _rcan("hsi"),
    "awan-lr": _awan("lr"),
    "awan-hr": _awan("hr", one_scale=False),
    "sspsr": _on_grid("baselines.sspsr", "SSPSR", "sspsr", _sspsr),
    "mog-dcn": _on_grid("baselines.mog_dcn", "MoGDCN", "mog-dcn"),
}

MODELS = {
    "bicubic": Method("bicubic+linear", Network("baselines.bicubic", _bicubic, reads=())),
    "rcan+awan": Method("RCAN+AWAN", stages=("rcan-msi", "awan-hr")),
    "awan+rcan": Method("AWAN+RCAN", stages=("awan-lr", "rcan-hsi")),
    "awan+sspsr": Method("AWAN+SSPSR", stages=("awan-lr", "sspsr")),
    "rcan+awan+mog-dcn": Method("RC/AW+MoG-DCN", stages=("rcan-msi", "awan-lr", "mog-dcn")),
    "ssjsr": Method("SSJSR-style, layer sizes ours", _on_grid("baselines.ssjsr", "SSJSR", "ssjsr")),
    "us3rn": Method("US3RN", _on_grid("baselines.us3rn", "US3RN", "us3rn")),
    "liif": Method("LIIF", Network("baselines.liif", _liif, reads=("encoder", "hidden", *BUDGET), one_count=True)),
    "ssif-m": Method("SSIF-M", _ssif("M")),
    "ssif-rf-gs": Method("SSIF-RF-GS", _ssif("RF-GS", "k", "gs_weights")),
    "ssif-rf-gf": Method("SSIF-RF-GF", _ssif("RF-GF", "k")),
    "ssif-rf-us": Method("SSIF-RF-US", _ssif("RF-US", "k")),
    "ssif-rf-uf": Method("SSIF-RF-UF", _ssif("RF-UF", "k")),
    "ssif-rf-gi": Method("SSIF-RF-GI", _ssif("RF-GI")),
    "ssif-rf-ui": Method("SSIF-RF-UI", _ssif("RF-UI")),
    "ssif+": Method("SSIF+", Network("ssif.nets.plus", _ssif_plus, reads=(*ANY_BANDS, "k")), extension=True),
}
# A variant of each chain, as a row of its own.
MODELS |= {
    f"{name}-chained": replace(method, label=f"{method.label} (chained)", chained=True)
    for name, method in MODELS.items()
    if method.stages
}
# Labels of the rows that are no part of the comparison.
EXTENSIONS = [method.label for method in MODELS.values() if method.extension]


def _a2s2k(store, sizes: dict, run):
    from baselines.a2s2k import A2S2K
    from ssif.data import land_cover

    return A2S2K(len(store.bands), len(land_cover.load(store).names), **sizes)


# Not rows of a table but what Table 3 and Figure 9 look at predicted images with.
CLASSIFIERS = {"a2s2k": Network("baselines.a2s2k", _a2s2k, block="land_use")}


def every_network() -> list[Network]:
    """Of all stages and all methods that are one network: those that make images."""
    return [*STAGES.values(), *(method.network for method in MODELS.values() if method.network)]


def network(name: str) -> Network:
    """The network of a stage, of a classifier or of a method that is one network."""
    others = STAGES | CLASSIFIERS
    return others[name] if name in others else MODELS[name].network


def is_classifier(name: str) -> bool:
    """Whether a network classifies land cover, and makes no image."""
    return name in CLASSIFIERS


def is_field(name: str) -> bool:
    """Whether a method is one network that reads the neural fields' block: SSIF's variants, LIIF, a user's own."""
    own = MODELS[name].network
    return own is not None and own.block is None and own.reads != ()
