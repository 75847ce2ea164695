"""Every method of the benchmark in one table. To add one: write its file and one line here (docs/add-a-method.md).

Builders import torch only when a network is built: the plan and the Snakefile read this table and must start at once.
"""

from collections.abc import Callable
from dataclasses import dataclass

from ssif.bands import Bands


@dataclass(frozen=True)
class Method:
    """label: its name in the tables; module: where its network is; one_count: it needs a model for each C.

    build(channels, bands, network, run) -> nn.Module: `channels` of the MSI, `bands` the data set's own, `network` the
    sizes of the preset, `run` a `workflow.plan.Run`.
    """

    label: str
    module: str
    build: Callable
    one_count: bool = False


def _ssif(variant: str) -> Callable:
    def build(channels: int, bands: Bands, network: dict, run):
        from ssif.nets.spectral import nyquist_factor
        from ssif.nets.ssif import SSIF

        return SSIF(channels, variant=variant, lambda_min=nyquist_factor(float(bands.widths.min())), **network)

    return build


def _liif(channels: int, bands: Bands, network: dict, run):
    from baselines.liif import LIIF

    return LIIF(channels, bands=bands.parts(run.count), encoder=network["encoder"], hidden=network["hidden"])


def _bicubic(channels: int, bands: Bands, network: dict, run):
    from baselines.bicubic import BicubicLinear

    return BicubicLinear(channels, bands=bands)


MODELS = {
    "bicubic": Method("bicubic+linear", "baselines.bicubic", _bicubic),
    "liif": Method("LIIF", "baselines.liif", _liif, one_count=True),
    "ssif-m": Method("SSIF-M", "ssif.nets.ssif", _ssif("M")),
    "ssif-rf-gs": Method("SSIF-RF-GS", "ssif.nets.ssif", _ssif("RF-GS")),
    "ssif-rf-gf": Method("SSIF-RF-GF", "ssif.nets.ssif", _ssif("RF-GF")),
    "ssif-rf-us": Method("SSIF-RF-US", "ssif.nets.ssif", _ssif("RF-US")),
    "ssif-rf-uf": Method("SSIF-RF-UF", "ssif.nets.ssif", _ssif("RF-UF")),
}
