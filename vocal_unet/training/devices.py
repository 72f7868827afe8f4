"""On what a training runs: precision, determinism, one device or several."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import keras
import tensorflow as tf

from vocal_unet.config import TrainConfig


@contextmanager
def precision(config: TrainConfig) -> Iterator[None]:
    """Networks built inside compute in 16 bits where `mixed_precision` asks for it; their weights keep 32."""
    before = keras.config.dtype_policy()
    if config.mixed_precision:
        on_gpu = bool(tf.config.list_physical_devices("GPU"))
        keras.config.set_dtype_policy("mixed_float16" if on_gpu else "mixed_bfloat16")
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


def make_deterministic(config: TrainConfig) -> None:
    """Seed Keras' generators; with `deterministic` also choose operations that give the same bits every time.

    The latter holds for the rest of the process and costs speed: batches are then made one after the other.
    """
    keras.utils.set_random_seed(config.seed)
    if config.deterministic:
        tf.config.experimental.enable_op_determinism()


def strategy(devices: Sequence[str] | None = None) -> tf.distribute.Strategy:
    """One copy of the network per device, each with its part of the batch.

    Args:
        devices: names like `CPU:0`; None is all GPUs, or the one device there is.
    """
    if devices is None:
        devices = [f"GPU:{number}" for number in range(len(tf.config.list_logical_devices("GPU")))]
    return tf.distribute.MirroredStrategy(devices) if len(devices) > 1 else tf.distribute.get_strategy()


def synchronise_statistics(network: keras.Model) -> None:
    """Let batch normalisation see the whole batch, not each device its own part."""
    for layer in network.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.synchronized = True
