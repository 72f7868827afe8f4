"""A packed model separates like the one it was made from, loads without Keras' own files, and says what is wrong with it."""

from __future__ import annotations

import dataclasses
import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from tests.conftest import snr
from tests.vocal_unet.test_training import SMALL
from vocal_unet import Separator
from vocal_unet.config import SpleeterNetworkConfig
from vocal_unet.errors import ModelError
from vocal_unet.packed import WEIGHTS, pack
from vocal_unet.safetensors import read_arrays, write_arrays
from vocal_unet.shipped import SHIPPED
from vocal_unet.training.architectures import architecture
from vocal_unet.training.model_folder import save_model
from vocal_unet.training.progress import History

SCORES = {"val_loss": 1.0, "val_si_sdr": 2.0, "val_si_sdri": 3.0}


@pytest.fixture(scope="module", params=["unet", "spleeter", "coarse"])
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    framing = dataclasses.replace(SMALL.framing, bins=192)  # Spleeter's networks halve it six times
    small = SpleeterNetworkConfig(conv_n_filters=(2, 3, 4, 4, 4, 4))
    loss = "cell_cross_entropy" if request.param == "coarse" else SMALL.loss
    config = dataclasses.replace(SMALL, arch=request.param, loss=loss, framing=framing, spleeter=small, crop_frames=64)
    plan = architecture(config, ("vocals", "accompaniment"))
    network = plan.build(config.framing)
    rng = np.random.default_rng(0)
    network.set_weights([w + 0.1 * np.abs(rng.standard_normal(w.shape)) for w in network.get_weights()])
    made = tmp_path_factory.mktemp("packed") / "model"
    made.mkdir()
    history = History([SCORES], steps=1, best_epoch=1)
    save_model(made, network, plan, data="generated:2", minutes=1.0, trained_on="a test", history=history)
    return made


def test_a_packed_model_separates_like_its_original(folder: Path, tmp_path: Path, tone) -> None:
    packed = pack(folder, tmp_path / "packed")
    assert sorted(path.name for path in packed.iterdir()) == ["config.json", "model_card.md", WEIGHTS]
    assert (packed / WEIGHTS).stat().st_size < 0.8 * (folder / "model.keras").stat().st_size
    mixture = tone(9000)
    whole, half = (Separator(path).separate(mixture)["vocals"] for path in (folder, packed))
    # weights keep 11 bits of 24: errors of 2^-12 each, which add up at random
    assert snr(whole, half) > 50
    assert Separator(packed).weights == "a test"


def test_halves_stay_halves(tmp_path: Path) -> None:
    arrays = {"half": np.float16([1, 2, 3]), "single": np.float32([[4.5]])}
    write_arrays(tmp_path / "file", arrays, {})
    read = read_arrays(tmp_path / "file")
    assert {name: array.dtype.name for name, array in read.items()} == {"half": "float16", "single": "float32"}
    for name, array in arrays.items():
        np.testing.assert_array_equal(read[name], array)


def test_what_does_not_fit_is_named(folder: Path, tmp_path: Path) -> None:
    packed = pack(folder, tmp_path / "packed")
    config = json.loads((packed / "config.json").read_text())
    config["training"]["unet"]["filters"] = [2, 3, 5]
    config["training"]["spleeter"]["conv_n_filters"] = [2, 3, 5, 2, 3, 5]
    config["training"]["coarse"]["filters"] = [2, 3, 5, 2]
    (packed / "config.json").write_text(json.dumps(config))
    with pytest.raises(ModelError, match="weights of another network"):
        Separator(packed)
    config["architecture"] = "transformer"
    (packed / "config.json").write_text(json.dumps(config))
    with pytest.raises(ModelError, match="must be unet, spleeter or coarse, not transformer"):
        Separator(packed)
    shutil.rmtree(packed)
    packed.mkdir()
    with pytest.raises(ModelError, match=r"holds no model\.keras"):
        pack(packed, tmp_path / "again")


def test_a_shipped_model_loads_by_its_name(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(SHIPPED, "small", pack(folder, tmp_path / "packed"))
    separator = Separator("vocal-unet:small")
    assert separator.model.name == "vocal-unet:small" and separator.stems == ("vocals", "accompaniment")
