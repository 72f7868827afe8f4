"""Everything a training needs to go on, in one file that is whole or not there."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np

from vocal_unet.errors import ModelError, OutputError


def averaged_weights(network: keras.Model) -> list[np.ndarray]:
    """The network's weights in Keras' order, those that are trained as their moving average where the optimizer keeps one."""
    optimizer = getattr(network.optimizer, "inner_optimizer", network.optimizer)  # a loss scale lies around it
    if not optimizer.use_ema or not int(_value(optimizer.iterations)):
        return network.get_weights()
    averages = {
        variable.path: average
        for variable, average in zip(
            optimizer._trainable_variables, optimizer._model_variables_moving_average, strict=True
        )
    }
    return [_value(averages.get(weight.path, weight)) for weight in network.weights]


def write_arrays(path: Path, arrays: dict[str, np.ndarray], state: dict[str, Any]) -> None:
    """Arrays with a JSON object beside them, in NumPy's `.npz`.

    Raises:
        OutputError: the file cannot be written; what was there before stays.
    """
    partial = path.with_name(path.name + ".partial")
    try:
        with partial.open("wb") as file:
            text = np.frombuffer(json.dumps(state).encode(), np.uint8)
            np.savez(file, **arrays, state=text)  # type: ignore[arg-type]
            file.flush()
            os.fsync(file.fileno())
        os.replace(partial, path)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise OutputError(
            f"{path}: cannot be written ({error.strerror or error}); the training so far is kept: free space, then run the "
            "same command again"
        ) from error


def read_arrays(path: Path) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """What `write_arrays` wrote.

    Raises:
        ModelError: the file is damaged.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        return arrays, json.loads(arrays.pop("state").tobytes())
    except Exception as error:  # the zip, the array and the JSON reader raise what they like
        raise ModelError(f"{path}: cannot be read ({error}); start anew with --force") from error


def save_training(path: Path, network: keras.Model, state: dict[str, Any]) -> None:
    """Weights, random generators and optimizer of a compiled network, and where training stands.

    Raises:
        OutputError: the file cannot be written.
    """
    write_arrays(path, {f"{n:05d}": _value(v) for n, v in enumerate(_variables(network))}, state)


def restore_training(path: Path, network: keras.Model) -> dict[str, Any]:
    """Put back what `save_training` wrote and give the state.

    Raises:
        ModelError: the file is damaged or belongs to another network.
    """
    arrays, state = read_arrays(path)
    variables = _variables(network)
    shapes = [tuple(variable.shape) for variable in variables]
    if [array.shape for array in arrays.values()] != shapes:
        raise ModelError(f"{path}: belongs to another network; start anew with --force")
    for variable, array in zip(variables, arrays.values(), strict=True):
        variable.assign(array)
    return state


def save_weights(path: Path, weights: Sequence[np.ndarray], state: dict[str, Any]) -> None:
    """A network's weights, in Keras' order."""
    write_arrays(path, {f"{n:05d}": weight for n, weight in enumerate(weights)}, state)


def read_weights(path: Path) -> list[np.ndarray]:
    """What `save_weights` wrote."""
    return list(read_arrays(path)[0].values())


def _variables(network: keras.Model) -> list[Any]:
    optimizer = network.optimizer
    if not optimizer.built:
        optimizer.build(network.trainable_variables)
    return [*network.variables, *optimizer.variables]


def _value(variable: Any) -> np.ndarray:
    return np.asarray(keras.ops.convert_to_numpy(variable))
