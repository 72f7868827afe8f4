"""From what a user types to a network that can separate: model folders of ours, Spleeter's models."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import keras

from vocal_unet.config import Framing, Masking, read_json
from vocal_unet.errors import ConfigError, ModelError
from vocal_unet.exported import ExportedModel, is_exported, load_exported
from vocal_unet.models.spleeter import build_spleeter
from vocal_unet.packed import WEIGHTS, load_packed
from vocal_unet.shipped import SHIPPED
from vocal_unet.spleeter.checkpoint import assign
from vocal_unet.spleeter.configuration import PREFIX, spleeter_model
from vocal_unet.spleeter.converted import has_checkpoint, read_weights
from vocal_unet.spleeter.download import DownloadProgress
from vocal_unet.spleeter.pretrained import model_folder, weights_folder, weights_source

OWN_PREFIX = "vocal-unet:"
DEFAULT = f"{PREFIX}2stems"
DEMO = f"{OWN_PREFIX}demo"
"""Comes with the package, for machines without Spleeter's weights."""


@dataclass(frozen=True)
class LoadedModel:
    """A network with everything a separation needs to know about it."""

    name: str
    network: keras.Model
    framing: Framing
    masking: Masking
    stems: tuple[str, ...]
    weights: str
    """Where the weights came from, in words."""


def default_model() -> str:
    """What separates when no model is named: `spleeter:2stems` where its weights are on this machine, else `vocal-unet:demo`."""
    return DEFAULT if has_checkpoint(model_folder(spleeter_model(DEFAULT))) else DEMO


def load_model(spec: str | Path, progress: DownloadProgress | None = None) -> LoadedModel | ExportedModel:
    """Load a model by what users type.

    Args:
        spec: `spleeter:2stems` and the other published names; `vocal-unet:demo`, which comes with the package; the path of a
            Spleeter JSON file; the path of a model folder that `vocal-unet train` wrote (with or without `vocal-unet:` in
            front), or a packed one; `savedmodel:`, `onnx:` or `tflite:` and the path of what `vocal-unet export` wrote.
        progress: told how far a download is, where the weights of a published model have to be fetched first.

    Raises:
        ConfigError: no such model, or the runtime of an export is not installed.
        ModelError: the model's files are damaged or do not fit together.
        WeightsUnavailableError: a published model's weights are not here and cannot be fetched.
    """
    text = str(spec)
    if is_exported(text):
        return load_exported(text)
    if text.startswith(PREFIX) or text.endswith(".json"):
        return _load_spleeter(text, progress)
    shipped = SHIPPED.get(text.removeprefix(OWN_PREFIX)) if text.startswith(OWN_PREFIX) else None
    return _load_own(shipped or Path(text.removeprefix(OWN_PREFIX)), text if shipped else None)


def _load_spleeter(descriptor: str, progress: DownloadProgress | None) -> LoadedModel:
    model = spleeter_model(descriptor)
    folder = weights_folder(model, progress)
    network = build_spleeter(model.framing, model.instruments, model.network, random=False)
    assign(network, read_weights(folder, model), model)
    name = descriptor if descriptor.startswith(PREFIX) else model.name
    return LoadedModel(name, network, model.framing, model.masking, model.instruments, weights_source(folder))


def _load_own(folder: Path, name: str | None = None) -> LoadedModel:
    if not folder.is_dir():
        raise ConfigError(
            f"{folder}: no such model folder; give a folder made by 'vocal-unet train' or a name like spleeter:2stems"
        )
    config_file, network_file = folder / "config.json", folder / "model.keras"
    if not config_file.is_file() and (folder / "training.json").is_file():
        raise ModelError(
            f"{folder}: its training is not finished; run the same 'vocal-unet train' command again to go on"
        )
    packed = (folder / WEIGHTS).is_file()
    for file in (config_file,) if packed else (config_file, network_file):
        if not file.is_file():
            raise ModelError(f"{folder}: not a model folder, {file.name} is missing")
    config = read_json(config_file)
    try:
        framing = Framing.from_dict(config["framing"], str(config_file))
        stems = tuple(config["stems"])
        masking = Masking.from_dict(config.get("masking", {"kind": "complement"}), str(config_file))
        trained_on = str(config.get("trained_on", "origin unknown"))
    except (KeyError, TypeError) as error:
        raise ModelError(f"{config_file}: {error} is missing or not what it should be") from None
    if packed:
        return LoadedModel(name or folder.name, load_packed(folder), framing, masking, stems, trained_on)
    try:
        network = keras.saving.load_model(network_file, compile=False)
    except Exception as error:  # Keras raises whatever the zip, HDF5 or JSON reader inside raised
        raise ModelError(f"{network_file}: cannot be loaded ({(str(error).splitlines() or [''])[0]})") from error
    return LoadedModel(folder.name, network, framing, masking, stems, trained_on)
