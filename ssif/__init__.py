"""SSIF: an image as a continuous function of pixel coordinates and wavelengths (Mai et al. 2023)."""


def load(path, device: str = "cpu"):
    """A trained network from its weights (`ssif.pretrained.load`)."""
    # Here, so that what needs no network (bands, errors, the workflow's plan) starts without importing torch.
    from ssif.pretrained import load

    return load(path, device)
