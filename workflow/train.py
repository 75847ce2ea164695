"""Train (or fit) one run and write its weights, its configuration and its curve.

    python -m workflow.train --run indian_pines.ssif-rf-uf.s0 [--config config/standard.yaml]

Needs the prepared data set and, for some runs, the finished networks that they start from; neither Snakemake nor a
connection. Killed and started again, it goes on where it was.
"""

import json
import shutil
import sys
import time

import torch

from ssif.errors import exit_cleanly
from ssif.training import Interrupted
from workflow import targets
from workflow.arguments import chosen_run
from workflow.building import build, device, finish, full_identity, open_data
from workflow.learning import learn
from workflow.provenance import provenance


@exit_cleanly
def main() -> None:
    config, run = chosen_run(__doc__, targets.networks)
    torch.set_num_threads(config.threads)
    store = open_data(config, run)
    started, origin = time.monotonic(), provenance(device(config))
    model = build(config, run, store)
    identity = full_identity(config, run, store)
    try:
        learn(model, config, run, store, identity)
    except Interrupted as stop:
        print(stop, file=sys.stderr)
        sys.exit(128 + stop.number)

    curve = run.state / "train.jsonl"
    seconds = (
        json.loads(curve.read_text().splitlines()[-1])["seconds"] if curve.exists() else time.monotonic() - started
    )
    record = identity | {"seconds": round(seconds, 1)}
    finish(config, run, store, model, record, origin, curve.read_text() if curve.exists() else "")
    shutil.rmtree(run.state, ignore_errors=True)


if __name__ == "__main__":
    main()
