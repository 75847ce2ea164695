"""LTE with C outputs (Lee and Jin 2022, arXiv 2111.08918), for any scale and one set of bands; the paper does not compare it."""

from baselines.liif import LIIF


class LTE(LIIF):
    """Encoder, LTE decoder (`ssif.nets.lte`) and a last layer with one output per band."""

    name = "LTE"
    pixel_decoder = "lte"
