"""Write the finished weights of a preset's tables into a folder, from which another preset takes them (its key `weights`).

    python -m workflow.publish --config config/cave.yaml results/reference/weights/cave

A published file is small, because large tensors are in half precision, and it says how its network was trained.
"""

import json
from pathlib import Path

import torch

from ssif.checkpoint import differing_keys, load_card, load_weights, save_weights
from ssif.data.raw import sha256
from ssif.data.store import Store
from ssif.errors import UserError
from workflow.config import presets
from workflow.config.schema import Config
from workflow.plan.runs import Run
from workflow.plan.targets import networks, targets
from workflow.steps import stored
from workflow.steps.arguments import parser
from workflow.steps.building import finish, full_identity, open_data, trained
from workflow.steps.processes import program

LARGE = 4096  # numbers of a tensor in half precision; smaller ones, such as the linear map, would save nothing
NOT_LEARNT = ("preset", "weights")  # keys that may differ between two presets with the same network


def file_of(run: Run, folder: str | Path) -> Path:
    """Where the weights of this network are published."""
    return Path(folder, f"{run.id}.safetensors")


def publish(config: Config, run: Run, store: Store, folder: Path) -> Path:
    """Write the finished weights of `run` into `folder`, with the record of its training in the card."""
    model = trained(config, run, store)
    for parameter in model.parameters():
        if parameter.numel() >= LARGE:
            parameter.data = parameter.data.to(torch.float16)
    path = file_of(run, folder)
    save_weights(model, path, load_card(run.weights) | {"record": stored.record(run)})
    return path


def take(config: Config, run: Run, store: Store, model: torch.nn.Module) -> None:
    """Put the published weights of `run`, with the record of their training, where a training would have left them.

    Raises UserError if there are none, or if they were trained with other settings or data.
    """
    path = file_of(run, config.weights)
    record = stored.without_choices(load_card(path).get("record", {}))
    wanted = json.loads(json.dumps(full_identity(config, run, store)))
    differing = differing_keys(*({key: value for key, value in side.items() if key not in NOT_LEARNT}
                                 for side in ({key: record.get(key, "absent") for key in wanted}, wanted)))  # fmt: skip
    if differing:
        raise UserError(f"{path} was not trained with the settings of {config.preset}: {', '.join(differing)}")
    load_weights(model, path)
    origin = {key: value for key, value in record.items() if key not in (*wanted, "parameters")}
    # This replaces the source that was recorded when the weights were published.
    origin["published"] = {"file": path.name, "sha256": sha256(path)}
    finish(config, run, store, model, wanted, origin)


@program
def main() -> None:
    arguments = parser(__doc__)
    arguments.add_argument("folder", type=Path, help="the folder to write, with one file for each network")
    arguments = arguments.parse_args()
    config = presets.load(arguments.config)
    for run in networks(config, [target for name, target in targets(config).items() if name in config.tables]):
        path = publish(config, run, open_data(config, run), arguments.folder)
        print(f"{path}: {path.stat().st_size / 2**20:.2f} MiB")


if __name__ == "__main__":
    main()
