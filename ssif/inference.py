"""Rendering a neural field on a pixel grid, with one pass of the trunk for any number of band sets."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from ssif.bands import Bands
from ssif.coordinates import pixel_centres

# Queries per pass. With 2048 queries on a CPU, the four activations of width 256 take 8 MiB and stay in the cache.
CHUNK = {"cpu": 2048, "cuda": 65536}


def render(model, lr_msi: Tensor, size: tuple[int, int], targets: Sequence[Bands]) -> list[Tensor]:
    """LR-MSI [N, c, h, w] in [0, 1] -> for each of `targets` an image [N, C, H, W] in [0, 1], float32.

    Encodes once, then renders the pixels in chunks, which are halved if memory runs out.
    """
    height, width = size
    rows, columns = (pixel_centres(n, lr_msi.device) for n in size)
    return render_at(model, lr_msi, rows, columns, (2 / height, 2 / width), targets)


@torch.inference_mode()
def render_at(
    model, lr_msi: Tensor, rows: Tensor, columns: Tensor, cell: tuple[float, float], targets: Sequence[Bands]
) -> list[Tensor]:
    """As `render`, for HR pixels of size `cell` centred at `rows` [H] and `columns` [W] in the [-1, 1] of the LR image."""
    n, device, width = len(lr_msi), lr_msi.device, len(columns)
    autocast = torch.autocast("cuda", dtype=torch.bfloat16, enabled=device.type == "cuda")
    with autocast:
        encoded = model.encode(lr_msi)
    readouts = [model.readout(bands) for bands in targets]
    images = [torch.empty(n, len(bands), len(rows) * width, device=device) for bands in targets]
    cell = torch.tensor(cell, device=device).expand(n, 2)

    def one_chunk(start: int, stop: int) -> None:
        index = torch.arange(start, stop, device=device)
        place = rows[torch.div(index, width, rounding_mode="floor")], columns[index % width]
        query = torch.stack(place, dim=-1).expand(n, -1, 2)
        with autocast:
            hidden = model.trunk(encoded, query, cell)
            for image, readout in zip(images, readouts):
                values = (readout(hidden).float() + 1) / 2
                image[..., start:stop] = values.clamp(0, 1).transpose(1, 2)

    in_chunks(one_chunk, len(rows) * width, CHUNK[device.type])
    return [image.unflatten(-1, (len(rows), width)) for image in images]


def in_chunks(work: Callable[[int, int], None], total: int, chunk: int) -> None:
    """Call `work(start, stop)` for chunks of range(total); if memory runs out, halve the chunk and try again."""
    start = 0
    while start < total:
        try:
            work(start, min(start + chunk, total))
        except (MemoryError, RuntimeError) as error:
            if chunk == 1 or not out_of_memory(error):
                raise
            chunk //= 2
            continue
        start += chunk


def out_of_memory(error: Exception) -> bool:
    """Whether PyTorch raised this error because memory ran out."""
    # The CPU allocator raises a plain RuntimeError.
    return isinstance(error, (MemoryError, torch.OutOfMemoryError)) or "can't allocate memory" in str(error)
