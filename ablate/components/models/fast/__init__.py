"""The hand-written ConvLSTM scan: faster than the plain cell, and equal to it up to rounding.

`switch` alone decides whether a layer uses it. The plain cell is in `convlstm_layer`.
"""
