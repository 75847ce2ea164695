"""Which runs have imported weights instead of a training (`workflow.import_weights`). Plain Python, no torch."""

import json

from workflow.config.schema import Config
from workflow.plan.runs import Run
from workflow.plan.targets import Target, networks


def origin(network: Run) -> str | None:
    """The file of imported weights, "_epoch_152.pth (sha256 0123456789ab)"; None if the weights were trained or are missing."""
    if not network.weights.exists():
        return None
    try:
        source = json.loads((network.folder / "config.json").read_text())["imported"]
        return f"{source['file']} (sha256 {source['sha256'][:12]})"
    except (OSError, ValueError, KeyError, TypeError):
        # If the file is broken, the program that needs it reports the error.
        return None


def lines(config: Config, target: Target) -> list[str]:
    """The lines under a table that say which of its networks have imported weights, and from where; none without any."""
    found = {network.id: origin(network) for network in networks(config, [target])}
    named = [f"{name.removeprefix(f'{target.dataset}.')} from {file}" for name, file in found.items() if file]
    return [f"Imported weights, not trained here: {'; '.join(named)}."] if named else []
