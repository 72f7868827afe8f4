"""From our network back to Spleeter's files: nothing lost, and what Spleeter cannot have is said."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import keras
import numpy as np
import pytest

from tests.conftest import SMALL_JSON, random_variables
from vocal_unet import Framing, Separator, UNetConfig
from vocal_unet.config import Masking, SpleeterNetworkConfig
from vocal_unet.errors import ConfigError, ModelError
from vocal_unet.models.spleeter import build_spleeter
from vocal_unet.models.unet import build_unet
from vocal_unet.spleeter.checkpoint import assign, read_checkpoint
from vocal_unet.spleeter.checkpoint_writer import describe_network, network_variables, save_for_spleeter
from vocal_unet.spleeter.configuration import NAMES, SpleeterModel, from_json, spleeter_model, to_json

NETWORKS = [
    SpleeterNetworkConfig(conv_n_filters=(2, 3, 4, 5, 6, 7)),
    SpleeterNetworkConfig("unet.softmax_unet", (3, 3, 3, 3, 3, 3), "ELU", "LeakyReLU"),
]


def model_of(network: SpleeterNetworkConfig) -> SpleeterModel:
    small = from_json({**SMALL_JSON, "mask_extension": "average"}, "small.json")
    return dataclasses.replace(small, network=network)


@pytest.mark.parametrize("config", NETWORKS, ids=lambda config: config.type)
def test_a_network_becomes_files_and_the_files_the_network(config, tmp_path: Path, tone, monkeypatch) -> None:
    model = model_of(config)
    network = build_spleeter(model.framing, model.instruments, config, fixed_statistics=True)
    variables = random_variables(model)
    assign(network, variables, model)
    described = describe_network(network, "mine", model.instruments, model.framing, model.masking)
    assert described == dataclasses.replace(model, name="mine", model_dir="mine")
    path = save_for_spleeter(tmp_path, network, described, step=7)
    assert spleeter_model(str(path)) == described
    read = read_checkpoint(tmp_path / "mine", described)
    unused = ("batch_normalization_5/", "batch_normalization_17/")
    assert all(np.array_equal(read[name], variables[name]) for name in variables if not name.startswith(unused))
    assert np.array_equal(read["batch_normalization_5/gamma"], np.ones(config.conv_n_filters[5], np.float32))
    monkeypatch.setenv("MODEL_PATH", str(tmp_path))
    assert Separator(path).separate(tone(3000))["vocals"].shape == (3000, 2)


@pytest.mark.parametrize("name", NAMES)
def test_published_models_survive_json(name: str) -> None:
    model = spleeter_model(name)
    assert from_json(json.loads(json.dumps(to_json(model))), f"{name}.json") == model


def test_what_spleeter_cannot_have() -> None:
    model = model_of(NETWORKS[0])
    network = build_spleeter(model.framing, model.instruments, model.network)
    with pytest.raises(ModelError, match="no masks of kind 'ratio' with 'ones' above"):
        describe_network(network, "mine", model.instruments, model.framing, Masking(extension="ones"))
    framing = Framing(frame_length=64, frame_step=16, segment_frames=16, bins=32)
    ours = build_unet(framing, UNetConfig(filters=(2, 2), dropout=()))
    with pytest.raises(ModelError, match=r"no network of Spleeter's architecture .it has no layer 'vocals_encoder_1"):
        describe_network(ours, "mine", ("vocals", "accompaniment"), framing, Masking(kind="complement"))
    wider = dataclasses.replace(model.network, conv_n_filters=(9, 3, 4, 5, 6, 7))
    with pytest.raises(ModelError, match=r"vocals_encoder_1_conv/kernel has the shape \(5, 5, 2, 2\), not"):
        network_variables(network, dataclasses.replace(model, network=wider))
    network = keras.Model(network.inputs, {"vocals": network.output["vocals"]})
    with pytest.raises(ModelError, match="accompaniment_encoder_1_conv/kernel is missing"):
        describe_network(network, "mine", model.instruments, model.framing, model.masking)


def test_a_checkpoint_stays_in_its_folder(tmp_path: Path) -> None:
    model = dataclasses.replace(model_of(NETWORKS[0]), model_dir="../elsewhere")
    with pytest.raises(ConfigError, match="model_dir must be a plain name"):
        save_for_spleeter(tmp_path, build_spleeter(model.framing, model.instruments, model.network), model)
    assert not list(tmp_path.iterdir())
