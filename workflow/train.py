"""Train (or fit) one run and write its weights, configuration and curve. A preset with `weights` takes published ones.

    python -m workflow.train --run indian_pines.ssif-rf-uf.s0 [--config config/standard.yaml]

Needs the prepared data set and, for some runs, the finished networks that they start from, but neither Snakemake nor a network
connection. If it is killed and started again, it continues. Under torchrun, several processes share each batch:

    torchrun --nproc-per-node 4 -m -- workflow.train --run indian_pines.ssif-rf-uf.s0
"""

import json
import shutil
import sys
import time
from contextlib import nullcontext
from pathlib import Path

import torch

from ssif import parallel
from ssif.checkpoint import OtherState
from ssif.training import Interrupted
from workflow.config.schema import Config
from workflow.plan import fingerprints, runs, targets
from workflow.plan.runs import Run
from workflow.publish import take
from workflow.steps.arguments import chosen_run
from workflow.steps.building import build, device, finish, full_identity, open_data
from workflow.steps.learning import learn, precision
from workflow.steps.processes import alone, program
from workflow.steps.provenance import provenance


def set_aside(state: Path, other: OtherState) -> None:
    """Move unfinished work of other settings aside, replacing any that was moved before, and print a line."""
    aside = state.with_name(f"{state.name}.old")
    shutil.rmtree(aside, ignore_errors=True)
    state.rename(aside)
    print(
        f"{state} is unfinished work of other settings, data or code ({other.differing}); it was moved to {aside}, and the training starts afresh",
        file=sys.stderr,
        flush=True,
    )


def work(config: Config, run: Run) -> None:
    torch.set_num_threads(config.threads)
    store = open_data(config, run)
    started, origin = time.monotonic(), provenance(device(config))
    model = build(config, run, store)
    if config.weights:
        take(config, run, store, model)
        return
    identity = full_identity(config, run, store)
    # A state is only continued by the code that began it.
    unfinished = identity | {"code": fingerprints.of_job(*runs.training_modules(config, run))}
    try:
        try:
            learn(model, config, run, store, unfinished)
        except OtherState as other:
            # All processes must have read the state before it is moved.
            parallel.wait()
            if parallel.first():
                set_aside(run.state, other)
            parallel.wait()
            learn(model, config, run, store, unfinished)
    except Interrupted as stop:
        if parallel.first():
            print(stop, file=sys.stderr)
        sys.exit(128 + stop.number)
    if not parallel.first():
        return

    curve = run.state / "train.jsonl"
    # There is one state for each part of the training, and none for a fitted map.
    ends = [json.loads(path.read_text().splitlines()[-1]) for path in run.state.rglob("train.jsonl")]
    seconds = sum(end["seconds"] for end in ends) if ends else time.monotonic() - started
    record = identity | {"seconds": round(seconds, 1)}
    if parallel.count() > 1:
        record["processes"] = parallel.count()
    if ends:
        record["trained_in"] = str(precision(config)).removeprefix("torch.")
    finish(config, run, store, model, record, origin, curve.read_text() if curve.exists() else "")
    shutil.rmtree(run.state, ignore_errors=True)


@program
def main() -> None:
    config, run = chosen_run(__doc__, targets.networks)
    with parallel.together(device(config)), alone(run, "training") if parallel.first() else nullcontext():
        work(config, run)


if __name__ == "__main__":
    main()
