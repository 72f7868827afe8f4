"""From a network of ours in Spleeter's architecture to the checkpoint and the JSON file that the original Spleeter runs."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import keras
import numpy as np

from vocal_unet.config import Framing, Masking, SpleeterNetworkConfig
from vocal_unet.errors import ConfigError, ModelError
from vocal_unet.spleeter.checkpoint import variable_table, write_checkpoint
from vocal_unet.spleeter.configuration import SpleeterModel, to_json

_UNUSED = {"gamma": 1.0, "beta": 0.0, "moving_mean": 0.0, "moving_variance": 1.0}
"""The sixth normalisation, which Spleeter creates and restores but uses nowhere."""


def describe_network(
    network: keras.Model, name: str, instruments: Sequence[str], framing: Framing, masking: Masking
) -> SpleeterModel:
    """What Spleeter has to be told of a network, read from its layers.

    Args:
        network: of the layers that `build_spleeter` makes.
        name: of the model and the folder of its checkpoint.
        instruments: names of the stems, in order.
        framing: what the network was trained with.
        masking: how its outputs become masks.

    Raises:
        ModelError: the original Spleeter has no such network, framing or mask rule.
    """
    layers = {layer.name: layer for layer in network.layers}
    first = instruments[0]
    try:
        filters = tuple(layers[f"{first}_encoder_{level}_conv"].filters for level in range(1, 7))
        activations = [type(layers[f"{first}_{side}_1_activation"]).__name__ for side in ("encoder", "decoder")]
    except KeyError as error:
        raise ModelError(f"{name}: is no network of Spleeter's architecture (it has no layer {error})") from None
    if masking.kind != "ratio" or masking.extension not in ("zeros", "average"):
        raise ModelError(
            f"{name}: Spleeter has no masks of kind {masking.kind!r} with {masking.extension!r} above the network's bins"
        )
    kind = "unet.softmax_unet" if "softmax" in layers else "unet.unet"
    model = SpleeterModel(
        name=name,
        instruments=tuple(instruments),
        framing=framing,
        network=SpleeterNetworkConfig(kind, filters, *activations),
        masking=masking,
        model_dir=name,
    )
    network_variables(network, model)
    return model


def network_variables(network: keras.Model, model: SpleeterModel) -> dict[str, np.ndarray]:
    """All variables of a Spleeter checkpoint from a network's weights: float32 by their TensorFlow 1 names.

    Raises:
        ModelError: a layer is missing or has another shape.
    """
    layers = {layer.name: layer for layer in network.layers}
    variables = {}
    for entry in variable_table(model):
        if not entry.layer:
            variables[entry.variable] = np.full(entry.shape, _UNUSED[entry.weight], np.float32)
            continue
        weight = getattr(layers.get(entry.layer), entry.weight, None)
        if weight is None or tuple(weight.shape) != entry.shape:
            has = "is missing" if weight is None else f"has the shape {tuple(weight.shape)}, not {entry.shape}"
            raise ModelError(
                f"{model.name}: is no network of Spleeter's architecture ({entry.layer}/{entry.weight} {has})"
            )
        variables[entry.variable] = keras.ops.convert_to_numpy(weight).astype(np.float32)
    return variables


def save_for_spleeter(folder: Path, network: keras.Model, model: SpleeterModel, step: int = 0) -> Path:
    """Write `folder/<model_dir>/` with the checkpoint and `folder/<name>.json`, for the original Spleeter.

    `MODEL_PATH=folder spleeter separate -p folder/<name>.json song.wav` then runs the network; so does our command.

    Args:
        folder: an existing folder.
        network: of the layers that `build_spleeter` makes.
        model: as `describe_network` gives it, or the model whose weights the network was loaded with.
        step: value of the checkpoint's `global_step`.

    Returns:
        Path of the JSON file.

    Raises:
        ModelError: the network does not fit the model.
        ConfigError: `model_dir` leads out of the folder.
    """
    if Path(model.model_dir).name != model.model_dir:
        raise ConfigError(f"{model.name}: model_dir must be a plain name to be written, not {model.model_dir!r}")
    write_checkpoint(folder / model.model_dir, network_variables(network, model), model, step)
    path = folder / f"{model.name}.json"
    path.write_text(json.dumps(to_json(model), indent=2) + "\n", encoding="utf-8")
    return path
