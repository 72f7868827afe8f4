"""How much a network holds while it works."""

from __future__ import annotations

import math

import keras


def output_values(network: keras.Model, frames: int) -> int:
    """How many values all layers, and the arithmetic between them, put out together for one segment.

    That is more than are ever held at a time.

    Args:
        network: takes `(segments, frames, bins, channels)`; where it takes any number of frames, they shrink as the bins do.
        frames: of the segment.
    """
    bins = network.input_shape[2]
    total = 0
    for operation in network.operations:
        for tensor in keras.tree.flatten(operation.output):
            shape = [frames * tensor.shape[2] // bins if size is None else size for size in tensor.shape[1:]]
            total += math.prod(shape)
    return total
