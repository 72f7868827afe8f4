"""A small training run from start to a folder that separates, and the ways in which one ends early."""

from __future__ import annotations

import dataclasses
import json
import math
import time
from pathlib import Path
from types import SimpleNamespace

import keras
import numpy as np
import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.util.tensor_util import make_ndarray

from vocal_unet import Separator
from vocal_unet.audio import write_audio
from vocal_unet.config import PRESETS, AugmentConfig, CoarseConfig, Framing, TrainConfig, UNetConfig
from vocal_unet.errors import ConfigError, DataError, OutputError, TrainingError
from vocal_unet.losses import LOSSES
from vocal_unet.models.unet import build_unet
from vocal_unet.training.callbacks import WARM_UP, Pace, StopOnNaN, factor
from vocal_unet.training.checkpoints import averaged_weights, read_weights
from vocal_unet.training.progress import Keeper
from vocal_unet.training.run_folder import RunFolder
from vocal_unet.training.train import TrainResult, train

SMALL = TrainConfig(
    framing=Framing(frame_length=512, frame_step=128, segment_frames=64, bins=200),
    unet=UNetConfig(filters=(2, 3, 4), dropout=(0.1,)),
    crop_frames=16,
    batch_size=2,
    epochs=2,
    steps_per_epoch=3,
    learning_rate=1e-3,
    schedule="cosine",
    validation_excerpts=3,
)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> str:
    root = tmp_path_factory.mktemp("songs")
    rng = np.random.default_rng(0)
    for name in ("one", "two", "three"):
        (root / name).mkdir()
        for stem in ("vocals", "other"):
            samples = (0.1 * rng.standard_normal((8000, 2))).astype(np.float32)
            write_audio(root / name / f"{stem}.wav", samples, 44100, sample_format="float32")
    return f"stems:{root}"


@pytest.fixture(scope="module")
def trained(data: str, tmp_path_factory: pytest.TempPathFactory) -> TrainResult:
    return train(SMALL, data, tmp_path_factory.mktemp("models") / "model")


def test_a_run_leaves_a_folder_that_separates(trained: TrainResult, tone) -> None:
    assert trained.steps == 6 and trained.epochs == 2 and math.isfinite(trained.best["val_loss"])
    assert not [path for path in trained.folder.parent.iterdir() if path != trained.folder]
    separator = Separator(f"vocal-unet:{trained.folder}")
    assert separator.weights == trained.trained_on
    mixture = tone(9000)
    stems = separator.separate(mixture)
    assert list(stems) == ["vocals", "accompaniment"]
    np.testing.assert_allclose(stems["vocals"] + stems["accompaniment"], mixture, atol=1e-5)


def test_the_settings_are_on_record(trained: TrainResult, data: str) -> None:
    config = json.loads((trained.folder / "config.json").read_text(encoding="utf-8"))
    assert config["format"] == 1 and config["architecture"] == "unet" and config["data"] == data
    assert config["stems"] == ["vocals", "accompaniment"]
    assert TrainConfig.from_dict({**config["training"], "framing": config["framing"]}) == SMALL
    assert config["trained_on"].endswith("on 2 songs from " + Path(data).name)
    assert config["versions"]["keras"] == keras.__version__
    assert config["result"]["steps"] == 6 and config["result"]["best_epoch"] == trained.history.best_epoch
    assert "# Vocals from 44100 Hz stereo" in (trained.folder / "model_card.md").read_text(encoding="utf-8")


def test_the_saved_network_has_the_best_epochs_weights_and_no_optimizer(trained: TrainResult) -> None:
    network = keras.saving.load_model(trained.folder / "model.keras", compile=True)
    assert getattr(network, "optimizer", None) is None
    assert network.input_shape == (None, 64, 200, 2)
    for saved, expected in zip(
        network.get_weights(), read_weights(trained.folder / "checkpoints" / "best.npz"), strict=True
    ):
        np.testing.assert_array_equal(saved, expected)


def test_the_same_seed_gives_the_same_network(trained: TrainResult, data: str, tmp_path: Path) -> None:
    train(SMALL, data, tmp_path / "again")
    first, again = (keras.saving.load_model(f / "model.keras") for f in (trained.folder, tmp_path / "again"))
    for one, other in zip(first.get_weights(), again.get_weights(), strict=True):
        # Threads may add gradients in another order.
        np.testing.assert_allclose(one, other, atol=1e-4)


