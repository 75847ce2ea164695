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

from ssif.checkpoint import save_weights
from ssif.errors import exit_cleanly
from ssif.io import whole_file
from ssif.training import Interrupted
from workflow import targets
from workflow.arguments import chosen_run
from workflow.building import build, card, device, full_identity, open_data
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
    parameters = sum(p.numel() for p in model.parameters())
    record = identity | {"parameters": parameters, "seconds": round(seconds, 1)} | origin
    with whole_file(run.folder / "config.json") as temporary:
        temporary.write_text(json.dumps(record, indent=2) + "\n")
    with whole_file(run.folder / "train.jsonl") as temporary:
        temporary.write_text(curve.read_text() if curve.exists() else "")
    save_weights(model, run.weights, card(config, run, store, model, origin))
    shutil.rmtree(run.state, ignore_errors=True)


if __name__ == "__main__":
    main()
