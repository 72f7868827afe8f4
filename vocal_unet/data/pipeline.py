"""From songs to training batches: random crops, augmentation on waveforms, magnitudes."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import tensorflow as tf

from vocal_unet.config import Framing, TrainConfig
from vocal_unet.data.songs import SAMPLE_RATE, TARGET, Song
from vocal_unet.errors import DataError
from vocal_unet.framing import frame_spectrogram

Stems = dict[str, np.ndarray]
_STORED = np.float16
"""Songs wait in memory at half precision: its noise lies 66 dB below the signal, a song of four minutes takes 170 MB."""


def crop_framing(config: TrainConfig) -> Framing:
    """The model's framing with segments as long as a training crop."""
    return dataclasses.replace(config.framing, segment_frames=config.crop_frames)


def load_songs(songs: Sequence[Song], progress: Callable[[], None] | None = None) -> list[Stems]:
    """Read or generate all songs, several at a time, into memory.

    Args:
        songs: where they come from.
        progress: called after each.

    Returns:
        The stems of each song in order, float16 `(samples, 2)`.

    Raises:
        AudioError, DataError: a song cannot be read.
    """

    def load(song: Song) -> Stems:
        return {stem: samples.astype(_STORED) for stem, samples in song.stems().items()}

    loaded = []
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for stems in pool.map(load, songs):
            loaded.append(stems)
            if progress:
                progress()
    return loaded


def split_songs(songs: Sequence[Song], share: float) -> tuple[list[Song], list[Song]]:
    """Songs for training, and the last ones (`share` of them, at least one) for validation.

    Raises:
        DataError: there is only one song.
    """
    if len(songs) < 2:
        raise DataError(f"training needs at least two songs, one of them for validation; there is only {songs[0].name}")
    kept = min(len(songs) - 1, max(1, round(share * len(songs))))
    return list(songs[:-kept]), list(songs[-kept:])


def training_batches(songs: Sequence[Stems], config: TrainConfig) -> tf.data.Dataset:
    """Endless augmented batches, the same for the same seed.

    Args:
        songs: what `load_songs` gave.
        config: crop length, batch size, augmentation, seed.

    Returns:
        Pairs (mixture, vocals) of magnitudes, float32 `(batch_size, crop_frames, bins, channels)`.
    """
    return _batches(lambda: _augmented(songs, config), config, tf.data.INFINITE_CARDINALITY).prefetch(2)


def validation_batches(songs: Sequence[Stems], config: TrainConfig) -> tf.data.Dataset:
    """`validation_crops` plain crops of whole songs, evenly spread over them, in batches; the same in every epoch.

    Args:
        songs: what `load_songs` gave.
        config: crop length, batch size, number of crops.

    Returns:
        Pairs like those of `training_batches`; the last batch may be smaller. They are kept in memory once computed.
    """
    return _batches(
        lambda: _evenly_spaced(songs, config), config, -(-config.validation_crops // config.batch_size)
    ).cache()


def _batches(examples: Callable[[], Iterator[np.ndarray]], config: TrainConfig, count: int) -> tf.data.Dataset:
    framing = crop_framing(config)

    def magnitudes(samples: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        spectrogram = tf.abs(frame_spectrogram(samples, framing)[..., : framing.bins, :])
        return spectrogram[:, 0], spectrogram[:, 1]

    signature = tf.TensorSpec((2, framing.segment_samples, framing.channels), tf.float32)
    dataset = tf.data.Dataset.from_generator(examples, output_signature=signature)
    dataset = dataset.batch(config.batch_size).map(magnitudes, num_parallel_calls=1)
    return dataset.apply(tf.data.experimental.assert_cardinality(count))


def _augmented(songs: Sequence[Stems], config: TrainConfig) -> Iterator[np.ndarray]:
    """Mixture and vocals, float32 `(2, samples, channels)`, without end."""
    rng = np.random.default_rng(config.seed)
    length = crop_framing(config).segment_samples
    while True:
        one = int(rng.integers(len(songs)))
        other = int(rng.integers(len(songs))) if rng.random() < config.cross_mixing else one
        start = _draw_start(songs[one], length, rng)
        other_start = start if other == one else _draw_start(songs[other], length, rng)
        pair = np.zeros((2, length, config.framing.channels), np.float32)
        mixture, vocals = pair
        _add(vocals, songs[one][TARGET], start, _gain(config, rng) * _factor(config.vocals_gain_db))
        mixture += vocals
        for stem, samples in songs[other].items():
            if stem != TARGET:
                _add(mixture, samples, other_start, _gain(config, rng))
        if rng.random() < config.noise:
            level = np.sqrt(np.mean(mixture**2)) * 10 ** (rng.uniform(config.noise_db[0], config.noise_db[1]) / 20)
            mixture += np.float32(level) * rng.standard_normal(mixture.shape, dtype=np.float32)
        yield pair[:, :, ::-1] if rng.random() < 0.5 else pair


def _evenly_spaced(songs: Sequence[Stems], config: TrainConfig) -> Iterator[np.ndarray]:
    """Mixture and vocals, float32 `(2, samples, channels)`."""
    length = crop_framing(config).segment_samples
    for index in range(config.validation_crops):
        song = songs[index % len(songs)]
        position = (index // len(songs) + 0.5) / -(-config.validation_crops // len(songs))
        start = int(position * max(0, len(song[TARGET]) - length))
        pair = np.zeros((2, length, config.framing.channels), np.float32)
        for stem, samples in song.items():
            if stem == TARGET:
                _add(pair[1], samples, start, _factor(config.vocals_gain_db))
            else:
                _add(pair[0], samples, start)
        pair[0] += pair[1]
        yield pair


def _draw_start(song: Stems, length: int, rng: np.random.Generator) -> int:
    return int(rng.integers(max(0, len(song[TARGET]) - length) + 1))


def _add(target: np.ndarray, samples: np.ndarray, start: int, gain: float = 1.0) -> None:
    """Add what follows `start` to `target` `(samples, channels)`; nothing is added where the song has ended."""
    piece = samples[start : start + len(target)]
    target[: len(piece)] += np.float32(gain) * piece.astype(np.float32)


def _gain(config: TrainConfig, rng: np.random.Generator) -> float:
    return _factor(rng.uniform(-config.gain_db, config.gain_db))


def _factor(decibels: float) -> float:
    return 10 ** (decibels / 20)


def check_framing(framing: Framing) -> None:
    """Raise `DataError` where the songs, 44100 Hz and stereo, do not suit the framing."""
    if (framing.sample_rate, framing.channels) != (SAMPLE_RATE, 2):
        raise DataError(
            f"songs are {SAMPLE_RATE} Hz stereo; the framing asks for {framing.sample_rate} Hz, {framing.channels}"
        )