@pytest.mark.parametrize("loss", LOSSES)
def test_training_learns_a_separable_mixture(loss: str, tmp_path: Path) -> None:
    """Vocals are high noise, the rest low: any network that learns at all finds that out."""
    rng = np.random.default_rng(0)
    for name in ("one", "two", "three"):
        (tmp_path / "songs" / name).mkdir(parents=True)
        spectrum = np.fft.rfft(rng.standard_normal((20_000, 2)), axis=0)
        low, high = spectrum.copy(), spectrum.copy()
        low[3000:], high[:3000] = 0, 0
        for stem, band in (("vocals", high), ("other", low)):
            samples = (0.05 * np.fft.irfft(band, axis=0)).astype(np.float32)
            write_audio(tmp_path / "songs" / name / f"{stem}.wav", samples, 44100, sample_format="float32")
    config = dataclasses.replace(
        SMALL, loss=loss, epochs=3, early_stopping=0.0, steps_per_epoch=40, learning_rate=2e-2, augment=AugmentConfig.NONE,
        unet=UNetConfig(filters=(4, 8), dropout=(), batch_normalization_momentum=0.9),
        arch="coarse" if loss == "cell_cross_entropy" else "unet",
        coarse=CoarseConfig(filters=(4, 4, 8, 8), blocks=1, dropout=0.0),
    )  # fmt: skip
    train(config, f"stems:{tmp_path / 'songs'}", tmp_path / "model")
    events = EventAccumulator(str(tmp_path / "model" / "tensorboard" / "train"))
    events.Reload()
    losses = [float(make_ndarray(event.tensor_proto)) for event in events.Tensors("epoch_loss")]
    assert len(losses) == 3 and losses[-1] < 0.5 * losses[0]


def test_an_existing_folder_is_refused_and_kept(data: str, tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "config.json").write_text("{}")
    with pytest.raises(OutputError, match="exists already"):
        train(SMALL, data, tmp_path / "model")
    assert (tmp_path / "model" / "config.json").read_text() == "{}"


def test_a_loss_that_is_no_number_ends_the_run(data: str, tmp_path: Path) -> None:
    config = dataclasses.replace(SMALL, learning_rate=1e38, schedule="constant", epochs=4)
    with pytest.raises(TrainingError, match="lower learning_rate"):
        train(config, data, tmp_path / "model")
    assert not list(tmp_path.iterdir())
    with pytest.raises(TrainingError, match="nan"):
        _compiled(StopOnNaN()).on_train_batch_end(0, {"loss": math.nan})


def test_the_time_budget_ends_the_run(data: str, tmp_path: Path) -> None:
    config = dataclasses.replace(SMALL, minutes=1e-4, epochs=1000, steps_per_epoch=1000)
    result = train(config, data, tmp_path / "model")
    assert result.steps == 1 and (tmp_path / "model" / "model.keras").is_file()


def test_early_stopping_waits_for_its_share_of_the_epochs(tmp_path: Path) -> None:
    def keeper(share: float, epochs: int) -> Keeper:
        config = dataclasses.replace(SMALL, early_stopping=share, epochs=epochs)
        return Keeper(RunFolder(tmp_path), config, Pace(config, 0.0), judge=None)

    assert [keeper(*pair).patience for pair in ((0.15, 100), (0.15, 2), (0.0, 100))] == [15, 1, None]
    waiting = keeper(0.15, 100)
    waiting.history.best_epoch = 3
    for epochs, stalled in ((17, False), (18, True)):
        waiting.history.epochs = [{}] * epochs
        assert waiting.stalled is stalled
    never = keeper(0.0, 10)
    never.history.epochs = [{}] * 1000
    assert not never.stalled


@pytest.mark.parametrize(("monitor", "best"), [("val_loss", 2), ("val_si_sdr", 3)])
def test_the_best_epoch_is_the_one_the_monitor_likes_best(monitor: str, best: int, tmp_path: Path) -> None:
    config = dataclasses.replace(SMALL, monitor=monitor)
    folder = RunFolder(tmp_path)
    folder.checkpoints.mkdir()
    keeper = _compiled(Keeper(folder, config, Pace(config, 0.0), judge=None))
    keeper.judge = SimpleNamespace(validation=SimpleNamespace(network=keeper.model))
    for epoch, (loss, score) in enumerate([(3.0, 1.0), (1.0, 2.0), (2.0, 3.0), (2.5, 0.0)]):
        keeper.on_epoch_end(epoch, {"val_loss": loss, "val_si_sdr": score})
    assert keeper.history.best_epoch == best


