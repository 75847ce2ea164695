"""What a preset will cost, from the arithmetic of its networks, before anything starts."""

from workflow import plan

# Multiply-adds a second that training reaches: measured on one core of a 2023 server CPU; assumed for one H100.
RATE = {"cpu": 1.8e10, "gpu": 1.5e13}
GPU_STEP = 0.012  # seconds a step below which small networks wait for kernel launches, not arithmetic


def multiply_adds(data: plan.Data, channels: int, count: float, k: int) -> float:
    """Multiply-adds of one forward pass of a training batch, averaged over the LR sizes (a backward pass costs two).

    `count` bands of `k` wavelengths each pass the spectral encoder; k = 0 for a network without one.
    """
    network, training = data.network, data.training
    encoder, hidden = dict(network.encoder), network.hidden
    width = encoder.get("channels", 64)
    if encoder.get("name") == "rdn":
        blocks, layers, growth = (
            encoder.get(key, default) for key, default in (("blocks", 16), ("layers", 8), ("growth", 64))
        )
        dense = sum(9 * (width + i * growth) * growth for i in range(layers)) + (width + layers * growth) * width
        pixel = blocks * dense + blocks * width**2 + 9 * (channels * width + 2 * width**2)
    else:
        pixel = 9 * (channels * width + (2 * encoder.get("blocks", 16) + 1) * width**2)
    pixel += 9 * width * hidden
    query = 4 * (3 * hidden**2 + 3 * hidden) + hidden * count
    spectral = count * k * network.spectral_hidden * (2 * network.frequencies + network.dim)
    pixels = training.batch * sum(size**2 for size in training.lr_sizes) / len(training.lr_sizes)
    return pixels * (pixel + query) + spectral


def seconds(config: plan.Config, run: plan.Run) -> dict[str, float]:
    """Estimated training time of a run on one CPU core ("cpu") and on one H100-class GPU ("gpu")."""
    data = config.datasets[run.dataset]
    if run.method == "bicubic":
        return {"cpu": 5.0, "gpu": 5.0}
    count = run.count or sum(data.counts.train) / 2
    work = 3 * multiply_adds(data, 4, count, data.network.k if run.count is None else 0)
    steps = data.training.steps
    return {"cpu": steps * work / RATE["cpu"], "gpu": steps * max(work / RATE["gpu"], GPU_STEP)}


def summary(config: plan.Config) -> str:
    """One line: how many networks of what, and about how long in all."""
    runs = plan.table_runs(config)
    total = {key: sum(seconds(config, run)[key] for run in runs) / 3600 for key in RATE}
    return (
        f"preset {config.preset}: {len(runs)} runs on {', '.join(sorted({run.dataset for run in runs}))}; training is about"
        f" {_hours(total['cpu'])} of one CPU core or {_hours(total['gpu'])} of one H100-class GPU (finished runs are kept)"
    )


def _hours(hours: float) -> str:
    return f"{hours * 60:.0f} min" if hours < 2 else f"{hours:.0f} h"
