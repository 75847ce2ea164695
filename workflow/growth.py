"""How the cost of predicting an image grows with p, C, K and the image: results/growth.csv and results/figures/growth.pdf.

    python -m workflow.growth [--config config/standard.yaml]

SSIF-RF-UF in the sizes of the preset's first data set, with random weights, on one thread of this CPU, in process seconds,
beside the least that its arithmetic takes at the machine's own rate of matrix products. One thing grows at a time.
"""

import dataclasses
import time
from collections.abc import Callable

import numpy as np
import pandas as pd
import torch

from ssif.bands import Bands
from ssif.io import whole_file
from ssif.nets.ssif import SSIF
from ssif.response import nyquist_factor
from workflow.config import presets
from workflow.config.schema import Data
from workflow.figures import growth, style
from workflow.plan import arithmetic, runs
from workflow.steps.arguments import parser
from workflow.steps.processes import program
from workflow.steps.provenance import provenance

BASE = {"p": 4.0, "C": 31, "K": 16, "side": 64}
VALUES = {
    "p": (1, 2, 4, 6, 8, 12),
    "C": (8, 31, 128, 512, 1024),
    "K": (1, 4, 16, 64, 256),
    "side": (16, 32, 64, 128, 192),
}


@torch.inference_mode()
def measured(data: Data) -> pd.DataFrame:
    """Rows of axis, value, encoder and whole: the process seconds of each at BASE with one of its entries changed; and
    least, the seconds of the whole's multiply-adds."""
    rows, rate = [], product_rate()
    for axis, values in VALUES.items():
        for value in values:
            case = BASE | {axis: value}
            model, lr_msi, size, bands = _case(data, **case)
            encoder = seconds(lambda model=model, lr_msi=lr_msi: model.encode(lr_msi), rounds=3)
            whole = seconds(lambda model=model, given=(lr_msi, size, bands): model.predict(*given), rounds=3)
            least = arithmetic.image(data, 3, case["C"], case["K"], case["side"] ** 2, size[0] * size[1]) / rate
            rows.append({"axis": axis, "value": value, "encoder": encoder, "whole": whole, "least": least})
            print(
                f"{axis} = {value:g}: {whole:.2f} s, of which the encoder {encoder:.2f}; least {least:.2f}", flush=True
            )
    return pd.DataFrame(rows)


def product_rate() -> float:
    """float32 multiply-adds a second in a product of two 2048 x 2048 matrices, the best of five."""
    one, other = torch.rand(2, 2048, 2048)
    return 2048**3 / seconds(lambda: one @ other, rounds=5)


def _case(data: Data, p: float, C: int, K: int, side: int) -> tuple[SSIF, torch.Tensor, tuple[int, int], Bands]:
    torch.manual_seed(0)
    sizes = dataclasses.asdict(data.network) | {"k": K, "lambda_min": nyquist_factor(10)}
    edges = np.linspace(400, 700, C + 1)
    bands = Bands(np.stack([edges[:-1], edges[1:]], axis=1))
    size = (round(side * p), round(side * p))
    return SSIF(3, variant="RF-UF", **sizes).eval(), torch.rand(1, 3, side, side), size, bands


def seconds(work: Callable, rounds: int = 1) -> float:
    """Process seconds of some work, the least of `rounds`; a busy machine lengthens them less than the clock's."""
    found = []
    for _ in range(rounds):
        start = time.process_time()
        work()
        found.append(time.process_time() - start)
    return min(found)


@program
def main() -> None:
    config = presets.load(parser(__doc__).parse_args().config)
    torch.set_num_threads(1)
    name, data = next(iter(config.datasets.items()))
    table = measured(data)
    with whole_file(runs.RESULTS / "growth.csv") as temporary:
        table.to_csv(temporary, index=False, float_format="%.4g")
    origin = provenance(torch.device("cpu"))
    footer = f"preset {config.preset}, {name}, {origin['machine']}, torch {origin['torch']}, commit {origin['commit']}"
    style.save(growth.draw(table, BASE, footer=footer), runs.RESULTS / "figures/growth")


if __name__ == "__main__":
    main()
