"""What a preset trains, in words, before anything starts. `workflow.cost` measures what the training costs."""

from collections import Counter

from workflow.config.schema import Config
from workflow.plan.targets import networks, targets


def summary(config: Config) -> str:
    """The number of networks, and a line for each table and figure with the networks that it adds to those before."""
    lines, every = [], set()
    for name, target in targets(config).items():
        new = [run for run in networks(config, [target]) if run not in every]
        every |= set(new)
        kinds = Counter(run.method for run in new)
        kinds = ", ".join(f"{count} {method}" if count > 1 else method for method, count in kinds.items())
        lines.append(f"  {name} on {target.dataset}: {f'{len(new)} more: {kinds}' if new else 'none more'}")
    work = "taken from published weights" if config.weights else "to train (finished ones are kept)"
    return "\n".join([f"preset {config.preset}: {len(every)} networks {work}", *lines])
