"""`python -m spleeter_bench.speed.floor MODEL` prints, as JSON, how far the network is from what the processor can do."""

from __future__ import annotations

import dataclasses
import json
import logging
import sys
import time
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from spleeter_bench.speed.results import Floor
from vocal_unet import Separator

SIZES = (1024, 2048, 3072)
"""Matrices to try: too small ones do not fill the processor, too large ones its caches."""
OPSET = 17
"""Of our ONNX exports."""


def floor(model: str) -> Floor:
    """Count, and measure, on this machine."""
    separator = Separator(model)
    framing = separator.framing
    model_network: keras.Model = separator.model.network  # type: ignore[union-attr]
    magnitude = tf.constant(
        np.random.default_rng(0).gamma(1, 1, (1, framing.segment_frames, framing.bins, 2)), tf.float32
    )
    return Floor(
        operations=operations(model_network, framing.segment_frames, framing.bins),
        matmul_rate=max(_matmul_rate(size) for size in SIZES),
        network_seconds=best_seconds(lambda: separator.mask_network(magnitude), 8),
        segment_seconds=framing.segment_step / framing.sample_rate,
        onnx_seconds=onnx_seconds(model_network, magnitude),
    )


def operations(network: keras.Model, frames: int, bins: int) -> int:
    """Multiplications and additions of a network's convolutions for one segment, those with padding zeros included."""
    total = 0
    for layer in network.layers:
        if isinstance(layer, (keras.layers.Conv2D, keras.layers.Conv2DTranspose)):
            # a transposed convolution multiplies every input place with the kernel, a convolution makes every output place
            places = layer.input if isinstance(layer, keras.layers.Conv2DTranspose) else layer.output
            width = places.shape[2]
            total += 2 * int(np.prod(layer.kernel.shape)) * width * (frames * width // bins)
    return total


def onnx_seconds(network: keras.Model, magnitude: tf.Tensor) -> float | None:
    """The fastest of a few calls of a network in ONNX Runtime, with its own choice of threads."""
    try:
        import onnxruntime
        import tf2onnx
    except ImportError:
        return None
    signature = [tf.TensorSpec(magnitude.shape, tf.float32, "magnitude")]
    function = tf.function(lambda magnitude: network(magnitude, training=False), signature, autograph=False)
    logging.getLogger("tf2onnx").setLevel(logging.ERROR)
    graph, _ = tf2onnx.convert.from_function(function, signature, opset=OPSET)
    session = onnxruntime.InferenceSession(graph.SerializeToString(), providers=["CPUExecutionProvider"])
    array = magnitude.numpy()
    return best_seconds(lambda: session.run(None, {"magnitude": array}), 8)


def best_seconds(call: Callable[[], Any], times: int) -> float:
    """The fastest of a few calls, after two that trace and warm up."""
    for _ in range(2):
        call()
    taken = []
    for _ in range(times):
        began = time.perf_counter()
        call()
        taken.append(time.perf_counter() - began)
    return min(taken)


def _matmul_rate(size: int) -> float:
    matrix = tf.random.normal((size, size))
    product = tf.function(lambda: tf.linalg.matmul(matrix, matrix))
    return 2 * size**3 / best_seconds(lambda: product().numpy(), 6)


if __name__ == "__main__":
    print(json.dumps(dataclasses.asdict(floor(sys.argv[1]))))
