"""Every method of the benchmark in one table. To add one: write its file and one line in METHODS (docs/add-a-method.md).

Plain data: the plan and the Snakefile read this table and must start at once. workflow/steps/building.py builds the networks.
"""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Network:
    """A network to train: class `name` of `module`, and how it is built and trained.

    family: "field" (a neural field), "grid" (a network on a pixel grid), "map" (fitted in one go) or "classifier" (of land
    cover). takes: a key of `workflow.steps.building.ARGUMENTS`, for the arguments that depend on the data and the run; fixed:
    arguments that are the same in every preset. All other arguments are sizes in the preset: those of `block` under
    `baselines`, or None for the block that the neural fields share. keys: the keys of this block that the network reads, None
    for all; changes of other keys do not affect it. recipe: the module that makes its training batches
    (`workflow.steps.learning`). one_scale, one_count: it needs a network for each p, for each C. warm_start: a p > 2 starts
    from the network of p = 2.
    """

    module: str
    name: str
    family: str = "field"
    takes: str = "joint"
    fixed: dict = field(default_factory=dict)
    block: str | None = None
    keys: tuple[str, ...] | None = None
    recipe: str = "workflow.steps.recipes"
    one_scale: bool = False
    one_count: bool = False
    warm_start: bool = False

    def uses(self, key: str) -> bool:
        """Whether the network reads this key of its block."""
        return self.keys is None or key in self.keys

    @property
    def built(self) -> dict:
        """The part of a run's identity that decides the network besides its sizes. The place of its code does not matter."""
        return {"class": self.name, "takes": self.takes, "fixed": self.fixed}


@dataclass(frozen=True)
class Method:
    """A row of the tables: its label and either a network of its own or the names of its `stages` in turn.

    later: of a paper that the SSIF paper does not compare with, so it stands below the paper's methods. extension: not in any
    paper, so it stands below all others. Neither is ranked with the paper's methods.
    """

    label: str
    network: Network | None = None
    stages: tuple[str, ...] = ()
    later: bool = False
    extension: bool = False

    @property
    def source(self) -> str:
        """The `source` of the method's rows in the tables."""
        return "extension" if self.extension else "later" if self.later else "ours"


BUDGET = ("steps", "batch", "lr_sizes", "rate", "halve_at", "decay", "average", "queries")
FIELD = ("encoder", "pixel_decoder", "hidden", "dim", "spectral_decoder", "spectral_hidden", "frequencies")
FOURIER = ("lambda_min", "lambda_max")
# The keys that a field for any bands reads. A field with fixed bands (such as LIIF) always has the same `intervals`.
ANY_BANDS = (*FIELD, *FOURIER, *BUDGET, "intervals")
PLUS = tuple(key for key in (*ANY_BANDS, "k") if key not in ("pixel_decoder", "spectral_decoder"))


def _ssif(variant: str, *keys: str) -> Network:
    return Network("ssif.nets.ssif", "SSIF", takes="any bands", fixed={"variant": variant}, keys=(*ANY_BANDS, *keys))


def _fixed_bands(module: str, name: str) -> Network:
    return Network(module, name, takes="fixed bands", keys=("encoder", "hidden", *BUDGET), one_count=True)


def _on_grid(module: str, name: str, block: str, takes: str = "joint", **needs) -> Network:
    """A network on a pixel grid, for one p and one C unless `needs` says otherwise."""
    return Network(module, name, "grid", takes, block=block, **({"one_scale": True, "one_count": True} | needs))


def _rcan(image: str, **needs: bool) -> Network:
    fixed = {"image": image}
    return _on_grid("baselines.rcan", "RCAN", "rcan", f"spatial {image}", fixed=fixed, warm_start=True, **needs)


def _awan(size: str, **needs: bool) -> Network:
    return _on_grid("baselines.awan", "AWAN", "awan", "spectral", fixed={"size": size}, **needs)


def _mst(size: str, **needs: bool) -> Network:
    return _on_grid("baselines.mst", "MST", "mst++", "both counts", fixed={"size": size}, **needs)


