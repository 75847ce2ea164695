"""What the programs share that look at one finished run: its id on the command line, its lock, its data."""

from collections.abc import Callable

import torch

from ssif.data.store import Store
from workflow.config.schema import Config
from workflow.plan.runs import Run
from workflow.steps.arguments import chosen_run
from workflow.steps.building import open_data
from workflow.steps.processes import alone


def on_chosen_run(
    documentation: str, known: Callable[[Config], list[Run]], kind: str, work: Callable[[Config, Run, Store], None]
) -> None:
    """Call `work(config, run, store)` for the run of --run, one of `known`, under the lock of this `kind` of work."""
    config, run = chosen_run(documentation, known)
    with alone(run, kind):
        torch.set_num_threads(config.threads)
        work(config, run, open_data(config, run))
