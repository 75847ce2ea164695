"""The training loop, one for every model that learns by steps. Read it from top to bottom."""

import json
import math
import signal
import time
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel

from ssif import parallel
from ssif.checkpoint import load_state, save_state
from ssif.errors import UserError
from ssif.io import whole_file
from ssif.progress import Progress

LOG_EVERY = 50  # steps between two lines of train.jsonl
SAVE_EVERY = 60  # seconds between two saved states


class Interrupted(Exception):
    """A signal (`number`: SIGTERM or SIGINT) stopped the training; the state is saved."""

    def __init__(self, number: int, step: int):
        name = signal.Signals(number).name
        super().__init__(f"stopped by {name} after step {step}; the same command goes on from there")
        self.number = number


@dataclass(frozen=True)
class Schedule:
    """`steps` steps of Adam with the initial `rate`; `decay`: fraction of the budget -> share of the rate that is left."""

    steps: int
    rate: float
    decay: Callable[[float], float]

    def at(self, step: int) -> float:
        """Learning rate of step 0, 1, ..."""
        return self.rate * self.decay(step / self.steps)


def halving(*fractions: float) -> Callable[[float], float]:
    """A decay that halves the rate at each of these fractions of the budget."""
    return lambda done: 0.5 ** sum(done >= fraction for fraction in fractions)


def cosine(done: float) -> float:
    """A decay along half a cosine, to zero at the end of the budget."""
    return (1 + math.cos(math.pi * done)) / 2


@dataclass(frozen=True)
class Validation:
    """`score(model)`, evaluated every `every` steps, decides which weights a training ends with; higher is better."""

    every: int
    score: Callable[[nn.Module], float]


@dataclass(frozen=True)
class Recipe:
    """What a network learns from: `draw(step)` is the batch of a step; `decay` as in `Schedule`.

    afterwards: returns a part of the network that is trained when the rest is finished, its `draw` and its schedule.
    """

    draw: Callable[[int], object]
    decay: Callable[[float], float]
    validation: Validation | None = None
    afterwards: Callable[[], tuple[nn.Module, Callable[[int], object], Schedule]] | None = None


