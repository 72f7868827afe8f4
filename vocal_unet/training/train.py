"""Train a U-Net with Keras `compile` and `fit`."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

import keras
import tensorflow as tf

from vocal_unet import console
from vocal_unet.config import TrainConfig
from vocal_unet.data.examples import Examples
from vocal_unet.data.pipeline import (
    check_framing,
    crop_framing,
    songs_own_errors,
    training_batches,
    validation_batches,
)
from vocal_unet.data.sources import open_songs, split_songs, usable_songs
from vocal_unet.errors import TrainingError
from vocal_unet.losses import LOSSES, target_mask
from vocal_unet.models.unet import build_unet
from vocal_unet.training.callbacks import Pace, ShowProgress, StopOnNaN
from vocal_unet.training.model_folder import describe, new_folder, save_model

BEST, LAST = "best.weights.h5", "last.weights.h5"


@dataclass(frozen=True)
class TrainResult:
    """What a training run came to."""

    folder: Path
    trained_on: str
    epochs: int
    steps: int
    minutes: float
    best_loss: float
    """Lowest validation loss; its weights are the model's."""


def train(config: TrainConfig, data: str, out: str | Path, *, force: bool = False) -> TrainResult:
    """Train a network and write it as a model folder.

    The folder holds `model.keras` (for whole segments, ready to separate), `config.json`, `model_card.md`, TensorBoard logs in
    `tensorboard/` and the weights of the best and the last epoch in `checkpoints/`. It appears under its name when all of
    it is written; while training runs, it lies beside it as `.NAME.partial`.

    Args:
        config: all settings; with `minutes` set, generating or reading the songs counts too.
        data: what `open_songs` takes.
        out: folder to write.
        force: replace `out` if it exists.

    Raises:
        ConfigError: a setting is out of range.
        DataError, AudioError: the songs cannot be used.
        OutputError: `out` exists already or cannot be written.
        TrainingError: the loss became NaN, or time was up before the first step.
    """
    started = time.monotonic()
    check_framing(config.framing)
    found, left_out = usable_songs(open_songs(data), config.target, config.bad_songs)
    songs, held_out = split_songs(found, config.validation_songs)
    if left_out:
        console.stderr.print(f"left out {len(left_out)} songs that cannot be used, first {left_out[0]}", soft_wrap=True)
    with new_folder(Path(out), force=force) as folder, console.progress_bar() as bar:
        keras.utils.set_random_seed(config.seed)
        examples = Examples(songs, config)
        task = bar.add_task("songs", total=examples.songs_at_once)
        examples.preload(progress=lambda: bar.advance(task))
        network = build_unet(crop_framing(config), config.unet)
        pace = Pace(config, started)
        (folder / "checkpoints").mkdir()
        with songs_own_errors(examples):
            history = fit(
                network,
                _with_targets(training_batches(examples), config.loss),
                _with_targets(validation_batches(held_out, config), config.loss),
                config,
                [pace, StopOnNaN(), ShowProgress(bar, pace), *_recorders(folder, config)],
            )
        if not pace.steps:
            raise TrainingError("no step was made; give more minutes or more epochs")
        network.load_weights(folder / "checkpoints" / BEST)
        minutes = (time.monotonic() - started) / 60
        best = min(history.history["val_loss"])
        trained_on = f"{_minutes(minutes)} on {describe(data, len(songs))}"
        whole = build_unet(config.framing, config.unet)
        whole.set_weights(network.get_weights())
        numbers = {"epochs": len(history.epoch), "steps": pace.steps, "validation_loss": best}
        save_model(folder, whole, config, data=data, minutes=minutes, trained_on=trained_on, result=numbers)
    return TrainResult(Path(out), trained_on, len(history.epoch), pace.steps, minutes, best)


def fit(
    network: keras.Model,
    training: tf.data.Dataset,
    validation: tf.data.Dataset,
    config: TrainConfig,
    callbacks: list[keras.callbacks.Callback],
) -> keras.callbacks.History:
    """Compile the network for the configured loss and run Keras' `fit`."""
    output, function = LOSSES[config.loss]
    network.compile(
        optimizer=keras.optimizers.AdamW(config.learning_rate, weight_decay=config.weight_decay),
        loss={name: function if name == output else None for name in network.output},
        # XLA makes these networks slower on a CPU.
        jit_compile=bool(tf.config.list_physical_devices("GPU")),
    )
    return network.fit(
        training,
        validation_data=validation,
        epochs=config.epochs,
        steps_per_epoch=config.steps_per_epoch,
        callbacks=callbacks,
        shuffle=False,
        verbose=0,
    )


def _with_targets(batches: tf.data.Dataset, loss: str) -> tf.data.Dataset:
    """Pairs (mixture, vocals) → pairs (mixture, {output: what the loss compares it with})."""
    output, _ = LOSSES[loss]
    if output == "mask":
        return batches.map(lambda mixture, vocals: (mixture, {output: target_mask(vocals, mixture)}))
    return batches.map(lambda mixture, vocals: (mixture, {output: vocals}))


def _recorders(folder: Path, config: TrainConfig) -> list[keras.callbacks.Callback]:
    checkpoints = folder / "checkpoints"
    recorders = [
        keras.callbacks.TensorBoard(folder / "tensorboard", write_graph=False),
        keras.callbacks.ModelCheckpoint(
            checkpoints / BEST, monitor="val_loss", mode="min", save_best_only=True, save_weights_only=True
        ),
        keras.callbacks.ModelCheckpoint(checkpoints / LAST, save_weights_only=True),
    ]
    if config.early_stopping:
        patience = max(1, round(config.early_stopping * config.epochs))
        recorders.append(keras.callbacks.EarlyStopping("val_loss", mode="min", patience=patience))
    return recorders


def _minutes(minutes: float) -> str:
    rounded = f"{minutes:.0f}" if minutes >= 1.5 else f"{minutes:.1g}" if minutes < 0.95 else "1"
    return f"{rounded} minute{'' if rounded == '1' else 's'}"
