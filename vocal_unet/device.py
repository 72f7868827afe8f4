"""Where a network runs, how many segments at once, and in what arithmetic."""

from __future__ import annotations

import re
import subprocess
from contextlib import AbstractContextManager, nullcontext

import keras
import tensorflow as tf

from vocal_unet.config import require
from vocal_unet.models.sizes import output_values

MOST_SEGMENTS = 16
SHARE = 0.5
"""Of a GPU's free memory that one batch of segments may take."""


def choose_device(name: str | None) -> str | None:
    """TensorFlow's name of a device; memory of GPUs is taken only as it is needed.

    Args:
        name: `cpu`, `gpu`, `gpu:1`, …; None leaves the choice to TensorFlow, which takes a GPU where it sees one.

    Raises:
        ConfigError: no such device.
    """
    gpus = tf.config.list_physical_devices("GPU")
    for gpu in gpus:
        try:
            tf.config.experimental.set_memory_growth(gpu, True)
        except RuntimeError:
            break  # in use already, and set up by whoever uses it
    if name is None:
        return None
    match = re.fullmatch(r"(cpu|gpu)(?::(\d+))?", name.lower())
    require(match is not None, f"device must be cpu, gpu or gpu:N, not {name!r}")
    assert match is not None
    kind, number = match[1].upper(), int(match[2] or 0)
    count = len(tf.config.list_logical_devices(kind))
    seen = f"sees {count} of that kind" if count else "sees none"
    require(number < count, f"there is no device {name}: TensorFlow {seen}; leave out --device to take what is there")
    return f"/{kind}:{number}"


def placed(device: str | None) -> AbstractContextManager[object]:
    """Inside, TensorFlow works on a device that `choose_device` gave; on whatever it works on anyway for None."""
    return nullcontext() if device is None else tf.device(device)


def with_precision(network: keras.Model, precision: str) -> keras.Model:
    """The network with the same weights, computing in `config.PRECISIONS`; what it puts out stays float32."""
    if precision == "float32":
        return network
    last = {name for tensor in keras.tree.flatten(network.output) for name in _makers(tensor)}

    def clone(layer: keras.Operation) -> keras.Operation:
        if not isinstance(layer, keras.layers.Layer):
            return layer.__class__.from_config(layer.get_config())  # arithmetic on the magnitudes, in their precision
        # masks and their products have no use for 8 bits, and neither have the magnitudes that come in
        whole = layer.name in last or isinstance(layer, (keras.layers.InputLayer, keras.layers.Activation))
        return layer.__class__.from_config(
            {**layer.get_config(), "dtype": "float32" if whole else f"mixed_{precision}"}
        )

    made = keras.models.clone_model(network, clone_function=clone)
    made.set_weights(network.get_weights())
    return made


def segments_at_once(network: keras.Model, frames: int, device: str | None) -> int:
    """How many segments a device should be given together: one on a CPU, as many as fit on a GPU."""
    on_gpu = bool(tf.config.list_logical_devices("GPU")) if device is None else device.startswith("/GPU")
    if not on_gpu:
        return 1  # more at once are slower there: they push each other out of the caches
    free = _free_memory(0 if device is None else int(device.partition(":")[2]))
    return max(1, min(MOST_SEGMENTS, int(SHARE * free / segment_bytes(network, frames))))


def segment_bytes(network: keras.Model, frames: int) -> int:
    """What all of a network's layers put out for one segment, in float32: more than it ever needs at a time."""
    return 4 * output_values(network, frames)


def _makers(tensor: keras.KerasTensor) -> set[str]:
    """Names of the layers that a tensor comes out of, through arithmetic perhaps, which has no precision of its own."""
    operation = tensor._keras_history.operation
    if isinstance(operation, keras.layers.Layer):
        return {operation.name}
    return {name for before in keras.tree.flatten(operation.input) for name in _makers(before)}


def _free_memory(number: int) -> int:
    """Bytes free on a GPU; where nobody says, enough for one segment."""
    command = ["nvidia-smi", "--query-gpu=memory.free", "--format=csv,noheader,nounits", f"--id={number}"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=10, check=True)
        return int(done.stdout.split()[0]) * 2**20
    except (OSError, subprocess.SubprocessError, ValueError, IndexError):
        return 0
