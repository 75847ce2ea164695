"""One training on several processes, which torchrun starts: each computes its share of every batch, and all take the same step.

Every process draws the whole batch, which is a function of the step, and keeps its part of the samples. The gradients of all
parts are added up, each weighted by its share of the batch, so that the sum is the gradient of the mean over the whole batch.
In one process, the functions here change nothing.
"""

import dataclasses
import os
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, distributed, nn

from ssif.errors import UserError


@contextmanager
def together(device: torch.device) -> Iterator[None]:
    """Join the processes that torchrun started (its variable WORLD_SIZE) for the block; each has its own `device`."""
    several = int(os.environ.get("WORLD_SIZE", 1)) > 1
    if several:
        # gloo as well on GPUs: signals are agreed on without waiting for a GPU.
        distributed.init_process_group("cpu:gloo,cuda:nccl" if device.type == "cuda" else "gloo")
    try:
        yield
    finally:
        if several:
            distributed.destroy_process_group()


def count() -> int:
    """How many processes train together."""
    return distributed.get_world_size() if distributed.is_initialized() else 1


def first() -> bool:
    """Whether this is the process that writes files and progress."""
    return count() == 1 or distributed.get_rank() == 0


def check(model: nn.Module) -> None:
    """Raise UserError for a network that normalises across a batch, because its loss is not a mean over the samples."""
    if count() > 1 and any(isinstance(module, nn.modules.batchnorm._BatchNorm) for module in model.modules()):
        raise UserError("this network normalises across a batch, so it is trained by one process: leave out torchrun")


def share(batch) -> tuple[object, float]:
    """The samples of a batch for this process, and their share of the batch. The first axis of all tensors counts the samples.

    Raises UserError for a batch with fewer samples than there are processes.
    """
    if count() == 1:
        return batch, 1.0
    samples = len(batch.scenes)
    if samples < count():
        raise UserError(f"a batch of {samples} is too small for {count()} processes")
    parts = {
        field.name: value.tensor_split(count())[distributed.get_rank()]
        for field in dataclasses.fields(batch)
        if isinstance(value := getattr(batch, field.name), Tensor)
    }
    return dataclasses.replace(batch, **parts), len(parts["scenes"]) / samples


@torch.no_grad()
def add_up(loss: Tensor, model: nn.Module) -> Tensor:
    """Replace the gradients of `model` by their sum over the processes, and return the sum of the losses."""
    if count() > 1:
        gradients = [parameter.grad for parameter in model.parameters() if parameter.grad is not None]
        # Send all gradients in one message.
        sums = torch.cat([loss.reshape(1), *(gradient.flatten() for gradient in gradients)])
        distributed.all_reduce(sums)
        loss, *parts = sums.split([1, *(gradient.numel() for gradient in gradients)])
        for gradient, part in zip(gradients, parts):
            gradient.copy_(part.view(gradient.shape))
    return loss.reshape(())


def largest(number: int) -> int:
    """The largest of the numbers that the processes give."""
    if count() == 1:
        return number
    found = torch.tensor(number)
    distributed.all_reduce(found, distributed.ReduceOp.MAX)
    return int(found)


def wait() -> None:
    """Wait until all processes are here."""
    largest(0)
