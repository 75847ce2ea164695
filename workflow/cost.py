"""What a preset will cost, from the arithmetic of its networks, before anything starts."""

from workflow import arithmetic, plan
from workflow.models import network
from workflow.presets import Config

# Multiply-adds a second that training reaches: measured on one core of a 2023 server CPU (2-D convolutions 2.2 to 3.7e10;
# neural fields and SSJSR's 3-D convolutions of few channels apart); assumed for one H100.
CPU_RATE = 3e10
CPU_RATE_OF_BLOCK = {None: 1.8e10, "ssjsr": 0.7e10}
GPU_RATE = 1.5e13
GPU_STEP = 0.012  # seconds a step below which small networks wait for kernel launches, not arithmetic


def seconds(config: Config, run: plan.Run) -> dict[str, float] | None:
    """Estimated training time of a network on one CPU core ("cpu") and on one H100-class GPU ("gpu").

    None where `workflow.arithmetic` does not know the network.
    """
    if run.method == "bicubic":
        return {"cpu": 5.0, "gpu": 5.0}
    data = config.datasets[run.dataset]
    sizes, training = plan.settings(config, run)
    block = network(run.method).block
    # Four input bands stand for any sensor's.
    if block is None:
        count = run.count or sum(data.counts.train) / 2
        work = arithmetic.field(data, 4, count, data.network.k if run.count is None else 0)
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
    """One line: how many networks of what, and about how long in all."""
    runs = plan.networks(config, plan.table_rows(config))
    known = {run: cost for run in runs if (cost := seconds(config, run))}
    unknown = sorted({run.method for run in runs if run not in known})
    total = {key: sum(cost[key] for cost in known.values()) / 3600 for key in ("cpu", "gpu")}
    return (
        f"preset {config.preset}: {len(runs)} networks on {', '.join(sorted({run.dataset for run in runs}))}; training is about"
        f" {_hours(total['cpu'])} of one CPU core or {_hours(total['gpu'])} of one H100-class GPU (finished ones are kept)"
        + (f", not counting {', '.join(unknown)}" if unknown else "")
    )


def _hours(hours: float) -> str:
    return f"{hours * 60:.0f} min" if hours < 2 else f"{hours:.0f} h"
