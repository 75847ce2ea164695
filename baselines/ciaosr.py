"""CiaoSR with C outputs (Cao et al. 2023, arXiv 2212.04362), for any scale and one set of bands; the paper does not compare it."""

from baselines.liif import LIIF


class CiaoSR(LIIF):
    """Encoder, CiaoSR decoder without its non-local branch (`ssif.nets.ciaosr`) and a last layer with one output per band."""

    name = "CiaoSR"
    pixel_decoder = "ciaosr"
