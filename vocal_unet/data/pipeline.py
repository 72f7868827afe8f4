"""tf.data: from songs to endless batches of magnitudes for training, the same from any step on."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterator
from contextlib import contextmanager

import tensorflow as tf

from vocal_unet.config import Framing, TrainConfig
from vocal_unet.data.examples import Examples
from vocal_unet.data.masking import mask_bins, mask_frames
from vocal_unet.data.remixing import remixed
from vocal_unet.data.songs import CHANNELS, SAMPLE_RATE
from vocal_unet.errors import DataError
from vocal_unet.framing import frame_spectrogram

SILENCE = 1e-9
"""Added to a magnitude that is divided by."""


def crop_framing(config: TrainConfig) -> Framing:
    """The model's framing with segments as long as a training crop."""
    return dataclasses.replace(config.framing, segment_frames=config.crop_frames)


def check_framing(framing: Framing) -> None:
    """Raise `DataError` where the songs, 44100 Hz and stereo, do not suit the framing."""
    if (framing.sample_rate, framing.channels) != (SAMPLE_RATE, CHANNELS):
        raise DataError(
            f"songs are {SAMPLE_RATE} Hz stereo; the framing asks for {framing.sample_rate} Hz, {framing.channels}"
        )


def training_batches(examples: Examples, first_step: int = 0, *, rest: bool = False) -> tf.data.Dataset:
    """Endless augmented batches, the same for the same seed.

    Args:
        examples: made from the songs and the settings.
        first_step: number of batches to leave out; what follows is exactly what would have followed them.
        rest: whether the magnitude of everything but the target is wanted too.

    Returns:
        Pairs (mixture, target), or triples with the rest, of magnitudes, float32 `(batch_size, crop_frames, bins, channels)`.
        Where the loss asks for it, the target is its part in phase with the mixture.
    """
    config = examples.config

    def make(index: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        waveforms, masks = tf.numpy_function(examples, [index], (tf.float32, tf.int32))
        return tf.ensure_shape(waveforms, (2, examples.samples, CHANNELS)), tf.ensure_shape(masks, (4,))

    def spectra(waveforms: tf.Tensor, masks: tf.Tensor) -> tuple[tf.Tensor, ...]:
        spectrograms = frame_spectrogram(waveforms, config.framing)[..., : config.framing.bins, :]
        if config.augment.remixes:
            spectrograms = remixed(spectrograms, config.augment.remixes)
            masks = tf.tile(masks, (1 + config.augment.remixes, 1))
        if rest:
            spectrograms = tf.concat([spectrograms, spectrograms[:, :1] - spectrograms[:, 1:]], axis=1)
        return _masked(magnitudes(spectrograms, in_phase=config.phase_sensitive), masks)

    made = config.batch_size // (1 + config.augment.remixes)
    dataset = tf.data.Dataset.range(first_step * made, tf.int64.max)
    dataset = dataset.map(make, num_parallel_calls=os.cpu_count(), deterministic=True)
    dataset = dataset.batch(made, drop_remainder=True)
    dataset = dataset.map(spectra, num_parallel_calls=1)
    return dataset.apply(tf.data.experimental.assert_cardinality(tf.data.INFINITE_CARDINALITY)).prefetch(2)


@contextmanager
def songs_own_errors(examples: Examples) -> Iterator[None]:
    """Raise what was wrong with a song in place of TensorFlow's report of it."""
    try:
        yield
    except tf.errors.OpError:
        if examples.error is not None:
            raise examples.error from None
        raise


def magnitudes(spectrograms: tf.Tensor, *, in_phase: bool = False) -> tuple[tf.Tensor, ...]:
    """Spectrograms complex64 `(batch, signals, frames, bins, channels)` → as many magnitudes `(batch, frames, bins, channels)`.

    With `in_phase` the second signal gives its part in phase with the first instead.
    """
    first, second, *more = tf.unstack(spectrograms, axis=1)
    mixture = tf.abs(first)
    return (mixture, _part_in_phase(second, first, mixture) if in_phase else tf.abs(second), *map(tf.abs, more))


def _part_in_phase(spectrogram: tf.Tensor, reference: tf.Tensor, magnitude: tf.Tensor) -> tf.Tensor:
    """`|spectrogram| · cos(angle to reference)`, negative where they work against each other; `magnitude` is |reference|."""
    real, imaginary = (part(spectrogram) * part(reference) for part in (tf.math.real, tf.math.imag))
    return (real + imaginary) / (magnitude + SILENCE)


def _masked(spectrograms: tuple[tf.Tensor, ...], masks: tf.Tensor) -> tuple[tf.Tensor, ...]:
    """Silence the same frames and bins in all: a mask cannot bring back what the mixture has lost."""

    def apply() -> tuple[tf.Tensor, ...]:
        return tuple(
            mask_bins(mask_frames(spectrogram, masks[:, 0], masks[:, 1]), masks[:, 2], masks[:, 3])
            for spectrogram in spectrograms
        )

    return tf.cond(tf.reduce_any(masks > 0), apply, lambda: spectrograms)
