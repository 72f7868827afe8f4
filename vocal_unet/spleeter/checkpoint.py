"""Spleeter's TensorFlow 1 checkpoints: which variable belongs to which weight of our layers."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np

from vocal_unet.errors import ModelError
from vocal_unet.spleeter.configuration import SpleeterModel

_NORMALIZATION = ("gamma", "beta", "moving_mean", "moving_variance")
_IGNORED = re.compile(
    r"(global_step|beta[12]_power|.*/(Adam(_\d+)?|Adadelta(_\d+)?|Momentum)|.*/\.ATTRIBUTES/.*|_CHECKPOINTABLE_OBJECT_GRAPH)"
)
"""What training leaves in a checkpoint beside the network."""


@dataclass(frozen=True)
class Entry:
    """One variable of a checkpoint and the weight it fills: `layer` is empty for the normalisation that leads nowhere."""

    variable: str
    shape: tuple[int, ...]
    layer: str
    weight: str


def variable_table(model: SpleeterModel) -> list[Entry]:
    """All variables of a Spleeter checkpoint, in Spleeter's order of creation.

    TensorFlow 1 numbered layers of a kind over all instruments: `conv2d`, `conv2d_1`, … seven convolutions, six transposed
    convolutions and twelve batch normalisations per instrument.
    """
    return [entry for index, _ in enumerate(model.instruments) for entry in _instrument_entries(model, index)]


def _instrument_entries(model: SpleeterModel, index: int) -> Iterator[Entry]:
    instrument, channels = model.instruments[index], model.framing.channels
    down = model.network.conv_n_filters
    up = (*down[-2::-1], 1)
    for level in range(6):
        inputs = down[level - 1] if level else channels
        yield from _convolution(
            "conv2d", 7 * index + level, (5, 5, inputs, down[level]), f"{instrument}_encoder_{level + 1}_conv"
        )
        # The sixth normalisation is created by Spleeter but nothing uses what it puts out.
        layer = f"{instrument}_encoder_{level + 1}_norm" if level < 5 else ""
        yield from _normalization(12 * index + level, down[level], layer)
    for level in range(6):
        inputs = down[5] if level == 0 else 2 * up[level - 1]
        prefix = f"{instrument}_decoder_{level + 1}"
        yield from _convolution("conv2d_transpose", 6 * index + level, (5, 5, up[level], inputs), f"{prefix}_conv")
        yield from _normalization(12 * index + 6 + level, up[level], f"{prefix}_norm")
    yield from _convolution("conv2d", 7 * index + 6, (4, 4, 1, channels), f"{instrument}_logit")


def _numbered(kind: str, number: int) -> str:
    return f"{kind}_{number}" if number else kind


def _convolution(kind: str, number: int, kernel: tuple[int, ...], layer: str) -> Iterator[Entry]:
    filters = kernel[2] if kind == "conv2d_transpose" else kernel[3]
    yield Entry(f"{_numbered(kind, number)}/kernel", kernel, layer, "kernel")
    yield Entry(f"{_numbered(kind, number)}/bias", (filters,), layer, "bias")


def _normalization(number: int, filters: int, layer: str) -> Iterator[Entry]:
    for weight in _NORMALIZATION:
        yield Entry(f"{_numbered('batch_normalization', number)}/{weight}", (filters,), layer, weight)


def latest_checkpoint(folder: Path) -> Path:
    """Prefix of the newest checkpoint in a model folder.

    Raises:
        ModelError: the folder is missing or holds no checkpoint.
    """
    import tensorflow as tf

    prefix = tf.train.latest_checkpoint(str(folder)) if folder.is_dir() else None
    if prefix is None:
        indices = sorted(folder.glob("*.index")) if folder.is_dir() else []
        if len(indices) != 1:
            raise ModelError(
                f"{folder}: no Spleeter checkpoint there (expected a file 'checkpoint' and model.index, model.data-…)"
            )
        prefix = str(indices[0].with_suffix(""))
    return Path(prefix)


def read_checkpoint(folder: Path, model: SpleeterModel) -> dict[str, np.ndarray]:
    """All variables of a model's newest checkpoint, float32 arrays by their TensorFlow 1 names.

    Raises:
        ModelError: there is no readable checkpoint, or variables are missing, unexpected or of another shape (it names them).
    """
    import tensorflow as tf

    prefix = latest_checkpoint(folder)
    try:
        reader = tf.train.load_checkpoint(str(prefix))
        shapes = {name: tuple(shape) for name, shape in reader.get_variable_to_shape_map().items()}
    except Exception as error:  # TensorFlow raises RuntimeError, ValueError or its own errors for a damaged file
        raise ModelError(f"{prefix}: not a readable checkpoint ({_first_line(error)})") from error
    expected = {entry.variable: entry.shape for entry in variable_table(model)}
    missing = [name for name in expected if name not in shapes]
    extra = sorted(name for name in shapes if name not in expected and not _IGNORED.fullmatch(name))
    wrong = [
        f"{name} is {shapes[name]}, expected {shape}"
        for name, shape in expected.items()
        if name in shapes and shapes[name] != shape
    ]
    faults = [
        f"{what}: {_listed(names)}"
        for what, names in (("missing variables", missing), ("unexpected variables", extra), ("wrong shapes", wrong))
        if names
    ]
    if faults:
        raise ModelError(f"{prefix}: does not fit the model {model.name}; {'; '.join(faults)}")
    try:
        return {name: reader.get_tensor(name) for name in expected}
    except Exception as error:
        raise ModelError(f"{prefix}: damaged checkpoint ({_first_line(error)})") from error


def assign(network: keras.Model, variables: dict[str, np.ndarray], model: SpleeterModel) -> None:
    """Put a checkpoint's variables into the layers of `build_spleeter`'s network."""
    for entry in variable_table(model):
        if entry.layer:
            getattr(network.get_layer(entry.layer), entry.weight).assign(variables[entry.variable])


def write_checkpoint(folder: Path, variables: dict[str, np.ndarray], model: SpleeterModel, step: int = 0) -> Path:
    """Write variables as a TensorFlow 1 checkpoint that the original Spleeter loads.

    Args:
        folder: the model folder, made when it is not there.
        variables: every variable of `variable_table(model)`, float32, by name.
        model: gives the table.
        step: value of the checkpoint's `global_step`.

    Returns:
        The checkpoint's prefix.

    Raises:
        ModelError: a variable is missing or has another shape.
    """
    import tensorflow as tf

    table = variable_table(model)
    faults = [e.variable for e in table if e.variable not in variables or variables[e.variable].shape != e.shape]
    if faults:
        raise ModelError(f"{folder}: variables missing or of a wrong shape: {_listed(faults)}")
    folder.mkdir(parents=True, exist_ok=True)
    prefix = folder / f"model-{step}"
    names = ["global_step", *(entry.variable for entry in table)]
    values = [np.int64(step), *(variables[entry.variable] for entry in table)]
    tf.raw_ops.SaveV2(prefix=str(prefix), tensor_names=names, shape_and_slices=[""] * len(names), tensors=values)
    (folder / "checkpoint").write_text(
        f'model_checkpoint_path: "{prefix.name}"\nall_model_checkpoint_paths: "{prefix.name}"\n', encoding="utf-8"
    )
    # Spleeter takes a folder without this file for one that it still has to download into.
    (folder / ".probe").write_text("OK", encoding="utf-8")
    return prefix


def _listed(names: list[str], most: int = 4) -> str:
    rest = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + rest


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