# Stages of several chains, which are not rows of a table: each network is trained once and shared.
STAGES = {
    "rcan-msi": _rcan("msi", one_count=False),
    "rcan-hsi": _rcan("hsi"),
    "awan-lr": _awan("lr"),
    "awan-hr": _awan("hr", one_scale=False),
    "mst-lr": _mst("lr"),
    "mst-hr": _mst("hr", one_scale=False),
    "sspsr": _on_grid("baselines.sspsr", "SSPSR", "sspsr", "spatial hsi"),
    "mog-dcn": _on_grid("baselines.mog_dcn", "MoGDCN", "mog-dcn"),
}

METHODS = {
    "bicubic": Method("bicubic+linear", Network("baselines.bicubic", "BicubicLinear", "map", "data bands", keys=())),
    "rcan+awan": Method("RCAN+AWAN", stages=("rcan-msi", "awan-hr")),
    "awan+rcan": Method("AWAN+RCAN", stages=("awan-lr", "rcan-hsi")),
    "awan+sspsr": Method("AWAN+SSPSR", stages=("awan-lr", "sspsr")),
    "rcan+awan+mog-dcn": Method("RC/AW+MoG-DCN", stages=("rcan-msi", "awan-lr", "mog-dcn")),
    "ssjsr": Method("SSJSR-style, layer sizes ours", _on_grid("baselines.ssjsr", "SSJSR", "ssjsr")),
    "us3rn": Method("US3RN", _on_grid("baselines.us3rn", "US3RN", "us3rn")),
    "liif": Method("LIIF", _fixed_bands("baselines.liif", "LIIF")),
    "ssif-m": Method("SSIF-M", _ssif("M")),
    "ssif-rf-gs": Method("SSIF-RF-GS", _ssif("RF-GS", "k")),
    "ssif-rf-gf": Method("SSIF-RF-GF", _ssif("RF-GF", "k")),
    "ssif-rf-us": Method("SSIF-RF-US", _ssif("RF-US", "k")),
    "ssif-rf-uf": Method("SSIF-RF-UF", _ssif("RF-UF", "k")),
    "ssif-rf-gi": Method("SSIF-RF-GI", _ssif("RF-GI")),
    "ssif-rf-ui": Method("SSIF-RF-UI", _ssif("RF-UI")),
    "rcan+mst": Method("RCAN+MST++", stages=("rcan-msi", "mst-hr"), later=True),
    "mst+rcan": Method("MST++ +RCAN", stages=("mst-lr", "rcan-hsi"), later=True),
    "ssfin": Method("SSFIN", _on_grid("baselines.ssfin", "SSFIN", "ssfin"), later=True),
    "lte": Method("LTE", _fixed_bands("baselines.lte", "LTE"), later=True),
    "ciaosr": Method("CiaoSR", _fixed_bands("baselines.ciaosr", "CiaoSR"), later=True),
    "ssif+": Method(
        "SSIF+",
        Network(
            "ssif.nets.plus",
            "SSIFPlus",
            takes="data bands",
            fixed={"pixel_decoder": "bilinear"},
            keys=PLUS,
            recipe="workflow.steps.spectra",
        ),
        extension=True,
    ),
}
# Label -> source of the rows outside the paper's comparison.
APART = {method.label: method.source for method in METHODS.values() if method.source != "ours"}


# The classifiers of predicted images in Table 3 and Figure 9, which are not rows of a table.
CLASSIFIERS = {
    "a2s2k": Network(
        "workflow.land_use.a2s2k",
        "A2S2K",
        "classifier",
        "classifier",
        block="land_use",
        recipe="workflow.land_use.recipes",
    ),
}


def every_network() -> list[Network]:
    """Every network that makes images: the stages, and the methods that consist of one network."""
    return [*STAGES.values(), *(method.network for method in METHODS.values() if method.network)]


def network(name: str) -> Network:
    """The network of a stage, of a classifier or of a method that consists of one network."""
    apart = STAGES | CLASSIFIERS
    return apart[name] if name in apart else METHODS[name].network


def family(name: str) -> str:
    """The family (`Network`) of a stage, a classifier or a method; a chain has the family of its stages."""
    return "grid" if name in METHODS and METHODS[name].stages else network(name).family
