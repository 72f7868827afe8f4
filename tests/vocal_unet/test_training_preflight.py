"""What is looked at before training, and a rehearsal that can fail."""

from __future__ import annotations

import dataclasses
import shutil
from pathlib import Path
from types import SimpleNamespace

import keras
import numpy as np
import pytest

from tests.vocal_unet.test_training import SMALL
from vocal_unet.config import SpleeterNetworkConfig, TrainConfig, UNetConfig
from vocal_unet.data.pipeline import crop_framing
from vocal_unet.errors import OutputError, TrainingError
from vocal_unet.training import preflight
from vocal_unet.training.architectures import architecture
from vocal_unet.training.train import check

STEMS = ("vocals", "accompaniment")
SPLEETER = dataclasses.replace(
    SMALL,
    framing=dataclasses.replace(SMALL.framing, bins=192),
    arch="spleeter",
    spleeter=SpleeterNetworkConfig(conv_n_filters=(4, 4, 8, 8, 8, 8)),
    crop_frames=64,
)

COARSE = dataclasses.replace(SMALL, arch="coarse", loss="cell_cross_entropy")


def compiled(config: TrainConfig) -> keras.Model:
    plan = architecture(config, STEMS)
    network = plan.build(crop_framing(config))
    preflight.compile_network(network, plan, keras.optimizers.AdamW(1e-3))
    return network


def test_the_estimate_counts_weights_activations_and_files() -> None:
    network = compiled(SMALL)
    found = preflight.estimate(network, SMALL)
    assert preflight.estimate(compiled(SPLEETER), SPLEETER).input_shape == (64, 192, 2)
    assert found.input_shape == (16, 200, 2) and found.parameters == network.count_params()
    double = preflight.estimate(network, dataclasses.replace(SMALL, batch_size=2 * SMALL.batch_size))
    weights = 16 * found.parameters
    assert double.memory_bytes - weights == 2 * (found.memory_bytes - weights)
    # the first level alone: convolution, normalisation and activation of 2 filters
    assert found.memory_bytes > SMALL.batch_size * 3 * 16 * 200 * 2 * 4
    assert found.disk_bytes == 4 * found.parameters * 8
    # what a coarse network does to whole magnitudes is arithmetic between layers: squares, their mean, the spread mask
    coarse = compiled(COARSE)
    values = (preflight.estimate(coarse, COARSE).memory_bytes - 16 * coarse.count_params()) / (2 * 4 * 1.5)
    assert values > 16 * 200 * (2 + 2 + 1 + 2 + 2)


def test_too_little_room_is_said_before_training(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = preflight.estimate(compiled(SMALL), SMALL)
    preflight.require_room(found, tmp_path / "not" / "yet" / "there", SMALL)
    with pytest.raises(TrainingError, match=r"1000000\.0 GB.*batch_size than 2.*crop_frames than 16"):
        preflight.require_room(dataclasses.replace(found, memory_bytes=10**15), tmp_path, SMALL)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=1000))
    with pytest.raises(OutputError, match=r"training needs 0\.2 GB, 0\.0 GB are free"):
        preflight.require_room(found, tmp_path, SMALL)


@pytest.mark.parametrize("config", [SMALL, SPLEETER, COARSE], ids=["unet", "spleeter", "coarse"])
def test_a_small_copy_learns_one_batch(config: TrainConfig) -> None:
    rng = np.random.default_rng(0)
    shape = (2, config.crop_frames, config.framing.bins, 2)
    target, rest = (np.abs(rng.standard_normal(shape)).astype(np.float32) for _ in range(2))
    target[:, :, 50:], rest[:, :, :50] = 0, 0
    before, after = preflight.overfit(config, STEMS, (target + rest, target, rest))
    preflight.require_learning(before, after)


def test_a_copy_that_does_not_learn_is_an_error() -> None:
    with pytest.raises(TrainingError, match=r"loss 1, then 0\.95"):
        preflight.require_learning(1.0, 0.95)
    with pytest.raises(TrainingError):
        preflight.require_learning(1.0, float("nan"))
    preflight.require_learning(0.0, 0.0)


def test_check_says_what_training_will_take(tmp_path: Path) -> None:
    lines: list[str] = []
    config = dataclasses.replace(SMALL, unet=UNetConfig(filters=(4, 8), dropout=()))
    check(config, "generated:2:0:12", tmp_path / "model", lines.append)
    text = "\n".join(lines)
    for words in (
        "songs: 1 to train on, 1 for validation",
        "input 16 × 200 × 2",
        "memory: about",
        "disk: about",
        "per step",
    ):
        assert words in text
    assert not list(tmp_path.iterdir())