def train(
    model: nn.Module,
    draw: Callable[[int], object],
    schedule: Schedule,
    folder: Path,
    config: dict,
    label: str,
    validation: Validation | None = None,
    precision: torch.dtype = torch.float32,
    average: float = 0.0,
) -> None:
    """Train `model` in place; resume from a state in `folder`; write the loss curve to `folder`/train.jsonl.

    draw: gives the batch of a step as a function of the step alone, so that a resumed run is equal to an uninterrupted run
    bit for bit on the same machine. config: identifies the run; a state of another run is refused. precision: with
    torch.bfloat16, matrix products are in bfloat16; weights, sums of gradients, coordinates and the loss stay in float32.

    The training ends with the last weights, or with a `validation` with the weights that scored best first, or with `average`
    with the exponential mean of the weights of all steps, of which each step keeps at most this share. Raises UserError for a
    loss that is not finite, naming the step and the scenes of its batch, and Interrupted after SIGTERM or Ctrl-C.
    """
    parallel.check(model)
    device = next(model.parameters()).device
    if precision == torch.bfloat16:
        # A convolution in bfloat16 takes two thirds of the time when the channels of a pixel lie side by side.
        model.to(memory_format=torch.channels_last)
    # Otherwise cuDNN may choose algorithms by their time, and another order of sums would break bit-equal resumes.
    torch.backends.cudnn.benchmark, torch.backends.cudnn.deterministic = False, True
    optimiser = torch.optim.Adam(model.parameters(), lr=schedule.rate, fused=True)
    averaged = AveragedModel(model, multi_avg_fn=_mean_of_steps(average)) if average else None

    state_path = folder / "state.pt"
    first, elapsed, losses, curve, scored, best = 0, 0.0, [], [], None, None
    if state := load_state(state_path, config, device):
        model.load_state_dict(state["model"])
        optimiser.load_state_dict(state["optimiser"])
        if averaged:
            averaged.load_state_dict(state["averaged"])
        first, elapsed, curve = state["step"], state["elapsed"], state["curve"]
        scored, best = state["scored"], state["best"]
        losses = list(state["losses"].to(device).unbind())
    start = saved = time.monotonic()

    def save(step: int) -> None:
        _check_finite(losses, step, draw)
        if not parallel.first():
            return
        save_state(state_path, config, {
            "model": model.state_dict(),
            "optimiser": optimiser.state_dict(),
            "averaged": averaged.state_dict() if averaged else None,
            "step": step,
            "elapsed": elapsed + time.monotonic() - start,
            "losses": torch.stack(losses) if losses else torch.zeros(0),
            "curve": curve,
            "scored": scored,
            "best": best,
        })  # fmt: skip
        write_curve()

    def write_curve() -> None:
        if not parallel.first():
            return
        with whole_file(folder / "train.jsonl") as temporary:
            temporary.write_text("".join(json.dumps(line) + "\n" for line in curve))

    model.train()
    progress = Progress(label, schedule.steps, "steps", first)
    with _noted_signals() as came:
        for step in range(first, schedule.steps):
            batch, share = parallel.share(draw(step))
            for group in optimiser.param_groups:
                group["lr"] = schedule.at(step)
            # bfloat16 has the range of float32, so the loss needs no scaling; coordinates stay float32 inside the model.
            with torch.autocast(device.type, dtype=torch.bfloat16, enabled=precision == torch.bfloat16):
                loss = share * model.loss(batch)
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            loss = parallel.add_up(loss.detach(), model)
            optimiser.step()
            if averaged:
                averaged.update_parameters(model)
            losses.append(loss)

            done = step + 1
            if validation and (done % validation.every == 0 or done == schedule.steps):
                model.eval()
                scored = validation.score(model)
                model.train()
                if best is None or scored > best["score"]:
                    weights = {name: value.clone() for name, value in model.state_dict().items()}
                    best = {"score": scored, "weights": weights}
            # Reading a loss waits for the GPU, so it is not done at every step.
            if done % LOG_EVERY == 0 or done == schedule.steps:
                _check_finite(losses, done, draw)
                mean = torch.stack(losses).mean().item()
                losses = []
                seconds = elapsed + time.monotonic() - start
                curve.append({"step": done, "loss": mean, "rate": schedule.at(step), "seconds": round(seconds, 2)})
                if scored is not None:
                    curve[-1]["validation"], scored = scored, None
                if parallel.first():
                    progress.update(done, f"loss {mean:.5f}")
            # A signal reaches the processes at different steps, and all must stop at the same one.
            if number := parallel.largest(came[0] if came else 0):
                save(done)
                raise Interrupted(number, done)
            if time.monotonic() - saved > SAVE_EVERY:
                save(done)
                saved = time.monotonic()
    if averaged:
        model.load_state_dict(averaged.module.state_dict())
    if best:
        model.load_state_dict(best["weights"])
    model.eval()
    write_curve()


def _mean_of_steps(average: float) -> Callable[[list, list, torch.Tensor], None]:
    """The update of the mean of the weights after a step.

    In early steps the mean keeps less. Otherwise a short training would end near its first weights: 900 steps at 0.998 would
    keep 16 % of them.
    """

    def update(mean: list[torch.Tensor], weights: list[torch.Tensor], steps: torch.Tensor) -> None:
        kept = min(average, (1 + int(steps)) / (10 + int(steps)))
        torch._foreach_lerp_(mean, weights, 1 - kept)

    return update


def _check_finite(losses: list[torch.Tensor], done: int, draw: Callable[[int], object]) -> None:
    """Raise UserError for the first loss that is not finite, of the last len(losses) steps."""
    bad = torch.nonzero(~torch.isfinite(torch.stack(losses))) if losses else ()
    if len(bad):
        step = done - len(losses) + int(bad[0])
        raise UserError(
            f"the loss of step {step} is not finite (batch of scenes {draw(step).scenes.tolist()}); the state was not"
            " saved. A lower learning rate usually helps"
        )


@contextmanager
def _noted_signals():
    """Catch SIGTERM and SIGINT in the block and append them to the list that it yields, instead of ending the process."""
    came = []
    before = {number: signal.signal(number, lambda n, _: came.append(n)) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield came
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
