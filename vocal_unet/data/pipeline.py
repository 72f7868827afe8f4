"""tf.data: from songs to batches of magnitudes, for training (augmented, endless, resumable) and validation (plain, fixed)."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import tensorflow as tf

from vocal_unet.config import Framing, TrainConfig
from vocal_unet.data.effects import apply_gain
from vocal_unet.data.examples import Examples
from vocal_unet.data.masking import mask_bins, mask_frames
from vocal_unet.data.songs import CHANNELS, SAMPLE_RATE, Song
from vocal_unet.data.sources import SongSet
from vocal_unet.data.stored import StoredStems
from vocal_unet.errors import DataError
from vocal_unet.framing import frame_spectrogram


def crop_framing(config: TrainConfig) -> Framing:
    """The model's framing with segments as long as a training crop."""
    return dataclasses.replace(config.framing, segment_frames=config.crop_frames)


def check_framing(framing: Framing) -> None:
    """Raise `DataError` where the songs, 44100 Hz and stereo, do not suit the framing."""
    if (framing.sample_rate, framing.channels) != (SAMPLE_RATE, CHANNELS):
        raise DataError(
            f"songs are {SAMPLE_RATE} Hz stereo; the framing asks for {framing.sample_rate} Hz, {framing.channels}"
        )


def training_batches(examples: Examples, first_step: int = 0) -> tf.data.Dataset:
    """Endless augmented batches, the same for the same seed.

    Args:
        examples: made from the songs and the settings.
        first_step: number of batches to leave out; what follows is exactly what would have followed them.

    Returns:
        Pairs (mixture, target) of magnitudes, float32 `(batch_size, crop_frames, bins, channels)`.
    """
    config = examples.config

    def make(index: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        waveforms, masks = tf.numpy_function(examples, [index], (tf.float32, tf.int32))
        return tf.ensure_shape(waveforms, (2, examples.samples, CHANNELS)), tf.ensure_shape(masks, (4,))

    dataset = tf.data.Dataset.range(first_step * config.batch_size, tf.int64.max)
    dataset = dataset.map(make, num_parallel_calls=os.cpu_count(), deterministic=True)
    dataset = dataset.batch(config.batch_size, drop_remainder=True)
    dataset = dataset.map(lambda waveforms, masks: _masked(*magnitudes(waveforms, config), masks), num_parallel_calls=1)
    return dataset.apply(tf.data.experimental.assert_cardinality(tf.data.INFINITE_CARDINALITY)).prefetch(2)


def validation_batches(songs: SongSet, config: TrainConfig) -> tf.data.Dataset:
    """`validation_crops` plain crops, evenly spread over the songs and within each, in batches; the same in every epoch.

    Args:
        songs: those kept for validation. Where none has both target and accompaniment, recordings are paired in order.
        config: target, crop length, batch size, number of crops.

    Returns:
        Pairs like those of `training_batches`; the last batch may be smaller. They are kept in memory once computed.
    """
    length = crop_framing(config).segment_samples
    signature = tf.TensorSpec((2, length, CHANNELS), tf.float32)
    dataset = tf.data.Dataset.from_generator(lambda: _evenly_spaced(songs, config, length), output_signature=signature)
    dataset = dataset.batch(config.batch_size).map(lambda waveforms: magnitudes(waveforms, config))
    batches = -(-config.validation_crops // config.batch_size)
    return dataset.apply(tf.data.experimental.assert_cardinality(batches)).cache()


@contextmanager
def songs_own_errors(examples: Examples) -> Iterator[None]:
    """Raise what was wrong with a song in place of TensorFlow's report of it."""
    try:
        yield
    except tf.errors.OpError:
        if examples.error is not None:
            raise examples.error from None
        raise


def magnitudes(waveforms: tf.Tensor, config: TrainConfig) -> tuple[tf.Tensor, tf.Tensor]:
    """Mixtures and targets `(batch, 2, samples, channels)` → two magnitudes `(batch, frames, bins, channels)`."""
    spectrogram = tf.abs(frame_spectrogram(waveforms, config.framing)[..., : config.framing.bins, :])
    return spectrogram[:, 0], spectrogram[:, 1]


def _masked(mixture: tf.Tensor, target: tf.Tensor, masks: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Silence the same frames and bins in both: a mask cannot bring back what the mixture has lost."""

    def apply(spectrograms: tf.Tensor) -> tf.Tensor:
        return mask_bins(mask_frames(spectrograms, masks[:, 0], masks[:, 1]), masks[:, 2], masks[:, 3])

    return tf.cond(tf.reduce_any(masks > 0), lambda: (apply(mixture), apply(target)), lambda: (mixture, target))


def validation_pairs(songs: SongSet, target: str) -> list[tuple[Song, Song]]:
    """Which song gives the target and which the accompaniment of a validation example: the same wherever it has both."""
    whole = [song for song in songs.songs if target in song.stem_names and len(song.stem_names) > 1]
    if whole:
        return [(song, song) for song in whole]
    targets = [song for song in songs.songs if target in song.stem_names]
    others = [song for song in songs.songs if target not in song.stem_names]
    if not targets or not others:
        raise DataError(f"validation needs {target} and something else; give more songs or recordings")
    return [(one, others[index % len(others)]) for index, one in enumerate(targets)]


def _evenly_spaced(songs: SongSet, config: TrainConfig, length: int) -> Iterator[np.ndarray]:
    """Mixture and target, float32 `(2, samples, channels)`; each song is decoded once."""
    pairs = validation_pairs(songs, config.target)
    for number, (one, other) in enumerate(pairs):
        crops = len(range(number, config.validation_crops, len(pairs)))
        if not crops:
            return
        voice = one.stored()
        rest = voice if other is one else other.stored()
        for crop in range(crops):
            yield _plain(voice, rest, (crop + 0.5) / crops, config, length)


def _plain(voice: StoredStems, rest: StoredStems, position: float, config: TrainConfig, length: int) -> np.ndarray:
    """The crop at `position` (0 to 1) of each song."""
    starts = [int(position * max(0, song.samples - length)) for song in (voice, rest)]
    target = apply_gain(voice.read([config.target], starts[0], length)[0], config.vocals_gain_db)
    others = rest.read([stem for stem in rest.names if stem != config.target], starts[1], length)
    return np.stack([target + others.sum(axis=0), target])
