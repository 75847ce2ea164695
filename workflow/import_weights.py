"""Put published weights in the place of a run's weights, so that the run is scored without a training.

    python -m workflow.import_weights --run cave.us3rn.p4.C31.s0 _epoch_152.pth --config config/paper.yaml

Needs the prepared data set. docs/published-weights.md lists the releases that fit each run. To train the run after all, delete
its folder in results/runs.
"""

from pathlib import Path

import torch

from baselines.releases import load_release
from ssif.data.raw import sha256
from ssif.data.store import Store
from ssif.errors import UserError, flat
from workflow.config import presets
from workflow.config.schema import Config
from workflow.plan import imported, runs
from workflow.plan.runs import Run
from workflow.plan.targets import networks
from workflow.steps.arguments import parser
from workflow.steps.building import build, device, finish, full_identity, open_data
from workflow.steps.processes import alone, program
from workflow.steps.provenance import provenance


def import_weights(config: Config, run: Run, store: Store, file: Path) -> None:
    """Fill the run's network from `file` and write its weights, configuration and an empty curve.

    Raises UserError if the file does not fit the network, and if the run has weights that were trained here.
    """
    if run.weights.exists() and not imported.origin(run):
        raise UserError(f"{run.id} has trained weights already; delete {run.folder} to replace them")
    model = build(config, run, store)
    load_release(model, file)
    source = {"file": flat(file.name), "sha256": sha256(file)}
    record = full_identity(config, run, store) | {"seconds": 0.0, "imported": source}
    finish(config, run, store, model, record, provenance(device(config)))


@program
def main() -> None:
    arguments = parser(__doc__)
    arguments.add_argument("--run", required=True, help="the run's id, e.g. cave.us3rn.p4.C31.s0")
    arguments.add_argument("file", type=Path, help="the weights as released, a PyTorch file or safetensors")
    arguments = arguments.parse_args()
    config = presets.load(arguments.config)
    run = runs.find(networks(config), arguments.run)
    torch.set_num_threads(config.threads)
    with alone(run, "training"):
        import_weights(config, run, open_data(config, run), arguments.file)
    print(run.weights)


if __name__ == "__main__":
    main()
