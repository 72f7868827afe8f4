"""Silences blocks of frames or bins of a spectrogram, as tensorflow-io does, at places drawn beforehand.

`tfio.audio.time_mask` and `freq_mask` draw the place themselves from TensorFlow's global random state, which cannot be set
for one example, so a resumed training would see other masks. Given the same numbers, the result is theirs (tested).
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import tensorflow as tf

Array: TypeAlias = np.ndarray | tf.Tensor


def mask_frames(spectrograms: Array, start: Array, width: Array) -> tf.Tensor:
    """Silence `width` frames from `start` on.

    Args:
        spectrograms: `(batch, frames, bins, channels)`.
        start: int32 `(batch,)`.
        width: int32 `(batch,)`; 0 leaves an example as it is.
    """
    frames = tf.range(tf.shape(spectrograms)[1])
    return tf.where(_inside(frames, start, width)[:, :, None, None], tf.cast(0, spectrograms.dtype), spectrograms)


def mask_bins(spectrograms: Array, start: Array, width: Array) -> tf.Tensor:
    """Silence `width` bins from `start` on; arguments as those of `mask_frames`."""
    bins = tf.range(tf.shape(spectrograms)[2])
    return tf.where(_inside(bins, start, width)[:, None, :, None], tf.cast(0, spectrograms.dtype), spectrograms)


def draw_block(count: int, most: int, rng: np.random.Generator) -> tuple[int, int]:
    """Start and width of a block among `count`: up to `most` wide, inside, drawn as tensorflow-io draws."""
    width = int(rng.integers(min(most, count) + 1))
    return int(rng.integers(count - width + 1)), width


def _inside(positions: tf.Tensor, start: Array, width: Array) -> tf.Tensor:
    positions = positions[None]
    return (positions >= start[:, None]) & (positions < start[:, None] + width[:, None])
