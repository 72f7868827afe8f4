"""Spleeter's model descriptions: the published names and the JSON files users wrote for their own models."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vocal_unet.config import Framing, Masking, SpleeterNetworkConfig, read_json, require
from vocal_unet.errors import ConfigError

PREFIX = "spleeter:"

_STEMS = {
    "2stems": ("vocals", "accompaniment"),
    "4stems": ("vocals", "drums", "bass", "other"),
    "5stems": ("vocals", "piano", "drums", "bass", "other"),
}
_NETWORKS = {
    "2stems": SpleeterNetworkConfig(),
    "4stems": SpleeterNetworkConfig(conv_activation="ELU", deconv_activation="ELU"),
    "5stems": SpleeterNetworkConfig("unet.softmax_unet", conv_activation="ELU", deconv_activation="ELU"),
}
_BINS = {"": 1024, "-16kHz": 1536}
NAMES = tuple(stems + band for stems in _STEMS for band in _BINS)

_FRAMING_KEYS = {
    "sample_rate": "sample_rate",
    "n_channels": "channels",
    "frame_length": "frame_length",
    "frame_step": "frame_step",
    "T": "segment_frames",
    "F": "bins",
}
_TRAINING_KEYS = frozenset(
    "train_csv validation_csv mix_name learning_rate batch_size training_cache validation_cache train_max_steps "
    "throttle_secs random_seed save_checkpoints_steps save_summary_steps n_chunks_per_song chunk_duration loss_type "
    "optimizer".split()
)
_KNOWN_KEYS = frozenset(
    {
        *_FRAMING_KEYS,
        *_TRAINING_KEYS,
        "model_dir",
        "instrument_list",
        "separation_exponent",
        "mask_extension",
        "model",
        "MWF",
    }
)


@dataclass(frozen=True)
class SpleeterModel:
    """One Spleeter model: what it separates, its framing, network and mask rule, and the folder of its checkpoint."""

    name: str
    instruments: tuple[str, ...]
    framing: Framing
    network: SpleeterNetworkConfig
    masking: Masking
    model_dir: str


def spleeter_model(descriptor: str) -> SpleeterModel:
    """What Spleeter's `-p` takes: `spleeter:4stems` (prefix optional here) or the path of a JSON file.

    The 16 kHz variants run the same checkpoint on more bins, as in Spleeter's own configuration files.

    Raises:
        ConfigError: no such model, or the file holds an unknown or impossible setting (the message names the key).
    """
    name = descriptor.removeprefix(PREFIX)
    if name in NAMES:
        stems, band, _ = name.partition("-16kHz")
        return SpleeterModel(
            name=name,
            instruments=_STEMS[stems],
            framing=Framing(bins=_BINS[band]),
            network=_NETWORKS[stems],
            masking=Masking(),
            model_dir=stems,
        )
    require(
        not descriptor.startswith(PREFIX),
        f"Spleeter has no model {name!r}; it has {', '.join(NAMES)} (or give the path of a JSON file)",
    )
    return from_json(read_json(Path(descriptor)), descriptor)


def from_json(values: Mapping[str, Any], where: str) -> SpleeterModel:
    """A `SpleeterModel` from the contents of Spleeter's JSON file; `where` starts every message.

    Raises:
        ConfigError: a key is unknown, missing or has a value Spleeter's networks cannot have.
    """
    require(isinstance(values, Mapping), f"{where}: must hold a JSON object")
    unknown = sorted(set(values) - _KNOWN_KEYS)
    require(not unknown, f"{where}: unknown key {unknown[0] if unknown else ''!r}")
    missing = sorted({"instrument_list", "model_dir", "model", *_FRAMING_KEYS} - set(values))
    require(not missing, f"{where}: key {missing[0] if missing else ''!r} is missing")
    instruments = values["instrument_list"]
    require(
        isinstance(instruments, list) and bool(instruments) and all(isinstance(i, str) and i for i in instruments),
        f"{where}: instrument_list must be a list of names, not {instruments!r}",
    )
    require(len(set(instruments)) == len(instruments), f"{where}: instrument_list names a stem twice: {instruments!r}")
    model = values["model"]
    require(
        isinstance(model, Mapping)
        and set(model) <= {"type", "params"}
        and isinstance(model.get("params", {}), Mapping),
        f"{where}: model must be an object with the keys type and params, not {model!r}",
    )
    framing = Framing.from_dict({ours: values[theirs] for theirs, ours in _FRAMING_KEYS.items()}, where)
    require(
        framing.channels == 2,
        f"{where}: n_channels must be 2, as Spleeter's networks end in two, not {framing.channels}",
    )
    for key, count in (("T", framing.segment_frames), ("F", framing.bins)):
        require(count % 64 == 0, f"{where}: {key} must be a multiple of 64 for six halvings, not {count}")
    exponent, extension = values.get("separation_exponent", 2), values.get("mask_extension", "zeros")
    require(
        isinstance(exponent, (int, float)) and not isinstance(exponent, bool),
        f"{where}: separation_exponent must be a number, not {exponent!r}",
    )
    require(extension in ("zeros", "average"), f"{where}: mask_extension must be zeros or average, not {extension!r}")
    network = {"type": model.get("type", "unet.unet"), **model.get("params", {})}
    try:
        return SpleeterModel(
            name=Path(where).stem,
            instruments=tuple(instruments),
            framing=framing,
            network=SpleeterNetworkConfig.from_dict(network, f"{where}: model"),
            masking=Masking(exponent=float(exponent), extension=extension),
            model_dir=str(values["model_dir"]),
        )
    except ConfigError as error:
        raise ConfigError(str(error) if str(error).startswith(where) else f"{where}: {error}") from None


def to_json(model: SpleeterModel) -> dict[str, Any]:
    """What `from_json` and the original Spleeter read, with the settings that separation needs and none of training."""
    network = model.network.to_dict()
    return {
        "model_dir": model.model_dir,
        "mix_name": "mix",
        "instrument_list": list(model.instruments),
        **{theirs: getattr(model.framing, ours) for theirs, ours in _FRAMING_KEYS.items()},
        "separation_exponent": model.masking.exponent,
        "mask_extension": model.masking.extension,
        "model": {"type": network.pop("type"), "params": network},
    }
