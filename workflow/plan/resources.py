"""The memory, time, GPU and CPUs that a job asks of a cluster, from the sizes of its preset. Plain Python, no torch.

Estimates on the large side, from measurements on one CPU core. A job that is killed for memory or time is tried again with
more, and a training goes on from where it was. `workflow.cost` measures what trainings cost on a machine.
"""

from math import ceil, prod

from workflow.config.schema import Config
from workflow.methods import family, network
from workflow.plan import runs
from workflow.plan.runs import Run

BASE = 1500  # MB of Python with torch, and of the Snakemakes that start it
COPIES = 4  # size in memory over that of the prepared file, because the data are unpacked to float32 and stacked
LONGEST = 24 * 60  # minutes; a training that takes longer continues in the next attempt
FIRST = 20  # minutes before and after the actual work, on a slow disk
# Numbers kept for the backward pass, for each pixel of a batch and unit of size (the product of SIZES).
KEPT = {"rcan": 1, "awan": 20, "sspsr": 16, "mog-dcn": 400, "ssjsr": 40, "us3rn": 5000, "land_use": 20}
UNKNOWN = 400  # for a block that was not measured
SIZES = ("groups", "blocks", "channels", "width", "kernels")
# Seconds of a step per number kept: of a field, of another network, and on a GPU, where a step also takes at least SHORTEST.
FIELD, GRID, GPU, SHORTEST = 1e-7, 3e-7, 2e-10, 0.25
# Seconds of an evaluation per MB of data, per p and per number that would be kept for the backward pass.
SCORED, SCORED_ON_GPU = 2.4e-4, 1.2e-5


def memory(config: Config, networks: list[Run], data_mb: float, attempt: int, training: bool) -> int:
    """MB of a job that trains or uses these networks, on a data set of this size on the disk; it doubles with each attempt."""
    needed = BASE + COPIES * data_mb
    if training and not gpu(config, networks):
        needed += max((_kept(config, run) for run in networks), default=0) * 4 / 2**20
    return ceil(needed * 2 ** (attempt - 1))


def minutes(config: Config, networks: list[Run], data_mb: float, attempt: int, training: bool) -> int:
    """Minutes of the same job; more at each attempt, but never above LONGEST."""
    if training:
        seconds = sum(_steps(config, run) * _step_seconds(config, run) for run in networks)
    else:
        rate = SCORED_ON_GPU if gpu(config, networks) else SCORED / config.threads
        scales = len(config.datasets[networks[0].dataset].scales.test)
        seconds = rate * data_mb * scales * sum(_kept_for_a_pixel(config, run) for run in networks)
    return min(ceil(FIRST + seconds / 60) * attempt, LONGEST)


def gpu(config: Config, networks: list[Run]) -> int | None:
    """The number of GPUs of the same job, None for none. Fitted maps need no GPU unless the preset says `cuda`."""
    fitted = all(family(run.method) == "map" for run in networks)
    return None if config.device == "cpu" or (fitted and config.device == "auto") else 1


def cpus_per_gpu(config: Config, networks: list[Run]) -> int | None:
    """The number of CPUs beside the GPU of the same job, None for a job without a GPU."""
    return config.threads if gpu(config, networks) else None


def _steps(config: Config, run: Run) -> int:
    return 0 if family(run.method) == "map" else runs.settings(config, run)[1].steps


def _step_seconds(config: Config, run: Run) -> float:
    if gpu(config, [run]):
        return SHORTEST + GPU * _kept(config, run)
    return (FIELD if family(run.method) == "field" else GRID) * _kept(config, run) / config.threads


def _kept(config: Config, run: Run) -> int:
    """Numbers that the backward pass keeps in a step."""
    return _pixels(config, run) * _kept_for_a_pixel(config, run)


def _pixels(config: Config, run: Run) -> int:
    """Pixels of the largest batch: LR pixels of the crops times queries for a field, HR pixels on a grid, those of all
    windows."""
    sizes, training = runs.settings(config, run)
    match family(run.method):
        case "field":
            return training.batch * max(training.lr_sizes) ** 2 * training.queries
        case "grid":
            scale = run.scale or 1
            return training.batch * (training.lr_size(scale) * scale) ** 2
        case "classifier":
            return training.batch * sizes["patch"] ** 2 * config.datasets[run.dataset].full_count
    return 0


def _kept_for_a_pixel(config: Config, run: Run) -> int:
    sizes, _ = runs.settings(config, run)
    match family(run.method):
        case "map":
            return 0
        case "field":
            encoder = sizes["encoder"]
            # Sizes that the preset does not give are those of EDSR-baseline.
            layers = encoder.get("blocks", 16) * encoder.get("layers", 2)
            width = encoder.get("growth", encoder.get("width", encoder.get("channels", 64)))
            return 12 * sizes["hidden"] + layers * width
    return KEPT.get(network(run.method).block, UNKNOWN) * prod(sizes[key] for key in SIZES if key in sizes)
