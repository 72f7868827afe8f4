"""How good a network is while it trains: loss and SI-SDR of fixed excerpts, separated as users separate."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import keras
import numpy as np
import tensorflow as tf

from vocal_unet.data.pipeline import magnitudes
from vocal_unet.framing import frame_spectrogram, overlap_add
from vocal_unet.masks import stem_masks
from vocal_unet.training.architectures import Architecture


@dataclass(frozen=True)
class Scores:
    """Means over the excerpts."""

    loss: float
    si_sdr: float
    """Of the estimated target, in dB."""
    si_sdri: float
    """Improvement over the mixture, in dB."""


def si_sdr(*, reference: np.ndarray, estimate: np.ndarray) -> float:
    """SI-SDR in dB (Le Roux et al., 2019, equation 4), the mean over the channels in which the reference sounds.

    Args:
        reference: `(samples, channels)`.
        estimate: `(samples, channels)`; a silent one counts as -100 dB, and against a silent reference there is no ratio: NaN.
    """
    reference, estimate = np.asarray(reference, np.float64), np.asarray(estimate, np.float64)
    heard = np.sum(reference**2, axis=0) > 0
    if not heard.any():
        return float("nan")
    reference, estimate = reference[:, heard], estimate[:, heard]
    projected = reference * np.sum(reference * estimate, axis=0) / np.sum(reference**2, axis=0)
    signal, noise = np.sum(projected**2, axis=0), np.sum((projected - estimate) ** 2, axis=0)
    return float(np.mean(10 * np.log10(np.maximum(signal, 1e-20) / np.maximum(noise, 1e-20)).clip(-100, 100)))


class Validation:
    """Separates the excerpts with a network and compares.

    Args:
        network: takes whole segments; whatever weights it has when called are judged.
        architecture: its losses and masks.
        excerpts: mixture and target, float32 `(excerpts, 2, samples, channels)`, one segment each with the framing's zeros
            in front (`data.excerpts.excerpt_samples`).
        batch_size: excerpts separated at once.
    """

    def __init__(
        self, network: keras.Model, architecture: Architecture, excerpts: np.ndarray, batch_size: int = 1
    ) -> None:
        self.network, self.architecture, self.excerpts, self.batch_size = network, architecture, excerpts, batch_size
        self.framing = architecture.config.framing
        self._mixture_scores: list[float] | None = None
        self._separate = tf.function(self._separate_segments)

    def __call__(self) -> Scores:
        losses, estimates = self.separate(self.excerpts)
        scores = [si_sdr(reference=e[1], estimate=s) for e, s in zip(self.excerpts, estimates, strict=True)]
        if self._mixture_scores is None:
            self._mixture_scores = [si_sdr(reference=excerpt[1], estimate=excerpt[0]) for excerpt in self.excerpts]
        improvements = np.subtract(scores, self._mixture_scores)
        return Scores(float(np.mean(losses)), float(np.nanmean(scores)), float(np.nanmean(improvements)))

    def separate(self, excerpts: Sequence[np.ndarray] | np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Losses `(excerpts,)` and estimated targets float32 `(excerpts, samples, channels)`."""
        losses, estimates = [], []
        for first in range(0, len(excerpts), self.batch_size):
            loss, estimate = self._separate(np.asarray(excerpts[first : first + self.batch_size]))
            losses.append(loss.numpy())
            estimates.append(estimate.numpy())
        return np.concatenate(losses), np.concatenate(estimates)

    def _separate_segments(self, waveforms: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        framing, architecture = self.framing, self.architecture
        # Spleeter's framing: zeros in front, and as many frames as begin within the sound
        padded = tf.pad(
            waveforms, [[0, 0], [0, 0], [framing.frame_length, framing.frame_length - framing.frame_step], [0, 0]]
        )
        spectrograms = frame_spectrogram(padded, framing)
        mixture = spectrograms[:, 0]
        heard = tf.concat([spectrograms, spectrograms[:, :1] - spectrograms[:, 1:]], axis=1)[:, :, :, : framing.bins]
        mixed, wanted, rest = magnitudes(heard, in_phase=architecture.config.phase_sensitive)
        outputs = self.network(mixed, training=False)
        targets = architecture.targets(mixed, wanted, rest)
        losses = tf.add_n(
            [tf.reduce_mean(f(targets[name], outputs[name]), axis=1) for name, f in architecture.losses().items()]
        )
        mask = stem_masks(outputs, architecture.stems, architecture.masking, framing.stft_bins)[0]
        estimate = overlap_add(tf.cast(mask, tf.complex64) * mixture, framing)
        return losses, estimate[:, framing.frame_length : framing.frame_length + waveforms.shape[2]]
