"""Six super-resolution networks line by line from their fact sheets: the oracle for the rewritten forms in baselines.

Written independently of these: the parameters come off a `Tape` in the order of the network's state_dict, sizes come
from their shapes, and every attention matrix is built in full. N: batch, h x w: LR size, p: scale, c and C: MSI and
HSI bands. Convolutions with zero padding keep the size unless they have a stride.
"""
