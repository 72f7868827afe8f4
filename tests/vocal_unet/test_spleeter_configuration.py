"""Spleeter's model descriptions: published names, users' JSON files, errors that name the key."""

from __future__ import annotations

import copy
import json

import pytest

from tests.conftest import SMALL_JSON
from vocal_unet.errors import ConfigError
from vocal_unet.spleeter.configuration import NAMES, from_json, spleeter_model


def test_published_names() -> None:
    assert set(NAMES) == {"2stems", "4stems", "5stems", "2stems-16kHz", "4stems-16kHz", "5stems-16kHz"}
    five = spleeter_model("spleeter:5stems-16kHz")
    assert five.instruments == ("vocals", "piano", "drums", "bass", "other")
    assert (five.framing.bins, five.network.type, five.network.conv_activation) == (1536, "unet.softmax_unet", "ELU")
    assert five.model_dir == "5stems"
    assert spleeter_model("2stems") == spleeter_model("spleeter:2stems")


def test_a_users_json(tmp_path) -> None:
    path = tmp_path / "mine.json"
    path.write_text(json.dumps({**SMALL_JSON, "separation_exponent": 1, "mask_extension": "average"}))
    model = spleeter_model(str(path))
    assert (model.name, model.masking.exponent, model.masking.extension) == ("mine", 1.0, "average")
    assert model.network.conv_n_filters == (2, 3, 4, 5, 6, 7)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"mask_extention": "zeros"}, "mask_extention"),
        ({"mask_extension": "ones"}, "mask_extension"),
        ({"T": 100}, "T must"),
        ({"F": 100}, "F must"),
        ({"F": 6400}, "bins"),
        ({"n_channels": 1}, "n_channels"),
        ({"frame_step": 300}, "frame_step"),
        ({"instrument_list": []}, "instrument_list"),
        ({"instrument_list": ["vocals", "vocals"]}, "twice"),
        ({"separation_exponent": "two"}, "separation_exponent"),
        ({"separation_exponent": 0}, "exponent"),
        ({"model": {"type": "blstm.blstm"}}, "type"),
        ({"model": {"type": "unet.unet", "params": {"conv_activation": "GELU"}}}, "conv_activation"),
        ({"model": {"type": "unet.unet", "params": {"conv_filters": []}}}, "conv_filters"),
        ({"model": {"type": "unet.unet", "params": {"conv_n_filters": [1, 2]}}}, "conv_n_filters"),
        ({"model": []}, "model"),
        ({"sample_rate": "44100"}, "sample_rate"),
    ],
)
def test_errors_name_file_and_key(change: dict, named: str) -> None:
    with pytest.raises(ConfigError, match=named) as error:
        from_json({**copy.deepcopy(SMALL_JSON), **change}, "bad.json")
    assert str(error.value).startswith("bad.json")


@pytest.mark.parametrize("key", ["model_dir", "instrument_list", "T", "model"])
def test_a_missing_key_is_named(key: str) -> None:
    with pytest.raises(ConfigError, match=f"'{key}' is missing"):
        from_json({k: v for k, v in SMALL_JSON.items() if k != key}, "bad.json")


def test_unknown_model_and_missing_file(tmp_path) -> None:
    with pytest.raises(ConfigError, match="has no model '3stems'"):
        spleeter_model("spleeter:3stems")
    with pytest.raises(ConfigError, match="no such file"):
        spleeter_model(str(tmp_path / "none.json"))
