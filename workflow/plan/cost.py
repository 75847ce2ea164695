"""What a preset will cost, from the arithmetic of its networks, before anything starts."""

from collections import Counter
from collections.abc import Iterable

from workflow.config.presets import changed
from workflow.config.schema import Config
from workflow.methods import is_classifier, network
from workflow.plan import arithmetic, runs
from workflow.plan.runs import Run
from workflow.plan.targets import networks, targets

# Multiply-adds a second that training reaches: measured on one core of a 2023 server CPU (2-D convolutions 2.2 to 3.7e10;
# neural fields and 3-D convolutions of few channels apart); assumed for one H100.
CPU_RATE = 3e10
CPU_RATE_OF_BLOCK = {None: 1.8e10, "ssjsr": 0.7e10, "land_use": 1.2e10}
GPU_RATE = 1.5e13
GPU_STEP = 0.012  # seconds a step below which small networks wait for kernel launches, not arithmetic


def seconds(config: Config, run: Run) -> dict[str, float] | None:
    """Estimated training time of a network on one CPU core ("cpu") and on one H100-class GPU ("gpu").

    A few seconds where published weights are taken; None where `workflow.plan.arithmetic` does not know the network.
    """
    if run.method == "bicubic" or config.weights:
        return {"cpu": 5.0, "gpu": 5.0}
    data = config.datasets[run.dataset]
    sizes, training = runs.settings(config, run)
    block = network(run.method).block
    # Four input bands stand for any sensor's.
    if block is None:
        count, its = run.count or sum(data.counts.train) / 2, network(run.method)
        decoder = {key: value for key, value in its.fixed.items() if key == "pixel_decoder"}
        work = arithmetic.field(changed(runs.for_field(config, run), decoder, run.id), 4, count, its.uses("k"))
    elif is_classifier(run.method):
        work = training.batch * arithmetic.a2s2k(data.full_count, **sizes)
    elif block not in arithmetic.ON_GRID:
        return None
    else:
        scale = run.scale or 1
        pixels = training.batch * training.lr_size(scale) ** 2
        work = pixels * arithmetic.ON_GRID[block](4, run.count, scale, **sizes)
    return {
        "cpu": training.steps * 3 * work / CPU_RATE_OF_BLOCK.get(block, CPU_RATE),
        "gpu": training.steps * max(3 * work / GPU_RATE, GPU_STEP),
    }


def summary(config: Config) -> str:
    """The networks that each table and figure adds to those before it, and about how long they train; the total first."""
    lines, every = [], {}
    for name, target in targets(config).items():
        new = {run: seconds(config, run) for run in networks(config, [target]) if run not in every}
        every |= new
        kinds = Counter(run.method for run in new)
        kinds = ", ".join(f"{count} {method}" if count > 1 else method for method, count in kinds.items())
        place = "cpu" if config.device == "cpu" else "gpu"
        added = f"{len(new)} more, {_hours(new.values(), place)}: {kinds}" if new else "none more"
        lines.append(f"  {name} on {target.dataset}: {added}")
    unknown = sorted({run.method for run, cost in every.items() if not cost})
    head = (
        f"preset {config.preset}: {len(every)} networks; training is about {_hours(every.values(), 'cpu')} of one CPU core"
        f" or {_hours(every.values(), 'gpu')} of one H100-class GPU (finished ones are kept)"
    )
    return "\n".join([head + (f", not counting {', '.join(unknown)}" if unknown else ""), *lines])


def _hours(costs: Iterable[dict | None], place: str) -> str:
    hours = sum(cost[place] for cost in costs if cost) / 3600
    return f"{hours * 60:.0f} min" if hours < 2 else f"{hours:.0f} h"
