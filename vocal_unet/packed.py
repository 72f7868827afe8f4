"""A trained network made small for shipping: settings and 16-bit weights by name, that any version of Keras can read."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import keras
import numpy as np

from vocal_unet.config import CoarseConfig, Framing, SpleeterNetworkConfig, UNetConfig, read_json
from vocal_unet.errors import ModelError, OutputError
from vocal_unet.models.coarse import build_coarse
from vocal_unet.models.spleeter import build_spleeter
from vocal_unet.models.unet import build_unet
from vocal_unet.safetensors import read_arrays, write_arrays

WEIGHTS = "weights.safetensors"
CONFIG, CARD = "config.json", "model_card.md"


def pack(folder: Path, destination: Path, trained_on: str = "") -> Path:
    """Write a model folder with half the bytes per weight and without `model.keras`.

    Args:
        folder: what `vocal-unet train` wrote.
        destination: a new folder, or a packed one to replace.
        trained_on: what tables say of its weights, in place of what the folder says.

    Returns:
        `destination`, which loads like any model folder.

    Raises:
        ModelError: the folder holds no complete model, or one that its settings do not build.
        OutputError: `destination` cannot be written.
    """
    if not (folder / "model.keras").is_file():
        raise ModelError(f"{folder}: holds no model.keras; give a folder made by 'vocal-unet train'")
    config = read_json(folder / CONFIG)
    network = keras.saving.load_model(folder / "model.keras", compile=False)
    empty = packed_network(config, folder / CONFIG)
    if [weight.path for weight in network.weights] != [weight.path for weight in empty.weights]:
        raise ModelError(f"{folder}: its network is not what its settings build, so it cannot be packed")
    arrays = {w.path: np.asarray(keras.ops.convert_to_numpy(w), np.float16) for w in network.weights}
    # A moving variance may lie outside what 16 bits hold.
    arrays |= {w.path: np.asarray(keras.ops.convert_to_numpy(w)) for w in network.weights if "moving_" in w.path}
    try:
        destination.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(folder / CARD, destination / CARD)
        kept = {**config, "trained_on": trained_on or config.get("trained_on", "origin unknown")}
        (destination / CONFIG).write_text(json.dumps(kept, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        write_arrays(destination / WEIGHTS, arrays, {"format": "vocal-unet packed 1"})
    except OSError as error:
        raise OutputError(f"{destination}: cannot be written ({error.strerror or error})") from error
    return destination


def packed_network(config: dict[str, Any], where: Path) -> keras.Model:
    """The network a model's settings describe, without its weights.

    Raises:
        ModelError: the settings are of no architecture that is trained here.
        ConfigError: a setting is impossible.
    """
    try:
        framing = Framing.from_dict(config["framing"], str(where))
        training, kind = config["training"], config["architecture"]
        if kind == "unet":
            return build_unet(framing, UNetConfig.from_dict(training["unet"], str(where)))
        if kind == "coarse":
            return build_coarse(framing, CoarseConfig.from_dict(training["coarse"], str(where)))
        if kind == "spleeter":
            network = SpleeterNetworkConfig.from_dict(training["spleeter"], str(where))
            return build_spleeter(framing, config["stems"], network, random=False)
    except (KeyError, TypeError) as error:
        raise ModelError(f"{where}: {error} is missing or not what it should be") from None
    raise ModelError(f"{where}: architecture must be unet, spleeter or coarse, not {kind}")


def load_packed(folder: Path) -> keras.Model:
    """The network of a packed folder, in float32.

    Raises:
        ModelError: a file is damaged, or weights and settings do not belong together.
    """
    network = packed_network(read_json(folder / CONFIG), folder / CONFIG)
    arrays = read_arrays(folder / WEIGHTS)
    wanted = {weight.path: tuple(weight.shape) for weight in network.weights}
    if {name: array.shape for name, array in arrays.items()} != wanted:
        raise ModelError(f"{folder / WEIGHTS}: holds the weights of another network; install it anew")
    network.set_weights([arrays[weight.path].astype(np.float32) for weight in network.weights])
    return network