@pytest.mark.parametrize(("schedule", "end"), [("cosine", 0), ("exponential", 0.01)])
def test_a_schedule_rises_and_falls(schedule: str, end: float) -> None:
    rates = [factor(schedule, share) for share in np.linspace(0, 1, 201)]
    assert rates[0] == pytest.approx(0.1 / 1.1) and rates[-1] == pytest.approx(end)
    peak = int(np.argmax(rates))
    assert peak / 200 == pytest.approx(WARM_UP, abs=0.005) and max(rates) == pytest.approx(1, abs=1e-3)
    assert rates[: peak + 1] == sorted(rates[: peak + 1]) and rates[peak:] == sorted(rates[peak:], reverse=True)


def test_pace_counts_steps_or_time() -> None:
    pace = _compiled(Pace(SMALL, time.monotonic()))
    assert pace.share == 0
    for _ in range(6):
        pace.on_train_batch_begin(0)
        pace.on_train_batch_end(0)
    assert pace.share == 1 and pace.model.stop_training
    late = Pace(dataclasses.replace(SMALL, minutes=1.0), time.monotonic() - 30)
    assert late.share == pytest.approx(0.5, abs=0.05)


@pytest.mark.parametrize("name", PRESETS)
def test_presets_survive_json(name: str) -> None:
    assert TrainConfig.from_dict(json.loads(json.dumps(PRESETS[name].to_dict()))) == PRESETS[name]


def test_the_papers_preset_is_the_papers() -> None:
    paper = PRESETS["paper"]
    shape = (paper.batch_size, paper.framing.channels, paper.framing.bins, paper.crop_frames)
    assert shape == (8, 2, 1025, 587)
    settings = (paper.learning_rate, paper.weight_decay, paper.early_stopping, paper.loss, paper.schedule)
    assert settings == (1e-4, 1e-5, 0.15, "magnitude_l1", "constant")


@pytest.mark.parametrize(
    "values",
    [
        {"crop_frames": 0}, {"batch_size": 1.5}, {"epochs": True}, {"learning_rate": 0.0}, {"schedule": "linear"},
        {"loss": "l2"}, {"early_stopping": 1.5}, {"target": "mixture"}, {"bad_songs": "ignore"}, {"memory_mb": 1},
        {"minutes": "2"}, {"minutes": math.nan}, {"vocals_gain_db": 90.0}, {"validation_songs": 1.0}, {"seed": -1},
        {"minutes": 0}, {"arch": "wave"}, {"ema": 1.0}, {"clip_norm": -1.0}, {"monitor": "sdr"}, {"profile": (5, 2)},
        {"missed_weight": 0.0}, {"missed_weight": math.inf}, {"learning_rate": math.inf}, {"minutes": math.inf},
        {"arch": "spleeter", "crop_frames": 100}, {"arch": "spleeter", "loss": "mask_l1"}, {"validation_excerpts": 0},
    ],
)  # fmt: skip
def test_impossible_settings_are_refused(values: dict) -> None:
    with pytest.raises(ConfigError, match=list(values)[-1]):
        TrainConfig(**values)


def test_framings_the_songs_do_not_have_are_refused(data: str, tmp_path: Path) -> None:
    mono = dataclasses.replace(SMALL, framing=dataclasses.replace(SMALL.framing, channels=1))
    with pytest.raises(DataError, match="stereo"):
        train(mono, data, tmp_path / "model")


def test_averaged_weights_are_the_optimizers_average() -> None:
    network = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1, use_bias=False, kernel_initializer="ones")])
    network.compile(keras.optimizers.SGD(1.0, use_ema=True, ema_momentum=0.5), loss=lambda true, guess: guess)
    np.testing.assert_array_equal(averaged_weights(network)[0], [[1.0]])
    one = np.ones((1, 1), np.float32)
    # The gradient is 1: the weight goes 0, -1, -2; its average starts with the first and then takes half of each.
    for expected in (0.0, -0.5, -1.25):
        network.train_on_batch(one, one)
        np.testing.assert_allclose(averaged_weights(network)[0], [[expected]])


def test_mixed_precision_keeps_its_weights_and_the_model_in_32_bits(data: str, tmp_path: Path) -> None:
    config = dataclasses.replace(SMALL, mixed_precision=True, ema=0.9, clip_norm=1.0, epochs=1)
    train(config, data, tmp_path / "model")
    assert keras.config.dtype_policy().name == "float32"
    network = keras.saving.load_model(tmp_path / "model" / "model.keras")
    assert {layer.compute_dtype for layer in network.layers} == {"float32"}


def _compiled(callback: keras.callbacks.Callback):
    network = build_unet(SMALL.framing, SMALL.unet)
    network.compile(optimizer=keras.optimizers.AdamW(1e-3))
    callback.set_model(network)
    return callback
