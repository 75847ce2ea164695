"""A2S2K-ResNet (Roy et al. 2021): the land cover of a pixel from the window of spectra around it.

It reproduces the released code, including two oddities (docs/protocol.md, Land use).
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ssif.errors import UserError, choose
from ssif.inference import in_chunks
from workflow.land_use.windows import gather

PATCHES = (7, 9, 11)
POOLED = 5  # side of the pooled window, for all patches
# Number of windows, and of rows of an image, in one pass: activations of some hundred MB.
CHUNK = {"cpu": 64, "cuda": 4096}
ROWS = 64


class A2S2K(nn.Module):
    """Windows [N, S, S, B] of standardised values, zero beyond the image's edge -> logits [N, n].

    bands: B; classes: n; kernels: k feature maps; patch: S, one of 7, 9 and 11. The head averages the upper left 5 x 5 pixels
    of the last map of (S - 2)^2, which is not central for S above 7. Raises UserError for any other S and for B below 7.
    """

    def __init__(self, bands: int, classes: int, kernels: int = 24, patch: int = 9):
        super().__init__()
        choose("patch", patch, PATCHES)
        if bands < 7:
            raise UserError(f"the classifier needs at least 7 bands, got {bands}")
        self.patch = patch
        depth = (bands - 5) // 2
        self.stem = Stem(kernels, bands // 2)
        self.spectral = nn.ModuleList(
            [AttentionResidual(kernels, (1, 1, 7), "start"), AttentionResidual(kernels, (1, 1, 7), "middle")]
        )
        self.squeeze = nn.Sequential(nn.Conv3d(kernels, 128, (1, 1, depth)), _norm(128), nn.ReLU())
        self.spatial_stem = nn.Sequential(nn.Conv3d(1, kernels, (3, 3, 128)), _norm(kernels), nn.ReLU())
        self.spatial = nn.ModuleList(
            [AttentionResidual(kernels, (3, 3, 1), "middle"), AttentionResidual(kernels, (3, 3, 1), "end")]
        )
        self.head = nn.Linear(kernels, classes)

    def forward(self, windows: Tensor) -> Tensor:
        height, width = windows.shape[1:3]
        if (height, width) != (self.patch, self.patch):
            raise UserError(f"windows must have {self.patch} x {self.patch} pixels, got {height} x {width}")
        return self.head(self._pooled(self._features(windows, whole_mean)))[:, 0, 0]

    def loss(self, batch) -> Tensor:
        """Cross-entropy of a `workflow.land_use.windows.Windows`."""
        return F.cross_entropy(self(batch.windows).float(), batch.classes)

    def _features(self, image: Tensor, mean) -> Tensor:
        """Images [N, H, W, B] -> the last map [N, k, H - 2, W - 2]; `mean(features, side)` gives the means for the
        attention."""
        # Channels last: on a CPU the convolutions of 1 x 1 x 7 are two to four times faster this way.
        x = self.stem(image[:, None]).contiguous(memory_format=torch.channels_last_3d)
        for block in self.spectral:
            x = block(x, mean, self.patch)
        x = self.squeeze(x).transpose(1, 4)
        x = self.spatial_stem(x)
        for block in self.spatial:
            x = block(x, mean, self.patch - 2)
        return x.squeeze(4)

    def _pooled(self, features: Tensor) -> Tensor:
        """[N, k, H - 2, W - 2] -> for every window of S in the image its average [N, H - S + 1, W - S + 1, k]."""
        rows, columns = (length - self.patch + 3 for length in features.shape[2:])
        return F.avg_pool2d(features, POOLED, stride=1)[:, :, :rows, :columns].permute(0, 2, 3, 1)

    @torch.inference_mode()
    def classify(self, images: Tensor, places: Tensor) -> Tensor:
        """Exact: the class [N] (0, ...) of the pixels at `places` [N, 3] of `workflow.land_use.windows.padded` images."""
        found = torch.empty(len(places), dtype=torch.long, device=images.device)

        def one_chunk(start: int, stop: int) -> None:
            with _half(images):
                found[start:stop] = self(gather(images, places[start:stop], self.patch)).argmax(dim=1)

        in_chunks(one_chunk, len(places), CHUNK[images.device.type])
        return found

    @torch.inference_mode()
    def classify_all(self, image: Tensor) -> Tensor:
        """The classes [H, W] of all pixels of an image [H + S - 1, W + S - 1, B], padded likewise, in one convolutional pass.

        It is ten to a hundred times cheaper than `classify` (for windows of 7 to 11), but not equal to it. A window sees zeros
        beyond its own edge where the pass sees the image, and a window has one attention, that of its centre, where in the pass
        each pixel has its own.
        """
        reach = self.patch - 1
        height, width = image.shape[0] - reach, image.shape[1] - reach
        found = torch.empty(height, width, dtype=torch.long, device=image.device)

        def one_chunk(start: int, stop: int) -> None:
            # Strips overlap by the distance within which pixels affect a class, so that they meet without a seam.
            above, below = max(start - 4 * reach, 0), min(stop + 4 * reach, height)
            with _half(image):
                features = self._features(image[None, above : below + reach], box_mean)
                logits = self.head(self._pooled(features))[0]
            found[start:stop] = logits.argmax(dim=-1)[start - above : stop - above]

        in_chunks(one_chunk, height, ROWS)
        return found


class Stem(nn.Module):
    """The mean of two stems of 1 x 1 x 7 and 3 x 3 x 7: [N, 1, H, W, B] -> [N, k, H, W, D].

    The release weighs the stems by selective-kernel attention, but scores both with one shared layer. Its softmax is therefore
    always 0.5, and the layer has no gradient. The layer is kept so that weights and parameter counts agree.
    """

    def __init__(self, kernels: int, hidden: int):
        super().__init__()
        self.narrow, self.wide = (
            nn.Sequential(
                nn.Conv3d(1, kernels, (side, side, 7), stride=(1, 1, 2), padding=(side // 2, side // 2, 0)),
                _norm(kernels),
                nn.ReLU(),
            )
            for side in (1, 3)
        )
        self.squeeze = nn.Linear(kernels, hidden)
        self.excite = nn.ModuleList([nn.Linear(hidden, kernels)])

    def forward(self, x: Tensor) -> Tensor:
        return (self.narrow(x) + self.wide(x)) / 2


class AttentionResidual(nn.Module):
    """x plus two convolutions and channel attention (ECA), with activations before the convolutions ("middle", "end") or
    between them ("start"), and also after them ("end"). [N, k, H, W, D] -> same shape."""

    def __init__(self, kernels: int, size: tuple[int, int, int], kind: str):
        super().__init__()
        self.kind = kind
        padding = tuple(length // 2 for length in size)
        self.first = nn.Conv3d(kernels, kernels, size, padding=padding)
        self.second = nn.Conv3d(kernels, kernels, size, padding=padding)
        # The release allocates a third norm in every block but the first, but uses it only in the last.
        self.norms = nn.ModuleList([nn.BatchNorm3d(kernels) for _ in range(2 if kind == "start" else 3)])
        # As in the release, a 3 x 3 kernel acts on a plane with a single row, so only its middle row has an effect.
        self.attention = nn.Conv2d(1, 1, 3, padding=1, bias=False)

    def forward(self, x: Tensor, mean, side: int) -> Tensor:
        if self.kind == "start":
            y = self.first(x).relu()
            y = self.norms[1](self.second(self.norms[0](y).relu()))
        else:
            y = self.first(self.norms[0](x).relu()).relu()
            y = self.second(self.norms[1](y).relu())
        y = y * self.gate(mean(y, side))[..., None] + x
        return self.norms[2](y).relu() if self.kind == "end" else y

    def gate(self, mean: Tensor) -> Tensor:
        """Sigmoid of a convolution of length 3 across the channels of the means [N, k, H, W]."""
        last = mean.movedim(1, -1)
        return self.attention(last.reshape(-1, 1, 1, last.shape[-1])).view(last.shape).movedim(-1, 1).sigmoid()


def whole_mean(features: Tensor, side: int) -> Tensor:
    """[N, k, H, W, D] -> the mean over H, W and D, [N, k, 1, 1]."""
    return features.mean(dim=(2, 3, 4))[..., None, None]


def box_mean(features: Tensor, side: int) -> Tensor:
    """[N, k, H, W, D] -> [N, k, H, W], the mean over D and the window of `side` around each pixel, inside the image."""
    return F.avg_pool2d(features.mean(dim=4), side, stride=1, padding=side // 2, count_include_pad=False)


def _half(images: Tensor) -> torch.autocast:
    return torch.autocast("cuda", dtype=torch.bfloat16, enabled=images.device.type == "cuda")


def _norm(maps: int) -> nn.BatchNorm3d:
    return nn.BatchNorm3d(maps, eps=1e-3)
