"""What a training leaves for TensorBoard, read back from its event files."""

from __future__ import annotations

import dataclasses
import io
from pathlib import Path

import numpy as np
import pytest
import soundfile
import tensorflow as tf
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.util.tensor_util import make_ndarray

from tests.vocal_unet.test_training import SMALL
from vocal_unet.training.media import EXCERPTS, GAP, colour, settings, side_by_side
from vocal_unet.training.train import train

CONFIG = dataclasses.replace(SMALL, epochs=3, ema=0.5, early_stopping=0.0, profile=(2, 3))


@pytest.fixture(scope="module")
def logs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("logs") / "model"
    train(CONFIG, "generated:2:0:12", folder)
    return folder / "tensorboard"


def read(folder: Path) -> EventAccumulator:
    events = EventAccumulator(str(folder), size_guidance={"tensors": 0})
    events.Reload()
    return events


@pytest.mark.parametrize(
    ("part", "names"),
    [
        ("train", ["loss", "learning_rate", "examples_per_second", "waiting_for_data"]),
        ("validation", ["loss", "si_sdr", "si_sdri"]),
    ],
)
def test_every_epoch_has_its_numbers(logs: Path, part: str, names: list[str]) -> None:
    events = read(logs / part)
    for name in names:
        values = [float(make_ndarray(event.tensor_proto)) for event in events.Tensors(f"epoch_{name}")]
        assert len(values) == CONFIG.epochs and np.isfinite(values).all(), name
    if part == "train":
        assert all(0 <= float(make_ndarray(e.tensor_proto)) <= 1 for e in events.Tensors("epoch_waiting_for_data"))
        assert "keras" in events.Tags()["tensors"], "the network's graph"


def test_pictures_and_players_of_fixed_excerpts(logs: Path) -> None:
    events = read(logs / "validation")
    tags = set(events.Tags()["tensors"])
    for number in range(EXCERPTS):
        # after epochs 1 and 2 by the rule of powers of two, after the third because it is the last
        assert [event.step for event in events.Tensors(f"spectrograms/excerpt {number}")] == [0, 1, 2]
        assert [event.step for event in events.Tensors(f"excerpt {number}/estimate")] == [0, 1, 2]
        assert {f"excerpt {number}/mixture", f"excerpt {number}/vocals"} <= tags
    _, _, png = make_ndarray(events.Tensors("spectrograms/excerpt 0")[-1].tensor_proto)
    picture = tf.io.decode_png(png).numpy()
    assert picture.shape[2] == 3 and picture.std() > 10
    sound, _ = make_ndarray(events.Tensors("excerpt 0/vocals")[0].tensor_proto)[0]
    samples, rate = soundfile.read(io.BytesIO(sound))
    assert rate == 44100 and samples.shape[1] == 2 and samples.std() > 0


def test_the_settings_stand_in_the_hparams_tab(logs: Path) -> None:
    tags = read(logs / "validation").summary_metadata
    assert {"_hparams_/experiment", "_hparams_/session_start_info"} <= set(tags)
    flat = settings(CONFIG)
    assert flat["augment.gain_db"] == 6.0 and flat["unet.filters"] == "[2, 3, 4]" and flat["minutes"] == "None"


def test_a_profile_was_taken(logs: Path) -> None:
    assert list((logs / "train" / "plugins" / "profile").rglob("*.xplane.pb"))


def test_the_picture_shows_four_panels_on_one_scale() -> None:
    loud, quiet = np.full((5, 3), 10.0), np.full((5, 3), 10.0 * 10 ** (-35 / 20))
    picture = side_by_side(loud, quiet, np.zeros((5, 3)), np.full((5, 3), 0.5))
    assert picture.shape == (3, 4 * 5 + 3 * GAP, 3)
    columns = [picture[0, panel * (5 + GAP)] for panel in range(4)]
    np.testing.assert_array_equal(columns, colour(np.array([[1.0], [0.5], [0.0], [0.5]]))[0])
    rising = colour(np.arange(4.0)[None] / 3).sum(axis=(1, 2))
    assert list(rising) == sorted(rising, reverse=True)  # the lowest bin lies at the bottom
