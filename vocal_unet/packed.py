"""A trained U-Net made small for shipping: settings and 16-bit weights by name, that any version of Keras can read."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import keras
import numpy as np

from vocal_unet.config import Framing, UNetConfig, read_json
from vocal_unet.errors import ModelError, OutputError
from vocal_unet.models.unet import build_unet
from vocal_unet.safetensors import read_arrays, write_arrays

WEIGHTS = "weights.safetensors"
KEPT = ("config.json", "model_card.md")


def pack(folder: Path, destination: Path) -> Path:
    """Write a model folder of the paper's U-Net with half the bytes per weight and without `model.keras`.

    Args:
        folder: what `vocal-unet train` wrote.
        destination: a new folder, or a packed one to replace.

    Returns:
        `destination`, which loads like any model folder.

    Raises:
        ModelError: the folder holds no complete model, or one of another architecture.
        OutputError: `destination` cannot be written.
    """
    if not (folder / "model.keras").is_file():
        raise ModelError(f"{folder}: holds no model.keras; give a folder made by 'vocal-unet train'")
    config = read_json(folder / "config.json")
    network = keras.saving.load_model(folder / "model.keras", compile=False)
    empty = packed_network(config, folder / "config.json")
    if [weight.path for weight in network.weights] != [weight.path for weight in empty.weights]:
        raise ModelError(f"{folder}: its network is not what its settings build; only the paper's U-Net can be packed")
    arrays = {w.path: np.asarray(keras.ops.convert_to_numpy(w), np.float16) for w in network.weights}
    # A moving variance may lie outside what 16 bits hold.
    arrays |= {w.path: np.asarray(keras.ops.convert_to_numpy(w)) for w in network.weights if "moving_" in w.path}
    try:
        destination.mkdir(parents=True, exist_ok=True)
        for name in KEPT:
            shutil.copyfile(folder / name, destination / name)
        write_arrays(destination / WEIGHTS, arrays, {"format": "vocal-unet packed 1"})
    except OSError as error:
        raise OutputError(f"{destination}: cannot be written ({error.strerror or error})") from error
    return destination


def packed_network(config: dict[str, Any], where: Path) -> keras.Model:
    """The network a model's settings describe, without its weights.

    Raises:
        ModelError: the settings are of another architecture.
        ConfigError: a setting is impossible.
    """
    try:
        if config["architecture"] != "unet":
            raise ModelError(f"{where}: only the paper's U-Net can be packed, not {config['architecture']}")
        framing = Framing.from_dict(config["framing"], str(where))
        return build_unet(framing, UNetConfig.from_dict(config["training"]["unet"], str(where)))
    except (KeyError, TypeError) as error:
        raise ModelError(f"{where}: {error} is missing or not what it should be") from None


def load_packed(folder: Path) -> keras.Model:
    """The network of a packed folder, in float32.

    Raises:
        ModelError: a file is damaged, or weights and settings do not belong together.
    """
    network = packed_network(read_json(folder / "config.json"), folder / "config.json")
    arrays = read_arrays(folder / WEIGHTS)
    wanted = {weight.path: tuple(weight.shape) for weight in network.weights}
    if {name: array.shape for name, array in arrays.items()} != wanted:
        raise ModelError(f"{folder / WEIGHTS}: holds the weights of another network; install it anew")
    network.set_weights([arrays[weight.path].astype(np.float32) for weight in network.weights])
    return network
