"""What TensorBoard shows besides curves: spectrograms side by side, players, the settings."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from tensorboard.plugins.hparams import api as hparams

from vocal_unet.config import TrainConfig
from vocal_unet.framing import stft
from vocal_unet.training.callbacks import Pace
from vocal_unet.training.validation import Validation

EXCERPTS = 3
SECONDS = 6.0
RANGE_DB = 70.0
"""From the loudest point of the mixture down to black."""
GAP = 4
HEIGHT = 256
# Black over violet and orange to pale yellow: brightness rises evenly, so it survives print and colour blindness.
COLOURS = np.array([(0, 0, 4), (66, 10, 104), (147, 38, 103), (221, 81, 58), (252, 165, 10), (252, 255, 164)], float)


def colour(values: np.ndarray) -> np.ndarray:
    """Numbers in [0, 1], `(frames, bins)`, → a picture uint8 `(bins, frames, 3)`, low bins at the bottom."""
    position = np.clip(values, 0, 1).T[::-1] * (len(COLOURS) - 1)
    return np.stack([np.interp(position, range(len(COLOURS)), c) for c in COLOURS.T], axis=-1).astype(np.uint8)


def side_by_side(mixture: np.ndarray, target: np.ndarray, estimate: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """The paper's figure 2: mixture, vocals, estimate, each in dB on one scale, and the mask from 0 to 1.

    Args:
        mixture: magnitudes `(frames, bins)`.
        target: likewise.
        estimate: likewise.
        mask: in [0, 1], likewise.

    Returns:
        uint8 `(bins, 4 * frames + 3 * GAP, 3)`.
    """
    loudest = max(float(mixture.max(initial=0)), 1e-9)
    panels = [1 + 20 * np.log10(np.maximum(x / loudest, 1e-9)) / RANGE_DB for x in (mixture, target, estimate)]
    gap = np.full((mixture.shape[1], GAP, 3), 255, np.uint8)
    pictures = [colour(panel) for panel in (*panels, mask)]
    return np.concatenate([pictures[0], *(part for picture in pictures[1:] for part in (gap, picture))], axis=1)


class Media(keras.callbacks.Callback):
    """Writes pictures and sound of the first excerpts after epochs 1, 2, 4, 8, … and the last one, and the settings once.

    Args:
        logs: TensorBoard's folder; everything goes to its `validation` run.
        validation: excerpts, and the network with the validated weights.
        config: the settings.
        pace: says when training ends.
        first_epoch: how many epochs an earlier process has done.
    """

    def __init__(
        self, logs: Path, validation: Validation, config: TrainConfig, pace: Pace, first_epoch: int = 0
    ) -> None:
        super().__init__()
        self.validation, self.config, self.pace, self.first_epoch = validation, config, pace, first_epoch
        self._folder = str(logs / "validation")
        rate = config.framing.sample_rate
        self._excerpts = validation.excerpts[:EXCERPTS, :, : int(SECONDS * rate)]

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        self._writer = tf.summary.create_file_writer(self._folder)
        if self.first_epoch:
            return
        with self._writer.as_default(step=0):
            hparams.hparams_config(
                hparams=[hparams.HParam(name) for name in settings(self.config)],
                metrics=[
                    hparams.Metric("epoch_loss", group="validation", display_name="validation loss"),
                    hparams.Metric("epoch_si_sdri", group="validation", display_name="SI-SDR improvement (dB)"),
                ],
            )
            hparams.hparams(settings(self.config))
            for number, (mixture, target) in enumerate(self._excerpts):
                self._play(f"excerpt {number}/mixture", mixture)
                self._play(f"excerpt {number}/{self.config.target}", target)

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        done = epoch + 1
        if done & (done - 1) and self.pace.share < 1:
            return
        _, estimates = self.validation.separate(self.validation.excerpts[:EXCERPTS])
        with self._writer.as_default(step=epoch):
            for number, ((mixture, target), estimate) in enumerate(zip(self._excerpts, estimates, strict=True)):
                estimate = estimate[: len(mixture)]
                self._play(f"excerpt {number}/estimate", estimate)
                tf.summary.image(
                    f"spectrograms/excerpt {number}",
                    self._picture(mixture, target, estimate)[None],
                    description=f"mixture, {self.config.target}, estimate, mask (left channel, linear frequency)",
                )
        self._writer.flush()

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        self._writer.close()

    def _play(self, name: str, waveform: np.ndarray) -> None:
        tf.summary.audio(name, waveform[None], self.config.framing.sample_rate)

    def _picture(self, *waveforms: np.ndarray) -> np.ndarray:
        framing = self.config.framing
        spectra = [np.abs(stft(w, framing).numpy())[:, : framing.bins, 0] for w in waveforms]
        step = max(1, framing.bins // HEIGHT)
        mixture, target, estimate = (s[:, ::step] for s in spectra)
        # where the mixture is black its mask is of no account, and mostly rounding
        heard = mixture > mixture.max(initial=0) * 10 ** (-RANGE_DB / 20)
        return side_by_side(mixture, target, estimate, heard * np.minimum(estimate / np.maximum(mixture, 1e-9), 1))


def settings(config: TrainConfig) -> dict[str, Any]:
    """The settings as one flat table: `augment.gain_db` and so on; lists as text."""

    def flatten(values: dict[str, Any], prefix: str) -> dict[str, Any]:
        flat: dict[str, Any] = {}
        for key, value in values.items():
            if isinstance(value, dict):
                flat |= flatten(value, f"{prefix}{key}.")
            else:
                flat[prefix + key] = value if isinstance(value, (bool, int, float, str)) else str(value)
        return flat

    return flatten(config.to_dict(), "")
