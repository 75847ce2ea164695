"""Measure what the trainings of a preset cost on this machine, with a few steps of each network.

    python -m workflow.cost --config config/standard.yaml

Writes results/cost.csv: a row for each network, with its parameters, the multiply-adds and the seconds of a training step, and
the hours of the whole training. It needs the prepared data sets, but no trained networks.
"""

import time
from importlib import import_module

import pandas as pd
import torch
from torch.utils.flop_counter import FlopCounterMode

from ssif.io import whole_file
from ssif.progress import Progress
from workflow.config.schema import Config
from workflow.methods import network
from workflow.plan import runs
from workflow.plan.runs import Run
from workflow.plan.targets import networks
from workflow.steps.arguments import chosen_preset
from workflow.steps.building import build, device, open_data
from workflow.steps.learning import precision
from workflow.steps.processes import program


def measured(config: Config, run: Run) -> dict:
    """The cost of one training step of a network, forward and backward, as a mean over the LR sizes that take turns.

    `multiply_adds` counts matrix products and convolutions. A fitted network has no steps.
    """
    store, place = open_data(config, run), device(config)
    model, (_, training) = build(config, run, store).train(), runs.settings(config, run)
    row = {"run": run.id, "parameters": sum(p.numel() for p in model.parameters()), "steps": 0}
    if network(run.method).family == "map":
        return row
    recipe = import_module(network(run.method).recipe).recipe(model, config, run, store, store.training_set(place))
    batches = [recipe.draw(step) for step in range(len(getattr(training, "lr_sizes", [0])))]

    def steps() -> None:
        for batch in batches:
            with torch.autocast(place.type, dtype=torch.bfloat16, enabled=precision(config) == torch.bfloat16):
                loss = model.loss(batch)
            loss.backward()
            loss.item()  # waits for a GPU

    with FlopCounterMode(display=False) as counter:
        steps()
    start = time.perf_counter()
    steps()
    seconds = (time.perf_counter() - start) / len(batches)
    return row | {
        "steps": training.steps,
        "multiply_adds": counter.get_total_flops() / 2 / len(batches),
        "step_seconds": seconds,
        "hours": training.steps * seconds / 3600,
    }


@program
def main() -> None:
    config = chosen_preset(__doc__)
    torch.set_num_threads(config.threads)
    every = networks(config)
    progress, rows = Progress("cost", len(every), "networks"), []
    for run in every:
        rows.append(measured(config, run))
        progress.update(len(rows), run.id)
    table = pd.DataFrame(rows)
    with whole_file(runs.results() / "cost.csv") as temporary:
        table.to_csv(temporary, index=False, float_format="%.4g")
    print(table.to_string(index=False, na_rep="", float_format="{:.3g}".format))
    print(f"{len(every)} networks, {table['hours'].sum():.1f} hours with {config.threads} thread(s) each")


if __name__ == "__main__":
    main()
