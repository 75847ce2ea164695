"""Rendering a neural field on a pixel grid: one trunk pass serves any number of band sets."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from ssif.bands import Bands
from ssif.coordinates import pixel_coordinates

# Queries a pass. On a CPU the four activations of width 256 for each then take 8 MiB and stay in its cache.
CHUNK = {"cpu": 2048, "cuda": 65536}


@torch.inference_mode()
def render(model, lr_msi: Tensor, size: tuple[int, int], targets: Sequence[Bands]) -> list[Tensor]:
    """LR-MSI [N, c, h, w] in [0, 1] -> for each of `targets` an image [N, C, H, W] in [0, 1], float32.

    Encodes once, then goes through the pixels in chunks; the chunk halves itself where memory runs out.
    """
    height, width = size
    n, device = len(lr_msi), lr_msi.device
    with torch.autocast("cuda", dtype=torch.bfloat16, enabled=device.type == "cuda"):
        encoded = model.encode(lr_msi)
    readouts = [model.readout(bands) for bands in targets]
    images = [torch.empty(n, len(bands), height * width, device=device) for bands in targets]
    cell = torch.tensor([2 / height, 2 / width], device=device).expand(n, 2)

    def one_chunk(start: int, stop: int) -> None:
        index = torch.arange(start, stop, device=device)
        query = pixel_coordinates(index, height, width).expand(n, -1, 2)
        with torch.autocast("cuda", dtype=torch.bfloat16, enabled=device.type == "cuda"):
            hidden = model.trunk(encoded, query, cell)
            for image, readout in zip(images, readouts):
                values = (readout(hidden).float() + 1) / 2
                image[..., start:stop] = values.clamp(0, 1).transpose(1, 2)

    in_chunks(one_chunk, height * width, CHUNK[device.type])
    return [image.unflatten(-1, (height, width)) for image in images]


def in_chunks(work: Callable[[int, int], None], total: int, chunk: int) -> None:
    """Call `work(start, stop)` over range(total); halve the chunk and try again where memory runs out."""
    start = 0
    while start < total:
        try:
            work(start, min(start + chunk, total))
        except (MemoryError, RuntimeError) as error:
            if chunk == 1 or not _out_of_memory(error):
                raise
            chunk //= 2
            continue
        start += chunk


def _out_of_memory(error: Exception) -> bool:
    # The CPU allocator raises a plain RuntimeError.
    return isinstance(error, (MemoryError, torch.OutOfMemoryError)) or "can't allocate memory" in str(error)
